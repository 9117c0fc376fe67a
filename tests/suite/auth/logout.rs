//! Logout: the end of a session, at once and on every node.

use countersign::problem::Code;
use reqwest::Method;
use rstest::rstest;

use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn whoever_logs_out_ends_this_session_and_no_other(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (here, there) = (ada.log_in().await, ada.log_in().await);

    let answer = ada.log_out(&here.access_token()).await;

    answer.assert_status(204);
    assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", "no-store"));
    ada.me(&here.access_token()).await.assert_refused_token(Code::SessionEnded);
    ada.refresh(&here.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.log_out(&here.access_token()).await.assert_refused_token(Code::SessionEnded);
    ada.me(&there.access_token()).await.assert_status(200);
    ada.refresh(&there.refresh_token()).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn whoever_logs_out_everywhere_ends_all_of_their_own_sessions(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (app.registered("ada").await, app.registered("bob").await);
    let (here, there, bobs) = (ada.log_in().await, ada.log_in().await, bob.log_in().await);

    ada.log_out_everywhere(&here.access_token()).await.assert_status(204);

    for pair in [&here, &there] {
        ada.me(&pair.access_token()).await.assert_refused_token(Code::SessionEnded);
        ada.refresh(&pair.refresh_token()).await.assert_problem(Code::SessionEnded);
    }
    bob.me(&bobs.access_token()).await.assert_status(200);
    ada.me(&ada.log_in().await.access_token()).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_session_ended_on_one_node_is_refused_on_another_by_the_next_request(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    let ada = app.registered("ada").await;
    let ada_elsewhere = other.somebody("ada");

    for _ in 0..20 {
        let pair = ada.log_in().await;
        ada_elsewhere.me(&pair.access_token()).await.assert_status(200);

        ada.log_out(&pair.access_token()).await.assert_status(204);

        ada_elsewhere.me(&pair.access_token()).await.assert_refused_token(Code::SessionEnded);
        ada_elsewhere.refresh(&pair.refresh_token()).await.assert_problem(Code::SessionEnded);
    }
}

#[rstest]
#[tokio::test]
async fn a_stranger_ends_nothing(#[values("/auth/logout", "/auth/logout-all")] path: &str) {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;

    let answer = app.post(path, &serde_json::json!({})).await;

    answer.assert_problem(Code::MissingToken);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    ada.bears("no.such.token", Method::POST, path).await.assert_refused_token(Code::InvalidToken);
}

//! Another password: who holds the old one is out.

use countersign::problem::Code;
use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn a_new_password_ends_every_other_session(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (app.registered("ada").await, app.registered("bob").await);
    let (here, there, bobs) = (ada.log_in().await, ada.log_in().await, bob.log_in().await);

    let changed = ada.change_password(&here.access_token(), NEW).await;

    changed.assert_status(200);
    assert_eq!(changed.json()["user"]["email"], "ada@example.com");
    ada.me(&changed.access_token()).await.assert_status(200);
    ada.refresh(&changed.refresh_token()).await.assert_status(200);
    assert_eq!(changed.claim("sid"), here.claim("sid"), "this session stays");
    ada.me(&here.access_token()).await.assert_status(200);
    ada.refresh(&here.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.me(&there.access_token()).await.assert_refused_token(Code::SessionEnded);
    ada.refresh(&there.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.me(&changed.access_token()).await.assert_status(200);
    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
    bob.me(&bobs.access_token()).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn nobody_changes_a_password_without_knowing_it(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;

    let thief =
        app.somebody("ada").with_password("a guess of a thief").change_password(&pair.access_token(), NEW).await;

    thief.assert_problem(Code::InvalidCredentials);
    // The bearer token is not at fault.
    assert_eq!(thief.header("www-authenticate"), "Bearer");
    ada.me(&pair.access_token()).await.assert_status(200);
    ada.refresh(&pair.refresh_token()).await.assert_status(200);
    ada.log_in().await.assert_status(200);
}

#[rstest]
#[case::short("seven77", "too_short")]
#[case::long(&"x9".repeat(129), "too_long")]
#[case::common("password1", "too_common")]
#[case::own_name("my ada is great", "contains_username")]
#[tokio::test]
async fn a_new_password_keeps_the_rules(#[case] new: &str, #[case] fault: &str) {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;

    let answer = ada.change_password(&pair.access_token(), new).await;

    answer.assert_problem(Code::ValidationFailed);
    assert_eq!(answer.faults(), [("new_password".to_owned(), fault.to_owned())]);
    ada.log_in().await.assert_status(200);
}

#[tokio::test]
async fn both_passwords_must_be_there() {
    let app = TestApp::new(Engine::Sqlite).await;
    let pair = app.registered("ada").await.log_in().await;
    let request = app.request(Method::POST, "/auth/password/change").bearer_auth(pair.access_token());

    let answer = Answer::to(request.json(&json!({}))).await;

    answer.assert_problem(Code::ValidationFailed);
    let missing = |field: &str| (field.to_owned(), "missing".to_owned());
    assert_eq!(answer.faults(), [missing("current_password"), missing("new_password")]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_login_with_the_old_password_outlives_the_change(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::with(engine, |config| {
        config.limits.logins_per_minute = 0;
        config.limits.failures_before_wait = 0;
    })
    .await;
    let other = app.another_node().await;
    let (ada, ada_elsewhere) = (app.registered("ada").await, other.somebody("ada"));
    let pair = ada.log_in().await;
    let token = pair.access_token();

    let logins = join_all((0..40).map(|place| if place % 2 == 0 { &ada } else { &ada_elsewhere }.log_in()));
    let (logins, changed) = tokio::join!(logins, ada.change_password(&token, NEW));

    changed.assert_status(200);
    for login in &logins {
        if login.status == 200 {
            ada.me(&login.access_token()).await.assert_refused_token(Code::SessionEnded);
        } else {
            login.assert_problem(Code::InvalidCredentials);
        }
    }
    let open = ada.sessions(&changed.access_token()).await.json();
    assert_eq!(open["sessions"].as_array().expect("a list").len(), 1, "{open}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_changes_at_once_one_wins(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.limits.failures_before_wait = 0).await;
    let ada = app.registered("ada").await;
    let tokens = join_all((0..8).map(|_| async { ada.log_in().await.access_token() })).await;
    let passwords: Vec<_> = (0..8).map(|place| format!("sentence number {place} of eight")).collect();

    let answers = join_all(tokens.iter().zip(&passwords).map(|(token, new)| ada.change_password(token, new))).await;

    let winners: Vec<_> = (0..8).filter(|&place| answers[place].status == 200).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for (place, answer) in answers.iter().enumerate() {
        // Who came after the winner has a session that has ended, or a password that is no longer right.
        assert!(winners.contains(&place) || answer.status == 401, "{answer:?}");
        let login = app.somebody("ada").with_password(&passwords[place]).log_in().await;
        assert_eq!(login.status == 200, winners.contains(&place), "{login:?}");
    }
}

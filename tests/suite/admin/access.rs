//! Who may administer: those whose row says so at this moment.

use countersign::database::Statement;
use countersign::problem::Code;
use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::json;

use super::{administrator, signed_in};
use crate::support::{Answer, Engine, TestApp};

/// Every path, with a method and a body that would be accepted.
fn paths() -> [(Method, &'static str); 6] {
    [
        (Method::GET, "/admin/users"),
        (Method::GET, "/admin/users/1"),
        (Method::PATCH, "/admin/users/1"),
        (Method::DELETE, "/admin/users/1"),
        (Method::POST, "/admin/users/1/logout"),
        (Method::GET, "/admin/audit-events"),
    ]
}

async fn ask(app: &TestApp, method: &Method, path: &str, token: Option<&str>) -> Answer {
    let request = app.request(method.clone(), path).json(&json!({"is_active": true}));
    Answer::to(token.iter().fold(request, RequestBuilder::bearer_auth)).await
}

#[rstest]
#[tokio::test]
async fn every_path_refuses_whoever_is_no_administrator(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (_, eve) = (administrator(&app, "ada").await, signed_in(&app, "eve").await);
    let ended = signed_in(&app, "bob").await;
    ended.person.log_out(&ended.token).await.assert_status(204);

    for (method, path) in &paths() {
        ask(&app, method, path, None).await.assert_problem(Code::MissingToken);
        ask(&app, method, path, Some(&eve.token)).await.assert_problem(Code::Forbidden);
        ask(&app, method, path, Some(&ended.token)).await.assert_refused_token(Code::SessionEnded);
        ask(&app, method, path, Some(&format!("{}x", eve.token))).await.assert_refused_token(Code::InvalidToken);
    }
}

static DEMOTE_ALL: Statement = Statement::new("update users set roles = 'support'");

#[rstest]
#[tokio::test]
async fn every_path_refuses_a_token_that_still_says_admin(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;
    assert_eq!(ada.pair.claim("roles"), json!(["admin"]));

    app.tamper(&DEMOTE_ALL).await;

    for (method, path) in &paths() {
        ask(&app, method, path, Some(&ada.token)).await.assert_problem(Code::Forbidden);
    }
}

#[rstest]
#[tokio::test]
async fn whoever_is_made_an_administrator_is_one_at_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    bob.get("/admin/users").await.assert_problem(Code::Forbidden);

    ada.patch(bob.id, &json!({"roles": ["admin"]})).await.assert_status(200);

    bob.get("/admin/users").await.assert_status(200);
    ada.patch(bob.id, &json!({"roles": []})).await.assert_status(200);
    bob.get("/admin/users").await.assert_refused_token(Code::SessionEnded);
}

#[tokio::test]
async fn an_expired_token_and_a_disabled_administrator_are_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (ada, bob) = (administrator(&app, "ada").await, administrator(&app, "bob").await);
    ada.patch(bob.id, &json!({"is_active": false})).await.assert_status(200);

    bob.get("/admin/users").await.assert_refused_token(Code::AccountDisabled);
    app.advance(std::time::Duration::from_mins(31));

    ada.get("/admin/users").await.assert_refused_token(Code::TokenExpired);
}

//! Who may administer: those whose row says so at this moment.

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign::database::Statement;
use countersign::problem::Code;
use countersign::router;
use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::json;

use super::{administrator, signed_in};
use crate::support::{Answer, Engine, TestApp};

/// Every operation of administrators, as the OpenAPI document has them: one that is added is tried here as well.
fn operations() -> Vec<(Method, String)> {
    let document = router::document();
    let paths = document.paths.paths.into_iter().filter(|(path, _)| path.starts_with("/admin/"));
    let operations = paths.flat_map(|(path, item)| {
        let methods = [
            (Method::GET, item.get.is_some()),
            (Method::POST, item.post.is_some()),
            (Method::PUT, item.put.is_some()),
            (Method::PATCH, item.patch.is_some()),
            (Method::DELETE, item.delete.is_some()),
        ];
        let path = path.replace("{id}", "1");
        methods.into_iter().filter(|(_, is_there)| *is_there).map(move |(method, _)| (method, path.clone()))
    });
    let operations: Vec<_> = operations.collect();
    assert!(operations.len() >= 6 && operations.iter().all(|(_, path)| !path.contains('{')), "{operations:?}");
    operations
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

    for (method, path) in &operations() {
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

    for (method, path) in &operations() {
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

#[rstest]
#[tokio::test]
async fn every_path_refuses_an_expired_token_and_a_disabled_administrator(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, administrator(&app, "bob").await);
    ada.patch(bob.id, &json!({"is_active": false})).await.assert_status(200);

    for (method, path) in &operations() {
        ask(&app, method, path, Some(&bob.token)).await.assert_refused_token(Code::AccountDisabled);
    }
    app.advance(std::time::Duration::from_mins(31));
    for (method, path) in &operations() {
        ask(&app, method, path, Some(&ada.token)).await.assert_refused_token(Code::TokenExpired);
    }
}

/// What any of them is refused for: other words under the same signature, no signature, another algorithm.
#[rstest]
#[tokio::test]
async fn every_path_refuses_a_forged_token(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, eve) = (administrator(&app, "ada").await, signed_in(&app, "eve").await);
    let parts = |token: &str| token.split('.').map(ToOwned::to_owned).collect::<Vec<_>>();
    let (good, hers) = (parts(&ada.token), parts(&eve.token));
    let unsigned = Base64UrlUnpadded::encode_string(br#"{"alg":"none","typ":"at+jwt"}"#);
    let forged = [
        format!("{}.{}.{}", hers[0], good[1], hers[2]),
        format!("{}.{}.", good[0], good[1]),
        format!("{unsigned}.{}.", good[1]),
        format!("{unsigned}.{}.{}", good[1], good[2]),
    ];

    for (method, path) in &operations() {
        for token in &forged {
            ask(&app, method, path, Some(token)).await.assert_refused_token(Code::InvalidToken);
        }
    }
}

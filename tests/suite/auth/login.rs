//! Login: a session from a name and a password.

use std::time::Duration;

use countersign::problem::Code;
use rstest::rstest;
use serde_json::json;

use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn the_owner_signs_in_by_address_or_by_name(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;

    let by_address = ada.log_in().await;
    let by_name = app.somebody("ADA").log_in_by_username().await;

    for answer in [&by_address, &by_name] {
        answer.assert_status(200);
        assert_eq!(answer.json()["user"]["email"], "ada@example.com");
        ada.me(&answer.access_token()).await.assert_status(200);
    }
    assert_ne!(by_address.access_token(), by_name.access_token());
}

#[rstest]
#[tokio::test]
async fn a_password_does_not_expire(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;

    app.advance(Duration::from_hours(10 * 365 * 24));

    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn nobody_learns_whether_an_account_exists(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.registered("ada").await;

    let wrong = app.somebody("ada").with_password("not the right one").log_in().await;
    let unknown = app.somebody("bob").log_in().await;
    let impossible = app.somebody("eve").with_email("no address at all").log_in().await;

    for answer in [&wrong, &unknown, &impossible] {
        answer.assert_problem(Code::InvalidCredentials);
        assert_eq!(answer.json()["detail"], wrong.json()["detail"]);
        assert_eq!(answer.json()["title"], wrong.json()["title"]);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_long_password_is_compared_to_its_end(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let long = format!("{}, and the end", "b".repeat(72));
    let ada = app.somebody("ada").with_password(&long);
    ada.register().await.assert_status(201);

    let shortened = app.somebody("ada").with_password(&"b".repeat(72)).log_in().await;

    shortened.assert_problem(Code::InvalidCredentials);
    ada.log_in().await.assert_status(200);
}

#[tokio::test]
async fn a_password_is_the_same_in_either_unicode_form() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.somebody("ada").with_password("cafe\u{301} au lait").register().await.assert_status(201);

    let composed = app.somebody("ada").with_password("caf\u{e9} au lait").log_in().await;

    composed.assert_status(200);
}

#[tokio::test]
async fn a_password_is_never_trimmed_nor_folded() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.registered("ada").await;

    for near_miss in ["Correct horse battery staple", " correct horse battery staple", "correct horse battery staple "]
    {
        let answer = app.somebody("ada").with_password(near_miss).log_in().await;

        answer.assert_problem(Code::InvalidCredentials);
    }
}

#[tokio::test]
async fn a_body_without_a_name_or_a_password_is_told_what_is_missing() {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = app.post("/auth/login", &json!({})).await;

    answer.assert_problem(Code::ValidationFailed);
    let fields: Vec<_> = answer.faults().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["email", "password"]);
}

//! What users change of themselves: their name, and whether they exist.

use std::time::Duration;

use countersign::problem::Code;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, TestApp};

async fn patch(app: &TestApp, token: &str, body: &Value) -> Answer {
    Answer::to(app.request(Method::PATCH, "/auth/me").bearer_auth(token).json(body)).await
}

#[rstest]
#[tokio::test]
async fn a_user_takes_another_name(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;
    app.advance(Duration::from_mins(1));

    let renamed = patch(&app, &pair.access_token(), &json!({"username": "Countess"})).await;

    renamed.assert_status(200);
    assert_eq!(renamed.header("cache-control"), "no-store");
    assert_eq!(
        renamed.json(),
        json!({
            "id": 1, "email": "ada@example.com", "username": "Countess", "is_active": true, "email_verified": false,
            "roles": [], "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:01:00Z"
        })
    );
    assert_eq!(ada.me(&pair.access_token()).await.json(), renamed.json());
    assert_eq!(ada.refresh(&pair.refresh_token()).await.json()["user"], renamed.json());
    app.somebody("countess").log_in_by_username().await.assert_status(200);
    ada.log_in_by_username().await.assert_problem(Code::InvalidCredentials);
    app.somebody("other").with_username("ada").register().await.assert_status(201);
}

#[rstest]
#[tokio::test]
async fn a_name_of_somebody_else_is_taken_in_any_case(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.registered("bob").await;
    let token = app.registered("ada").await.log_in().await.access_token();

    let taken = patch(&app, &token, &json!({"username": "BOB"})).await;
    let own = patch(&app, &token, &json!({"username": "ADA"})).await;

    taken.assert_problem(Code::UsernameTaken);
    assert_eq!(taken.faults(), [("username".to_owned(), "taken".to_owned())]);
    own.assert_status(200);
    assert_eq!(own.json()["username"], "ADA");
}

#[rstest]
#[case(json!("ab"))]
#[case(json!("-dash"))]
#[case(json!(""))]
#[case(json!(7))]
#[tokio::test]
async fn a_name_that_breaks_its_rule_is_refused(#[case] username: Value) {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.registered("ada").await.log_in().await.access_token();

    let answer = patch(&app, &token, &json!({"username": username})).await;

    answer.assert_problem(Code::ValidationFailed);
    assert_eq!(answer.faults().iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["username"]);
}

#[tokio::test]
async fn what_is_not_given_or_not_theirs_to_change_stays() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.access_token();
    let before = ada.me(&token).await.json();
    app.advance(Duration::from_mins(1));

    for body in [
        json!({}),
        json!({"username": null}),
        json!({"email": "eve@example.com", "roles": ["admin"], "email_verified": true, "id": 7, "is_active": false}),
    ] {
        let answer = patch(&app, &token, &body).await;

        answer.assert_status(200);
        assert_eq!(answer.json(), before);
    }
    assert_eq!(ada.me(&token).await.json(), before);
}

#[rstest]
#[tokio::test]
async fn a_user_who_deletes_their_account_is_gone(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    let ada = app.registered("ada").await;
    let (here, there) = (ada.log_in().await, ada.log_in().await);

    ada.delete_account(&here.access_token()).await.assert_status(204);

    for pair in [&here, &there] {
        other.somebody("ada").me(&pair.access_token()).await.assert_refused_token(Code::SessionEnded);
        ada.refresh(&pair.refresh_token()).await.assert_problem(Code::SessionEnded);
    }
    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    ada.delete_account(&here.access_token()).await.assert_refused_token(Code::SessionEnded);
    // Address and name are free again, the number is not: tokens and logs outlive their users.
    let heir = ada.register().await;
    heir.assert_status(201);
    assert_eq!(heir.json()["user"]["id"], 2);
    ada.me(&here.access_token()).await.assert_refused_token(Code::SessionEnded);
}

#[rstest]
#[tokio::test]
async fn nobody_deletes_an_account_without_its_password(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;

    let thief = app.somebody("ada").with_password("a guess of a thief").delete_account(&pair.access_token()).await;
    let request = app.request(Method::DELETE, "/auth/me").bearer_auth(pair.access_token());
    let silent = Answer::to(request.json(&json!({}))).await;

    thief.assert_problem(Code::InvalidCredentials);
    assert_eq!(thief.header("www-authenticate"), "Bearer");
    silent.assert_problem(Code::ValidationFailed);
    ada.me(&pair.access_token()).await.assert_status(200);
}

//! What an administrator sees and changes of a user.

use countersign::database::{Reads, Statement};
use countersign::problem::Code;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use super::{administrator, signed_in};
use crate::support::{Answer, Engine, TestApp};

#[tokio::test]
async fn a_user_is_seen_as_they_see_themselves() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);

    let seen = ada.get(&format!("/admin/users/{}", bob.id)).await;

    seen.assert_status(200);
    assert_eq!(seen.json(), bob.person.me(&bob.token).await.json());
    assert_eq!(seen.header("cache-control"), "no-store");
    assert!(seen.header("etag").starts_with('"'), "{seen:?}");
}

#[rstest]
#[tokio::test]
async fn what_is_no_user_is_not_found(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;

    for id in ["0", "-1", "01", "7", "x", "9223372036854775807", "9223372036854775808", "%00", "1%20or%201=1"] {
        let path = format!("/admin/users/{id}");
        let asked = async |method: Method, path: &str| {
            let request = app.request(method, path).bearer_auth(&ada.token).json(&json!({"roles": []}));
            Answer::to(request).await
        };
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            asked(method, &path).await.assert_problem(Code::UserNotFound);
        }
        asked(Method::POST, &format!("{path}/logout")).await.assert_problem(Code::UserNotFound);
    }
}

static ROW: Statement = Statement::new(
    "select hashed_password || ' ' || email || ' ' || username || ' ' || created_at from users where username = 'bob'",
);

#[rstest]
#[tokio::test]
async fn three_fields_can_be_changed_and_no_other(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let row = async || app.handles().database.one::<String>(&ROW, &[]).await.expect("a row");
    let before = row().await;

    let body = json!({
        "is_active": false, "roles": ["support", "billing"], "email_verified": true,
        "id": 99, "email": "eve@example.com", "username": "eve", "hashed_password": "x", "password": "x",
        "password_hash": "x", "created_at": "2000-01-01T00:00:00Z", "updated_at": "2000-01-01T00:00:00Z",
        "revision": 7, "is_admin": true, "is_superuser": true, "user": {"id": 99}
    });
    let changed = ada.patch(bob.id, &body).await;

    changed.assert_status(200);
    let expected = json!({
        "id": bob.id, "email": "bob@example.com", "username": "bob", "is_active": false, "email_verified": true,
        "roles": ["billing", "support"], "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:00:00Z"
    });
    assert_eq!(changed.json(), expected);
    assert_eq!(ada.get(&format!("/admin/users/{}", bob.id)).await.json(), expected);
    assert_eq!(row().await, before);
}

#[rstest]
#[case(json!({"is_active": "yes"}), &[("is_active", "not_a_boolean")])]
#[case(json!({"email_verified": 1}), &[("email_verified", "not_a_boolean")])]
#[case(json!({"roles": "admin"}), &[("roles", "not_a_list_of_strings")])]
#[case(json!({"roles": [1]}), &[("roles", "not_a_list_of_strings")])]
#[case(json!({"roles": ["Admin"]}), &[("roles", "invalid")])]
#[case(json!({"roles": ["admin admin"]}), &[("roles", "invalid")])]
#[case(json!({"roles": {}, "is_active": []}), &[("is_active", "not_a_boolean"), ("roles", "not_a_list_of_strings")])]
#[tokio::test]
async fn what_is_ill_typed_changes_nothing(#[case] body: Value, #[case] faults: &[(&str, &str)]) {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = administrator(&app, "ada").await;
    let before = ada.get(&format!("/admin/users/{}", ada.id)).await;

    let refused = ada.patch(ada.id, &body).await;

    refused.assert_problem(Code::ValidationFailed);
    let expected: Vec<_> = faults.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect();
    assert_eq!(refused.faults(), expected);
    assert_eq!(ada.get(&format!("/admin/users/{}", ada.id)).await.header("etag"), before.header("etag"));
}

#[rstest]
#[tokio::test]
async fn whoever_is_disabled_is_out_at_once_and_may_come_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);

    ada.patch(bob.id, &json!({"is_active": false})).await.assert_status(200);

    bob.person.me(&bob.token).await.assert_refused_token(Code::AccountDisabled);
    bob.person.refresh(&bob.pair.refresh_token()).await.assert_problem(Code::SessionEnded);
    bob.person.log_in().await.assert_problem(Code::AccountDisabled);
    ada.patch(bob.id, &json!({"is_active": true})).await.assert_status(200);
    bob.person.me(&bob.token).await.assert_refused_token(Code::SessionEnded);
    bob.person.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_role_that_is_given_comes_with_the_next_refresh_and_one_that_is_taken_ends_the_sessions(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);

    ada.patch(bob.id, &json!({"roles": ["billing", "support"]})).await.assert_status(200);
    assert_eq!(bob.person.me(&bob.token).await.json()["roles"], json!(["billing", "support"]));
    let refreshed = bob.person.refresh(&bob.pair.refresh_token()).await;
    assert_eq!(refreshed.claim("roles"), json!(["billing", "support"]));

    ada.patch(bob.id, &json!({"roles": ["support", "sales"]})).await.assert_status(200);

    bob.person.me(&refreshed.access_token()).await.assert_refused_token(Code::SessionEnded);
    assert_eq!(bob.person.log_in().await.claim("roles"), json!(["sales", "support"]));
}

#[rstest]
#[tokio::test]
async fn a_user_is_logged_out_and_deleted(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let path = format!("/admin/users/{}/logout", bob.id);

    ada.person.bears(&ada.token, Method::POST, &path).await.assert_status(204);

    bob.person.me(&bob.token).await.assert_refused_token(Code::SessionEnded);
    let again = bob.person.log_in().await;
    ada.delete(bob.id).await.assert_status(204);
    bob.person.me(&again.access_token()).await.assert_refused_token(Code::SessionEnded);
    bob.person.log_in().await.assert_problem(Code::InvalidCredentials);
    ada.delete(bob.id).await.assert_problem(Code::UserNotFound);
    ada.person.me(&ada.token).await.assert_status(200);
}

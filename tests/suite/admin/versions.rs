//! Versions: a change is held against what the administrator has seen.

use countersign::problem::Code;
use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use super::{SignedIn, administrator, signed_in};
use crate::support::{Answer, Engine, TestApp};

async fn version(ada: &SignedIn<'_>, id: i64) -> String {
    ada.get(&format!("/admin/users/{id}")).await.header("etag").to_owned()
}

#[rstest]
#[tokio::test]
async fn of_two_administrators_who_have_seen_the_same_the_second_is_told(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let seen = version(&ada, bob.id).await;

    let first = ada.patch_if(bob.id, &seen, &json!({"roles": ["support"]})).await;
    let second = ada.patch_if(bob.id, &seen, &json!({"roles": ["billing"]})).await;

    first.assert_status(200);
    second.assert_problem(Code::PreconditionFailed);
    let now = version(&ada, bob.id).await;
    assert_eq!(first.header("etag"), now);
    let deleted = app.request(Method::DELETE, &format!("/admin/users/{}", bob.id)).bearer_auth(&ada.token);
    let deleted = deleted.try_clone().expect("a copy").header("if-match", &seen);
    Answer::to(deleted).await.assert_problem(Code::PreconditionFailed);
    ada.patch_if(bob.id, &now, &json!({"roles": ["billing"]})).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn every_change_within_one_millisecond_is_another_version(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // The clock stands still.
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let mut versions = vec![version(&ada, bob.id).await];

    for body in [json!({"roles": ["a"]}), json!({"email_verified": true}), json!({"email_verified": false})] {
        ada.patch(bob.id, &body).await.assert_status(200);
        versions.push(version(&ada, bob.id).await);
    }
    let rename = app.request(Method::PATCH, "/auth/me").bearer_auth(bob.person.log_in().await.access_token());
    Answer::to(rename.json(&json!({"username": "robert"}))).await.assert_status(200);
    versions.push(version(&ada, bob.id).await);
    let token = bob.person.log_in().await.access_token();
    bob.person.change_password(&token, "an entirely different sentence").await.assert_status(200);
    versions.push(version(&ada, bob.id).await);

    let count = versions.len();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), count, "{versions:?}");
}

#[tokio::test]
async fn what_changes_nothing_leaves_the_version() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let before = version(&ada, bob.id).await;

    bob.person.log_in().await.assert_status(200);
    let same = ada.patch(bob.id, &json!({"is_active": true, "roles": [], "email_verified": null})).await;

    assert_eq!(same.assert_status(200).header("etag"), before);
    assert_eq!(version(&ada, bob.id).await, before);
    bob.person.me(&bob.token).await.assert_status(200);
}

#[tokio::test]
async fn any_of_several_versions_will_do_and_a_weak_one_never() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let now = version(&ada, bob.id).await;
    let change = json!({"is_active": true});

    for matching in [now.clone(), format!("\"x\", {now}"), format!("{now},\"x\""), "*".to_owned()] {
        ada.patch_if(bob.id, &matching, &change).await.assert_status(200);
    }
    for other in
        [format!("W/{now}"), "\"x\"".to_owned(), now.trim_matches('"').to_owned(), "é".to_owned(), String::new()]
    {
        ada.patch_if(bob.id, &other, &change).await.assert_problem(Code::PreconditionFailed);
    }
}

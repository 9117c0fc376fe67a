//! The audit log: what is written down, and what is not.

use std::time::Duration;

use countersign::audit::failures;
use countersign::database::{Reads, Statement};
use countersign::problem::Code;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use super::{SignedIn, administrator, signed_in};
use crate::support::{Answer, Engine, TestApp};

/// The events that match, the newest first.
async fn events(ada: &SignedIn<'_>, parameters: &str) -> Vec<Value> {
    let answer = ada.get(&format!("/admin/audit-events?{parameters}")).await;
    answer.assert_status(200).json()["events"].as_array().expect("a list").clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().rev().map(|event| event["kind"].as_str().expect("a word")).collect()
}

#[rstest]
#[tokio::test]
async fn whatever_happens_to_an_account_is_written_down(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;
    let bob = signed_in(&app, "bob").await;
    bob.person.refresh(&bob.pair.refresh_token()).await.assert_status(200);
    app.advance(Duration::from_mins(1));
    bob.person.refresh(&bob.pair.refresh_token()).await.assert_problem(Code::RefreshTokenReused);
    let wrong = json!({"email": bob.person.email, "password": "not the password"});
    app.post("/auth/login", &wrong).await.assert_problem(Code::InvalidCredentials);
    let first = bob.person.log_in().await;
    bob.person.log_out(&first.access_token()).await.assert_status(204);
    let (second, third) = (bob.person.log_in().await, bob.person.log_in().await);
    let path = format!("/auth/sessions/{}", second.claim("sid").as_str().expect("an id"));
    bob.person.bears(&third.access_token(), Method::DELETE, &path).await.assert_status(204);
    let rename = app.request(Method::PATCH, "/auth/me").bearer_auth(third.access_token());
    Answer::to(rename.json(&json!({"username": "robert"}))).await.assert_status(200);
    let changed = bob.person.change_password(&third.access_token(), "an entirely different sentence").await;
    bob.person.log_out_everywhere(&changed.access_token()).await.assert_status(204);
    for body in [json!({"roles": ["support"]}), json!({"is_active": false, "email_verified": true})] {
        ada.patch(bob.id, &body).await.assert_status(200);
    }
    let right = json!({"email": bob.person.email, "password": "an entirely different sentence"});
    app.post("/auth/login", &right).await.assert_problem(Code::AccountDisabled);
    ada.patch(bob.id, &json!({"is_active": true})).await.assert_status(200);
    let logout = format!("/admin/users/{}/logout", bob.id);
    ada.person.bears(&ada.token, Method::POST, &logout).await.assert_status(204);
    ada.delete(bob.id).await.assert_status(204);

    let written = events(&ada, &format!("user={}", bob.id)).await;

    let expected = [
        ("registered", "user"),
        ("signed_in", "user"),
        ("refresh_token_reused", "nobody"),
        ("sign_in_failed", "nobody"),
        ("signed_in", "user"),
        ("signed_out", "user"),
        ("signed_in", "user"),
        ("signed_in", "user"),
        ("session_ended", "user"),
        ("username_changed", "user"),
        ("password_changed", "user"),
        ("signed_out_everywhere", "user"),
        ("roles_changed", "admin"),
        ("disabled", "admin"),
        ("email_verified_changed", "admin"),
        ("sign_in_refused", "nobody"),
        ("enabled", "admin"),
        ("sessions_ended", "admin"),
        ("deleted", "admin"),
    ];
    let found: Vec<_> =
        written.iter().rev().map(|event| (event["kind"].clone(), event["actor"]["kind"].clone())).collect();
    assert_eq!(found, expected.map(|(kind, actor)| (json!(kind), json!(actor))));
    let by_ada = written.iter().filter(|event| event["actor"]["kind"] == "admin");
    assert!(by_ada.clone().all(|event| event["actor"]["id"] == ada.id), "{written:?}");
    assert!(written.iter().all(|event| event["ip"] == "127.0.0.1" && event["request_id"].is_string()), "{written:?}");
}

#[tokio::test]
async fn an_event_says_who_what_when_and_where() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    let request = app.request(Method::PATCH, &format!("/admin/users/{}", bob.id)).bearer_auth(&ada.token);
    let request = request.header("user-agent", "a browser").header("x-request-id", "req-1");
    Answer::to(request.json(&json!({"roles": ["support", "billing"]}))).await.assert_status(200);

    let written = events(&ada, "kind=roles_changed&limit=1").await;

    let mut event = written[0].clone();
    assert!(event["id"].take().is_i64());
    assert_eq!(
        event,
        json!({
            "id": null, "at": "2026-11-22T12:00:00Z", "kind": "roles_changed",
            "actor": {"kind": "admin", "id": ada.id}, "user_id": bob.id, "session_id": null, "ip": "127.0.0.1",
            "user_agent": "a browser", "request_id": "req-1", "details": {"after": "billing support", "before": ""}
        })
    );
    let signed_in = events(&ada, &format!("user={}&kind=signed_in", bob.id)).await;
    assert_eq!(signed_in[0]["session_id"], bob.pair.claim("sid"));
}

#[rstest]
#[tokio::test]
async fn what_did_not_happen_is_not_written_down(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;
    let before = events(&ada, "").await.len();

    app.somebody("ada").register().await.assert_problem(Code::EmailTaken);
    ada.patch(ada.id, &json!({"roles": []})).await.assert_problem(Code::LastAdmin);
    ada.patch_if(ada.id, "\"x\"", &json!({"roles": ["admin", "a"]})).await.assert_problem(Code::PreconditionFailed);
    ada.patch(ada.id, &json!({"roles": ["admin"]})).await.assert_status(200);
    ada.person.delete_account(&ada.token).await.assert_problem(Code::LastAdmin);

    assert_eq!(events(&ada, "").await.len(), before);
}

static EVERYTHING: Statement = Statement::new(
    "select coalesce(ip, '') || ' ' || coalesce(user_agent, '') || ' ' || kind || ' ' || details from audit_events",
);

#[rstest]
#[tokio::test]
async fn events_outlive_their_user_and_name_nobody(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bobwashere").await);
    for login in ["bobwashere@example.com", "nobody-at-all@example.com", "my password by mistake"] {
        let attempt = json!({"email": login, "password": "wrong horse battery staple"});
        app.post("/auth/login", &attempt).await.assert_problem(Code::InvalidCredentials);
    }
    bob.person.delete_account(&bob.token).await.assert_status(204);

    let written = events(&ada, &format!("user={}", bob.id)).await;

    assert_eq!(kinds(&written), ["registered", "signed_in", "sign_in_failed", "deleted"]);
    let all: Vec<String> = app.handles().database.all(&EVERYTHING, &[]).await.expect("rows");
    for secret in ["bobwashere", "@example", "nobody-at-all", "mistake", "horse", "csr_", "eyJ", "$2b$"] {
        assert!(!all.iter().any(|row| row.contains(secret)), "{secret}: {all:?}");
    }
}

#[rstest]
#[tokio::test]
async fn failed_sign_ins_do_not_fill_the_disk(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;
    for number in 0..25 {
        let attempt = json!({"email": format!("u{number}@example.com"), "password": "wrong horse"});
        app.post("/auth/login", &attempt).await.assert_problem(Code::InvalidCredentials);
    }
    assert_eq!(events(&ada, "kind=sign_in_failed").await.len(), 10);

    app.advance(Duration::from_mins(1));
    failures::settle(app.handles()).await.expect("an event");
    failures::settle(app.handles()).await.expect("no event");

    // The service settles by itself as well, a second later at most: what counts is that it is told once.
    let told = events(&ada, "kind=sign_ins_failed").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["details"], json!({"omitted": 15}));
    assert_eq!(told[0]["actor"], json!({"kind": "system", "id": null}));
}

#[rstest]
#[tokio::test]
async fn whoever_is_held_back_is_written_down(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (administrator(&app, "ada").await, signed_in(&app, "bob").await);
    for login in [&bob.person.email, "nobody@example.com"] {
        let attempt = json!({"email": login, "password": "wrong horse"});
        for _ in 0..4 {
            app.post("/auth/login", &attempt).await.assert_problem(Code::InvalidCredentials);
        }
        app.post("/auth/login", &attempt).await;
        app.post("/auth/login", &attempt).await.assert_problem(Code::TooManyAttempts);
        app.advance(Duration::from_mins(1));
    }

    let of_bob = kinds(&events(&ada, &format!("user={}", bob.id)).await).join(" ");
    let limited = events(&ada, "kind=sign_in_limited").await;

    assert!(of_bob.starts_with("registered signed_in sign_in_failed"), "{of_bob}");
    assert!(of_bob.ends_with("sign_in_failed sign_in_limited"), "{of_bob}");
    let users: Vec<_> = limited.iter().map(|event| event["user_id"].clone()).collect();
    assert_eq!(users, [Value::Null, json!(bob.id)]);
}

#[rstest]
#[tokio::test]
async fn events_are_found_by_user_kind_and_time(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;
    app.advance(Duration::from_mins(10));
    let bob = signed_in(&app, "bob").await;
    app.advance(Duration::from_mins(10));
    bob.person.log_in().await.assert_status(200);
    let found = async |parameters: String| kinds(&events(&ada, &parameters).await).join(" ");

    assert_eq!(found(format!("user={}", bob.id)).await, "registered signed_in signed_in");
    assert_eq!(found(format!("user={}&kind=signed_in", bob.id)).await, "signed_in signed_in");
    assert_eq!(found(format!("user={}&kind=deleted", bob.id)).await, "");
    assert_eq!(found("kind=registered".to_owned()).await, "registered registered");
    assert_eq!(found("since=2026-11-22T12:10:00Z&until=2026-11-22T12:20:00Z".to_owned()).await, "registered signed_in");
    assert_eq!(found("since=2026-11-22T14:20:00%2B02:00".to_owned()).await, "signed_in");
    for (parameter, code) in [
        ("user=0", "invalid"),
        ("user=ada", "invalid"),
        ("kind=nonsense", "unknown"),
        ("kind=%27%20or%201=1", "unknown"),
        ("since=yesterday", "invalid"),
        ("until=2026-13-01T00:00:00Z", "invalid"),
    ] {
        let refused = ada.get(&format!("/admin/audit-events?{parameter}")).await;
        refused.assert_problem(Code::ValidationFailed);
        let field = parameter.split('=').next().unwrap_or_default().to_owned();
        assert_eq!(refused.faults(), [(field, code.to_owned())]);
    }
}

#[rstest]
#[tokio::test]
async fn pages_of_events_are_complete_and_without_doubles_while_more_happens(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("", "kind=signed_in&")] filter: &str,
) {
    let app = TestApp::new(engine).await;
    let ada = administrator(&app, "ada").await;
    for _ in 0..7 {
        ada.person.log_in().await.assert_status(200);
    }
    let before: Vec<i64> = ids(&events(&ada, filter).await);

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ada.get(&format!("/admin/audit-events?{filter}limit=2&cursor={cursor}")).await;
        seen.extend(ids(page.assert_status(200).json()["events"].as_array().expect("a list")));
        ada.person.log_in().await.assert_status(200);
        match page.json()["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }

    assert_eq!(seen, before);
    let other = ada.get(&format!("/admin/audit-events?kind=deleted&cursor={cursor}")).await;
    other.assert_problem(Code::InvalidCursor);
}

fn ids(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["id"].as_i64().expect("a number")).collect()
}

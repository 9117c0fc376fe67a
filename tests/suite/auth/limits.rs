//! Limits by address: so many sign-ins and registrations in so much time, on all nodes together.

use std::time::Duration;

use countersign::config::Config;
use countersign::database::{Statement, Writes};
use countersign::problem::Code;
use rstest::rstest;

use crate::support::{Answer, Engine, ROOT_SECRET, TestApp};

/// Three sign-ins a minute, and this machine's proxy is believed.
fn few(config: &mut Config) {
    config.limits.logins_per_minute = 3;
    config.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

#[rstest]
#[tokio::test]
async fn an_address_that_has_asked_often_enough_waits(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, few).await;
    let ada = app.registered("ada").await;

    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ada.log_in().await);
    }
    let refused = ada.log_in().await;

    let left = answers.iter().map(|answer| answer.assert_status(200).header("ratelimit"));
    assert_eq!(left.collect::<Vec<_>>(), [r#""login";r=2;t=20"#, r#""login";r=1;t=40"#, r#""login";r=0;t=60"#]);
    refused.assert_problem(Code::RateLimited);
    assert_eq!(refused.header("ratelimit"), r#""login";r=0;t=20"#);
    assert_eq!(refused.header("retry-after"), "20");
    for answer in answers.iter().chain([&refused]) {
        assert_eq!(answer.header("ratelimit-policy"), r#""login";q=3;w=60"#);
    }

    app.advance(Duration::from_secs(20));
    ada.log_in().await.assert_status(200);
    ada.log_in().await.assert_problem(Code::RateLimited);
}

#[rstest]
#[tokio::test]
async fn another_address_is_not_made_to_wait(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, few).await;
    let ada = app.registered("ada").await.at("192.0.2.1");
    exhaust(&ada).await;

    app.somebody("ada").at("192.0.2.2").log_in().await.assert_status(200);
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let app = TestApp::with(Engine::Sqlite, few).await;
    let ada = app.registered("ada").await;
    for host in ["1", "2", "3"] {
        app.somebody("ada").at(&format!("2001:db8:0:1::{host}")).log_in().await.assert_status(200);
    }

    app.somebody("ada").at("2001:db8:0:1:ffff::4").log_in().await.assert_problem(Code::RateLimited);
    app.somebody("ada").at("2001:db8:0:2::1").log_in().await.assert_status(200);
    ada.log_in().await.assert_status(200);
}

#[tokio::test]
async fn what_a_client_says_of_its_own_address_changes_nothing() {
    let app = TestApp::with(Engine::Sqlite, |config| config.limits.logins_per_minute = 3).await;
    app.registered("ada").await;
    for host in 1..=3 {
        app.somebody("ada").at(&format!("192.0.2.{host}")).log_in().await.assert_status(200);
    }

    app.somebody("ada").at("192.0.2.4").log_in().await.assert_problem(Code::RateLimited);
}

#[rstest]
#[tokio::test]
async fn nodes_count_together_and_a_restart_forgets_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::with(engine, few).await;
    let other = app.another_node().await;
    app.registered("ada").await;

    for node in [&app, &other, &app] {
        node.somebody("ada").log_in().await.assert_status(200);
    }

    for node in [&other, &app] {
        let refused = node.somebody("ada").log_in().await;
        refused.assert_problem(Code::RateLimited);
        assert_eq!(refused.header("retry-after"), "20");
    }
    drop(other);
    let app = app.restarted(ROOT_SECRET).await;
    app.somebody("ada").log_in().await.assert_problem(Code::RateLimited);
}

#[rstest]
#[tokio::test]
async fn registrations_are_counted_by_themselves(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.limits.registrations_per_hour = 2).await;

    let first = app.somebody("ada").register().await;
    app.somebody("ada").register().await.assert_problem(Code::EmailTaken);
    let refused = app.somebody("bob").register().await;

    first.assert_status(201);
    assert_eq!(first.header("ratelimit-policy"), r#""registration";q=2;w=3600"#);
    refused.assert_problem(Code::RateLimited);
    assert_eq!(refused.header("retry-after"), "1800");
    app.somebody("ada").log_in().await.assert_status(200);
}

#[tokio::test]
async fn a_limit_of_zero_is_none() {
    let app = TestApp::with(Engine::Sqlite, |config| config.limits.registrations_per_hour = 0).await;

    for person in 0..30 {
        let answer = app.somebody(&format!("person-{person}")).register().await;
        assert_eq!(answer.assert_status(201).header("ratelimit"), "");
    }
}

#[tokio::test]
async fn a_form_with_a_password_is_limited_and_one_with_a_refresh_token_is_not() {
    let app = TestApp::with(Engine::Sqlite, few).await;
    let ada = app.registered("ada").await;
    let password = [("grant_type", "password"), ("username", "ada"), ("password", ada.password.as_str())];
    let mut token = String::new();
    for _ in 0..3 {
        token = submit(&app, &password).await.assert_status(200).refresh_token();
    }

    let refused = submit(&app, &password).await;

    refused.assert_status(429);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("20", r#""login";r=0;t=20"#));
    submit(&app, &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_counted_is_not_done(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static NO_MORE_COUNTING: Statement = Statement::new("alter table quotas rename to gone");
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    app.tamper(&NO_MORE_COUNTING).await;

    let answer = ada.log_in().await;

    assert!(answer.status >= 500, "{answer:?}");
}

#[rstest]
#[tokio::test]
async fn a_clock_that_is_set_back_locks_nobody_out(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static FAR_AHEAD: Statement = Statement::new("update quotas set full_at = full_at + 86400000");
    let app = TestApp::with(engine, few).await;
    let ada = app.registered("ada").await;
    exhaust(&ada).await;
    app.advance(Duration::from_mins(1));
    app.tamper(&FAR_AHEAD).await;

    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn quotas_that_are_full_again_leave_nothing_behind(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static MANY: Statement = Statement::new(
        "insert into quotas (key, full_at) select $1 || secret_digest, 0 from sessions union all select $1, 1",
    );
    let app = TestApp::with(engine, few).await;
    let ada = app.registered("ada").await;
    app.handles().database.once().execute(&MANY, &[[7_u8].as_slice().into()]).await.expect("two rows");
    exhaust(&ada).await;

    let deleted = countersign::auth::limits::purge::purge(app.handles()).await.expect("a purge");

    assert_eq!(deleted, 2);
    ada.log_in().await.assert_problem(Code::RateLimited);
    app.advance(Duration::from_hours(1));
    assert_eq!(countersign::auth::limits::purge::purge(app.handles()).await, Ok(2));
}

async fn exhaust(person: &crate::support::Person<'_>) {
    for _ in 0..3 {
        person.log_in().await.assert_status(200);
    }
    person.log_in().await.assert_problem(Code::RateLimited);
}

async fn submit(app: &TestApp, form: &[(&str, &str)]) -> Answer {
    Answer::to(app.request(reqwest::Method::POST, "/auth/token").form(form)).await
}

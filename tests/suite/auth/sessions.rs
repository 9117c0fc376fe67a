//! Sessions: seen and ended one by one.

use std::time::Duration;

use countersign::auth::sessions::purge::purge;
use countersign::database::{Reads, Statement, Writes};
use countersign::domain::UserId;
use countersign::models::session::{EndReason, Session};
use countersign::problem::Code;
use reqwest::Method;
use reqwest::header::USER_AGENT;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, TestApp};

#[rstest]
#[tokio::test]
async fn a_user_sees_their_open_sessions_the_one_used_last_first(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (app.registered("ada").await, app.registered("bob").await);
    ada.log_out_everywhere(&ada.log_in().await.access_token()).await.assert_status(204);
    bob.log_in().await.assert_status(200);
    let login = json!({"email": ada.email, "password": ada.password});
    let phone = Answer::to(app.request(Method::POST, "/auth/login").header(USER_AGENT, "a phone").json(&login)).await;
    app.advance(Duration::from_mins(1));
    let laptop = ada.log_in().await;
    app.advance(Duration::from_mins(1));
    ada.refresh(&phone.refresh_token()).await.assert_status(200);

    let seen = ada.sessions(&laptop.access_token()).await;

    seen.assert_status(200);
    assert_eq!(seen.header("cache-control"), "no-store");
    assert_eq!(
        seen.json(),
        json!({"sessions": [
            {
                "id": phone.claim("sid"), "created_at": "2026-11-22T12:00:00Z", "last_used_at": "2026-11-22T12:02:00Z",
                "expires_at": "2026-12-06T12:02:00Z", "ip": "127.0.0.1", "user_agent": null, "current": false
            },
            {
                "id": laptop.claim("sid"), "created_at": "2026-11-22T12:01:00Z", "last_used_at": "2026-11-22T12:01:00Z",
                "expires_at": "2026-12-06T12:01:00Z", "ip": "127.0.0.1", "user_agent": null, "current": true
            },
        ]})
    );
}

#[tokio::test]
async fn a_session_tells_what_its_client_called_itself() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.somebody("ada");
    let body = json!({"email": ada.email, "username": ada.username, "password": ada.password});
    let request = app.request(Method::POST, "/auth/register").header(USER_AGENT, "x".repeat(300)).json(&body);
    let pair = Answer::to(request).await;

    let seen = ada.sessions(&pair.access_token()).await;

    assert_eq!(seen.json()["sessions"][0]["user_agent"], "x".repeat(256));
}

#[tokio::test]
async fn a_session_says_when_it_ends_at_the_latest() {
    let app = TestApp::with(Engine::Sqlite, |config| config.tokens.refresh_absolute_ttl_seconds = 1_209_660).await;
    let ada = app.registered("ada").await;
    let first = ada.log_in().await;

    app.advance(Duration::from_mins(10));
    let pair = ada.refresh(&first.refresh_token()).await;

    let seen = ada.sessions(&pair.access_token()).await.json();
    assert_eq!(seen["sessions"][0]["expires_at"], "2026-12-06T12:01:00Z");
}

#[rstest]
#[tokio::test]
async fn sessions_that_are_over_are_not_listed(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let ended = ada.log_in().await;
    ada.log_out(&ended.access_token()).await.assert_status(204);
    app.advance(Duration::from_hours(14 * 24));

    let pair = ada.log_in().await;

    assert_eq!(ids(&ada.sessions(&pair.access_token()).await), [pair.claim("sid")]);
}

#[rstest]
#[tokio::test]
async fn a_user_ends_a_session_from_another(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (lost, here) = (ada.log_in().await, ada.log_in().await);
    let path = format!("/auth/sessions/{}", lost.claim("sid").as_str().expect("an id"));

    let ended = ada.bears(&here.access_token(), Method::DELETE, &path).await;
    let again = ada.bears(&here.access_token(), Method::DELETE, &path).await;

    ended.assert_status(204);
    again.assert_problem(Code::SessionNotFound);
    ada.me(&lost.access_token()).await.assert_refused_token(Code::SessionEnded);
    ada.refresh(&lost.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.me(&here.access_token()).await.assert_status(200);
}

#[tokio::test]
async fn a_user_ends_the_session_that_they_are_in() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let here = ada.log_in().await;
    let path = format!("/auth/sessions/{}", here.claim("sid").as_str().expect("an id"));

    ada.bears(&here.access_token(), Method::DELETE, &path).await.assert_status(204);

    ada.me(&here.access_token()).await.assert_refused_token(Code::SessionEnded);
}

#[rstest]
#[tokio::test]
async fn nobody_ends_or_learns_of_another_users_session(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, eve) = (app.registered("ada").await, app.registered("eve").await);
    let (adas, eves) = (ada.log_in().await, eve.log_in().await);
    let id = adas.claim("sid").as_str().expect("an id").to_owned();
    let end = async |id: &str| eve.bears(&eves.access_token(), Method::DELETE, &format!("/auth/sessions/{id}")).await;

    let foreign = end(&id).await;
    let unknown = end("0192f1c4-7a5e-7c3b-9d2e-5f60718293a4").await;

    for answer in [&foreign, &unknown] {
        answer.assert_problem(Code::SessionNotFound);
        assert_eq!(answer.json()["detail"], unknown.json()["detail"]);
    }
    for id in ["1", &id.to_uppercase(), "..%2f..", "%00", &"0".repeat(1000)] {
        end(id).await.assert_problem(Code::SessionNotFound);
    }
    end("%ff").await.assert_problem(Code::NotFound);
    ada.me(&adas.access_token()).await.assert_status(200);
}

#[rstest]
#[case(Method::GET, "/auth/sessions")]
#[case(Method::DELETE, "/auth/sessions/0192f1c4-7a5e-7c3b-9d2e-5f60718293a4")]
#[tokio::test]
async fn strangers_are_asked_for_a_token(#[case] method: Method, #[case] path: &str) {
    let app = TestApp::new(Engine::Sqlite).await;

    Answer::to(app.request(method, path)).await.assert_problem(Code::MissingToken);
}

static COUNT: Statement = Statement::new("select count(*) from sessions");

#[rstest]
#[tokio::test]
async fn sessions_that_are_over_are_forgotten_and_open_ones_stay(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let count = async || app.handles().database.one::<i64>(&COUNT, &[]).await.expect("a count");
    let ada = app.registered("ada").await;
    let (ended, idle) = (ada.log_in().await, ada.log_in().await);
    ada.log_out(&ended.access_token()).await.assert_status(204);
    app.advance(Duration::from_hours(24) + Duration::from_millis(1));
    let open = ada.log_in().await;
    purge(app.handles(), None).await.expect("a purge");
    assert_eq!(count().await, 3, "without the one that was ended a day ago");

    app.advance(Duration::from_hours(13 * 24));
    purge(app.handles(), None).await.expect("a purge");

    assert_eq!(count().await, 1, "without those that lay idle for 14 days");
    ada.refresh(&idle.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.refresh(&open.refresh_token()).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_clock_that_runs_ahead_for_a_while_costs_nobody_their_session(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let session = ada.log_in().await;
    let twenty_days = Duration::from_hours(20 * 24);

    app.set_ahead(twenty_days);
    purge(app.handles(), None).await.expect("a purge");
    ada.refresh(&session.refresh_token()).await.assert_problem(Code::SessionEnded);
    app.set_back(twenty_days);

    ada.refresh(&session.refresh_token()).await.assert_status(200);
}

/// Sessions of one user that are over, in a table where they lie in another order than that of their ids.
static FOUR_HUNDRED_DEAD: Statement = Statement::new(
    "insert into sessions (id, user_id, secret_digest, refreshed_at, created_at, expires_at)
     select decode('0192f1c47a5e7c3b9d2e5f60' || lpad(to_hex(number), 8, '0'), 'hex'), users.id, '', 0, 0, 0
       from generate_series(400, 1, -1) as number
       join users on users.email = $1",
);

static DELETE_ALL: Statement = Statement::new("delete from sessions");

// SQLite has one writer: there, nobody waits for anybody who waits.
#[tokio::test]
async fn dead_sessions_are_forgotten_while_all_of_them_are_ended() {
    let app = TestApp::new(Engine::Postgres).await;
    let ada = app.registered("ada").await;
    let database = &app.handles().database;
    let user = UserId::new(1).expect("an id");

    let mut faults = Vec::new();
    for _ in 0..ROUNDS {
        database.once().execute(&FOUR_HUNDRED_DEAD, &[ada.email.as_str().into()]).await.expect("sessions");
        let end_all = async {
            let mut transaction = database.begin().await?;
            let now = app.handles().clock.now();
            Session::end_all(&mut transaction, user, now, EndReason::PasswordChanged).await?;
            transaction.commit().await
        };
        let (purged, ended) = tokio::join!(purge(app.handles(), None), end_all);
        faults.extend(purged.err());
        faults.extend(ended.err());
        database.once().execute(&DELETE_ALL, &[]).await.expect("an empty table");
    }

    assert!(faults.is_empty(), "{} of {ROUNDS}: {}", faults.len(), faults[0]);
}

/// So many that some fail without the precaution: on two cores, three of them.
const ROUNDS: usize = 60;

fn ids(seen: &Answer) -> Vec<Value> {
    seen.json()["sessions"].as_array().expect("a list").iter().map(|session| session["id"].clone()).collect()
}

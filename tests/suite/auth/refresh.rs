//! Refresh: the next pair for a refresh token, once.

use std::time::Duration;

use countersign::database::{Reads, Statement};
use countersign::problem::Code;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;

use crate::support::{Engine, TestApp};

const DAY: Duration = Duration::from_hours(24);
/// How long the token that was spent last gets the same successor.
const GRACE: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(1);

#[rstest]
#[tokio::test]
async fn a_refresh_token_is_traded_for_the_next_pair(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let first = ada.log_in().await;

    let next = ada.refresh(&first.refresh_token()).await;

    next.assert_status(200);
    assert_eq!(next.header("cache-control"), "no-store");
    assert_eq!(next.claim("sid"), first.claim("sid"));
    assert_ne!(next.refresh_token(), first.refresh_token());
    assert_ne!(next.access_token(), first.access_token());
    let mut body = next.json();
    body["access_token"] = "…".into();
    body["refresh_token"] = "…".into();
    assert_eq!(
        body,
        json!({
            "access_token": "…", "token_type": "bearer", "expires_in": 1800, "refresh_token": "…",
            "refresh_expires_in": 1_209_600, "user": first.json()["user"]
        })
    );
    for pair in [&first, &next] {
        ada.me(&pair.access_token()).await.assert_status(200);
    }
}

static STEPS: Statement = Statement::new("select cast(sum(generation) as bigint) from sessions");

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_64_refreshes_at_once_on_two_nodes_one_steps(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    let spent = app.registered("ada").await.log_in().await.refresh_token();
    let people = [app.somebody("ada"), other.somebody("ada")];

    let answers = join_all((0..64).map(|place| people[place % 2].refresh(&spent))).await;

    let successor = answers[0].refresh_token();
    for answer in &answers {
        answer.assert_status(200);
        assert_eq!(answer.refresh_token(), successor);
    }
    let steps = app.handles().database.one::<i64>(&STEPS, &[]).await.expect("a sum");
    assert_eq!(steps, 1);
    // After a second step the successor would be a spent token itself.
    app.advance(GRACE + MOMENT);
    people[1].refresh(&successor).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_lost_answer_is_given_again_for_ten_seconds(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    let ada = app.registered("ada").await;
    let spent = ada.log_in().await.refresh_token();
    let lost = ada.refresh(&spent).await;

    app.advance(GRACE);
    let again = other.somebody("ada").refresh(&spent).await;

    again.assert_status(200);
    assert_eq!(again.refresh_token(), lost.refresh_token());
    ada.refresh(&again.refresh_token()).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_spent_token_ends_its_session_and_the_stolen_successor_dies_with_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (session, another) = (ada.log_in().await, ada.log_in().await);
    let stolen = ada.refresh(&session.refresh_token()).await;

    app.advance(GRACE + MOMENT);
    let replay = ada.refresh(&session.refresh_token()).await;

    replay.assert_problem(Code::RefreshTokenReused);
    assert_eq!(replay.header("www-authenticate"), "Bearer");
    ada.refresh(&stolen.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.refresh(&session.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.me(&stolen.access_token()).await.assert_refused_token(Code::SessionEnded);
    ada.refresh(&another.refresh_token()).await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stretch_the_grace(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (first, other) = (ada.log_in().await.refresh_token(), ada.log_in().await.refresh_token());
    ada.refresh(&first).await.assert_status(200);
    ada.refresh(&other).await.assert_status(200);

    app.set_back(GRACE);
    let within = ada.refresh(&first).await;
    app.set_back(MOMENT);
    let beyond = ada.refresh(&other).await;

    within.assert_status(200);
    beyond.assert_problem(Code::RefreshTokenReused);
}

#[rstest]
#[tokio::test]
async fn a_token_older_than_the_one_spent_last_has_no_grace(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let first = ada.log_in().await.refresh_token();
    let second = ada.refresh(&first).await.refresh_token();
    let third = ada.refresh(&second).await.refresh_token();

    ada.refresh(&first).await.assert_problem(Code::RefreshTokenReused);

    ada.refresh(&third).await.assert_problem(Code::SessionEnded);
}

#[rstest]
#[tokio::test]
async fn a_session_that_was_ended_has_no_grace(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let spent = ada.log_in().await.refresh_token();
    let next = ada.refresh(&spent).await;

    ada.log_out(&next.access_token()).await.assert_status(204);

    ada.refresh(&spent).await.assert_problem(Code::SessionEnded);
    ada.refresh(&next.refresh_token()).await.assert_problem(Code::SessionEnded);
}

/// Any statement about a session or a user fails from then on.
static TAKE_SESSIONS_AWAY: Statement = Statement::new("alter table sessions rename to sessions_taken_away");
static TAKE_USERS_AWAY: Statement = Statement::new("alter table users rename to users_taken_away");

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_refused_without_asking_the_database(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let elsewhere = TestApp::new(Engine::Sqlite).await.registered("ada").await.log_in().await.refresh_token();
    let ada = app.registered("ada").await;
    let genuine = ada.log_in().await.refresh_token();
    app.tamper(&TAKE_SESSIONS_AWAY).await;
    app.tamper(&TAKE_USERS_AWAY).await;

    let mut forged = vec![elsewhere, format!("{genuine}A"), format!("{genuine}="), format!(" {genuine}")];
    forged.extend((0..genuine.len()).map(|end| genuine[..end].to_owned()));
    for (place, bit) in (0..genuine.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
        let mut bytes = genuine.clone().into_bytes();
        bytes[place] ^= 1 << bit;
        forged.push(String::from_utf8_lossy(&bytes).into_owned());
    }

    for crowd in forged.chunks(64) {
        for answer in join_all(crowd.iter().map(|token| ada.refresh(token))).await {
            answer.assert_problem(Code::InvalidRefreshToken);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    // The genuine one gets as far as the database, which shows that the others did not.
    ada.refresh(&genuine).await.assert_problem(Code::InternalError);
}

#[rstest]
#[tokio::test]
async fn a_session_that_lies_idle_for_14_days_is_over(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let first = ada.log_in().await;

    app.advance(14 * DAY - MOMENT);
    let in_time = ada.refresh(&first.refresh_token()).await;
    app.advance(14 * DAY);
    let too_late = ada.refresh(&in_time.refresh_token()).await;

    in_time.assert_status(200);
    too_late.assert_problem(Code::SessionEnded);
}

#[rstest]
#[tokio::test]
async fn a_session_is_over_after_90_days_however_busy_it_was(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let mut pair = ada.log_in().await;
    for _ in 0..8 {
        app.advance(11 * DAY);
        pair = ada.refresh(&pair.refresh_token()).await;
    }
    assert_eq!(pair.json()["refresh_expires_in"], (2 * DAY).as_secs());

    app.advance(2 * DAY - Duration::from_mins(1));
    let last = ada.refresh(&pair.refresh_token()).await;
    app.advance(Duration::from_mins(1));

    assert_eq!((&last.json()["refresh_expires_in"], &last.json()["expires_in"]), (&json!(60), &json!(60)));
    ada.refresh(&last.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.me(&last.access_token()).await.assert_status(401);
}

#[tokio::test]
async fn how_long_sessions_live_can_be_set() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.tokens.access_ttl_seconds = 600;
        config.tokens.refresh_idle_ttl_seconds = 60;
        config.tokens.refresh_absolute_ttl_seconds = 90;
    })
    .await;
    let ada = app.registered("ada").await;
    let first = ada.log_in().await;

    app.advance(Duration::from_secs(59));
    let second = ada.refresh(&first.refresh_token()).await;
    app.advance(Duration::from_secs(31));

    // Never longer than the session that they belong to.
    assert_eq!((&first.json()["refresh_expires_in"], &first.json()["expires_in"]), (&json!(60), &json!(90)));
    assert_eq!((&second.json()["refresh_expires_in"], &second.json()["expires_in"]), (&json!(31), &json!(31)));
    ada.refresh(&second.refresh_token()).await.assert_problem(Code::SessionEnded);
}

#[tokio::test]
async fn an_access_token_ends_with_a_session_that_lies_idle() {
    let app = TestApp::with(Engine::Sqlite, |config| config.tokens.refresh_idle_ttl_seconds = 60).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;

    app.advance(Duration::from_mins(1));

    ada.me(&pair.access_token()).await.assert_refused_token(Code::SessionEnded);
}

static DISABLE_EVERYBODY: Statement = Statement::new("update users set is_active = false");
static ENABLE_EVERYBODY: Statement = Statement::new("update users set is_active = true");

#[rstest]
#[tokio::test]
async fn a_disabled_user_is_out_at_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;

    app.tamper(&DISABLE_EVERYBODY).await;

    ada.me(&pair.access_token()).await.assert_refused_token(Code::AccountDisabled);
    ada.refresh(&pair.refresh_token()).await.assert_problem(Code::SessionEnded);
    ada.log_in().await.assert_problem(Code::AccountDisabled);
    app.somebody("ada").with_password("not the right one").log_in().await.assert_problem(Code::InvalidCredentials);
}

#[rstest]
#[tokio::test]
async fn a_refresh_while_disabled_spends_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;

    app.tamper(&DISABLE_EVERYBODY).await;
    for _ in 0..2 {
        ada.refresh(&pair.refresh_token()).await.assert_problem(Code::SessionEnded);
    }
    app.tamper(&ENABLE_EVERYBODY).await;

    ada.refresh(&pair.refresh_token()).await.assert_status(200);
}

#[tokio::test]
async fn a_body_without_a_token_is_told_so() {
    let app = TestApp::new(Engine::Sqlite).await;

    for (body, fault) in [(json!({}), "missing"), (json!({"refresh_token": 7}), "not_a_string")] {
        let answer = app.post("/auth/refresh", &body).await;

        answer.assert_problem(Code::ValidationFailed);
        assert_eq!(answer.faults(), [("refresh_token".to_owned(), fault.to_owned())]);
    }
    app.somebody("ada").refresh("").await.assert_problem(Code::InvalidRefreshToken);
}

//! The mail server misbehaves: no letter is lost, no request waits.

use std::time::Duration;

use countersign::models::job::{Job, State};
use rstest::rstest;
use serde_json::json;

use super::delivery::{jobs_until, nothing_left, until_dead};
use super::{SECRET, by_way_of, post};
use crate::smtp_sink::{Manner, Sink};
use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn a_letter_that_is_made_to_wait_arrives_later(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Greylists).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;

    post(&app, "ada").await;
    let waiting = jobs_until(&app, |jobs| jobs.iter().any(|job| job.last_error.is_some())).await;
    app.advance(Duration::from_secs(3));

    sink.received(1).await;
    assert!(waiting[0].last_error.as_deref().unwrap().contains("451"), "{waiting:?}");
    nothing_left(&app).await;
}

#[rstest]
#[tokio::test]
async fn a_refused_letter_is_dead_until_somebody_retries_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let sink = Sink::new(Manner::Refuses).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;
    post(&app, "ada").await;
    let dead = until_dead(&app).await;
    assert_eq!(dead.attempts, 1);
    // The server has named the recipient, and might have quoted the letter.
    assert_eq!(dead.last_error.as_deref(), Some("550 5.1.1 (addressing)"));
    assert!(!format!("{dead:?}").contains(SECRET));

    sink.behave(Manner::Takes);
    let now = app.handles().clock.now();
    assert!(
        Job::retry(&mut app.handles().database.once(), dead.id, (now, now + Duration::from_hours(1))).await.unwrap()
    );

    sink.received(1).await;
    nothing_left(&app).await;
}

#[rstest]
#[tokio::test]
async fn one_refused_letter_does_not_cost_the_others_their_connection(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let sink = Sink::new(Manner::Refuses).await;
    let app = TestApp::with(engine, |config| {
        by_way_of(sink.url())(config);
        config.mail.max_connections = 1;
    })
    .await;
    post(&app, "eve").await;
    until_dead(&app).await;

    sink.behave(Manner::Takes);
    post(&app, "ada").await;
    post(&app, "bob").await;

    sink.received(2).await;
    assert_eq!(sink.connections(), 1);
}

#[rstest]
#[tokio::test]
async fn a_server_that_closes_midway_gets_the_same_letter_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let sink = Sink::new(Manner::ClosesMidway).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;

    post(&app, "ada").await;
    sink.received(1).await;
    jobs_until(&app, |jobs| jobs.iter().all(|job| job.state == State::Waiting)).await;
    app.advance(Duration::from_secs(3));

    let letters = sink.received(2).await;
    assert_eq!(letters[0].header("Message-ID"), letters[1].header("Message-ID"));
    assert_eq!(letters[0].header("Date"), letters[1].header("Date"));
    nothing_left(&app).await;
}

#[rstest]
#[tokio::test]
async fn no_request_waits_for_a_mail_server_that_hangs(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Hangs).await;
    let app = TestApp::with(engine, |config| {
        by_way_of(sink.url())(config);
        config.mail.timeout_seconds = 300;
        config.mail.connect_timeout_seconds = 60;
    })
    .await;
    for number in 0..8 {
        post(&app, &format!("ada-{number}")).await;
    }
    sink.connected(4).await;

    let grace = app.registered("grace").await;
    grace.log_in().await.assert_status(200);

    // All hands still wait, and nobody else has. The ninth letter is Grace's own.
    let jobs = Job::list(&app.handles().database, 0, 100).await.unwrap();
    assert_eq!(jobs.iter().filter(|job| job.state == State::Running).count(), 4, "{jobs:?}");
    assert_eq!((jobs.len(), sink.letters().len()), (9, 0));
}

#[rstest]
#[tokio::test]
async fn a_letter_that_took_too_long_leaves_its_connection_to_nobody(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let sink = Sink::new(Manner::Dawdles(Duration::from_secs(3))).await;
    let app = TestApp::with(engine, |config| {
        by_way_of(sink.url())(config);
        config.mail.max_connections = 1;
    })
    .await;
    post(&app, "ada").await;
    jobs_until(&app, |jobs| jobs.iter().any(|job| job.last_error.is_some())).await;

    sink.behave(Manner::Takes);
    app.advance(Duration::from_secs(3));

    nothing_left(&app).await;
    assert_eq!(sink.connections(), 2);
}

#[rstest]
#[tokio::test]
async fn an_outage_is_shown_and_makes_no_node_unready(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    let (url, address) = (sink.url(), sink.address());
    drop(sink);
    let app = TestApp::in_real_time(engine, by_way_of(url)).await;
    for number in 0..10 {
        post(&app, &format!("ada-{number}")).await;
    }
    let down = health_until(&app, "breaker_open").await;
    assert_eq!(down["status"], json!("ok"), "{down}");

    let sink = Sink::at(address, Manner::Takes).await;

    sink.received(10).await;
    nothing_left(&app).await;
    let up = health_until(&app, "ok").await;
    assert_eq!(up["checks"], json!({"database": "ok", "mail": "ok"}));
}

#[rstest]
#[tokio::test]
async fn how_soon_a_mail_server_is_given_up_is_a_setting(#[values(Engine::Sqlite)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    let url = sink.url();
    drop(sink);
    let app = TestApp::with(engine, |config| {
        by_way_of(url)(config);
        config.mail_breaker.failures_in_a_row = 1;
    })
    .await;

    // Five are needed by default.
    post(&app, "ada").await;

    health_until(&app, "breaker_open").await;
}

async fn health_until(app: &TestApp, mail: &str) -> serde_json::Value {
    let waiting = async {
        loop {
            let health = app.get("/health/ready").await;
            health.assert_status(200);
            if health.json()["checks"]["mail"] == mail {
                return health.json();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("the mail server as it should be")
}

#[rstest]
#[tokio::test]
async fn a_server_elsewhere_that_offers_no_encryption_gets_nothing(#[values(Engine::Sqlite)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    // This machine, by a name that does not say so.
    let url = sink.url().replace("//127.0.0.1", "//ada:password@0.0.0.0");
    let app = TestApp::with(engine, by_way_of(url)).await;

    post(&app, "ada").await;

    let jobs = jobs_until(&app, |jobs| jobs.iter().any(|job| job.last_error.is_some())).await;
    assert!(jobs[0].last_error.as_deref().unwrap().contains("STARTTLS"), "{jobs:?}");
    assert_eq!(sink.said(), ["EHLO"]);
}

//! Metrics are for the moments in which things go wrong: they are read in the middle of them.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::home::Home;
use crate::process::{PATIENCE, Service};
use crate::visitor::Visitor;

pub(crate) fn measured(home: Home) -> Home {
    home.with("COUNTERSIGN_METRICS__LISTEN", "127.0.0.1:0")
}

/// The value of a sample.
#[track_caller]
pub(crate) fn value(scraped: &str, sample: &str) -> f64 {
    let value = scraped.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {sample} in:\n{scraped}")).parse().unwrap()
}

/// Scrapes until it says what is hoped for.
pub(crate) async fn until(service: &Service, is_it: impl Fn(&str) -> bool) -> String {
    let since = Instant::now();
    loop {
        let scraped = service.scrape().await;
        if is_it(&scraped) {
            return scraped;
        }
        assert!(since.elapsed() < PATIENCE, "it never said it:\n{scraped}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn breaker_is(state: &str) -> impl Fn(&str) -> bool {
    let sample = format!("countersign_breaker_state{{dependency=\"database\",state=\"{state}\"}}");
    move |scraped| value(scraped, &sample) > 0.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_flood_can_be_watched() {
    // One thread does about eighty of these in time; a faster machine than most would still refuse some.
    const LOGINS: usize = 256;
    let home = measured(Home::new(Engine::Sqlite)).with("COUNTERSIGN_PASSWORDS__HASHING_THREADS", "1");
    let service = home.start();
    let watched = Arc::new(AtomicBool::new(false));
    let mut flood = JoinSet::new();
    for number in 0..LOGINS {
        flood.spawn(log_in_again_and_again(service.visitor(), number, Arc::clone(&watched)));
    }

    until(&service, |scraped| {
        value(scraped, "countersign_hashing_queue_length") > 0.0
            && value(scraped, "countersign_hashing_lanes_busy") > 3.0
            && value(scraped, "countersign_http_requests_in_flight") > 4.0
    })
    .await;
    until(&service, |scraped| value(scraped, r#"countersign_hashes_total{outcome="hashed"}"#) > 0.0).await;
    watched.store(true, Ordering::Relaxed);
    let statuses = flood.join_all().await.concat();
    let after = until(&service, |scraped| {
        value(scraped, "countersign_hashing_lanes_busy") < 1.0
            && value(scraped, "countersign_http_requests_in_flight") < 1.0
    })
    .await;

    let count = |sample: &str| value(&after, sample);
    let refused = statuses.iter().filter(|status| **status == 503).count();
    let wrong = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(refused + wrong, statuses.len(), "nothing else was answered: {after}");
    assert!(refused > 0 && wrong > 0, "{refused} refused, {wrong} hashed");
    let expected = |number: usize| f64::from(u32::try_from(number).unwrap());
    let told = [
        count(r#"countersign_logins_total{outcome="wrong_credentials"}"#) - expected(wrong),
        count(r#"countersign_logins_total{outcome="overloaded"}"#) - expected(refused),
        count(r#"countersign_hashes_total{outcome="hashed"}"#) - expected(wrong),
    ];
    assert!(told.iter().all(|difference| difference.abs() < f64::EPSILON), "{told:?}\n{after}");
    assert!(count("countersign_hashing_wait_seconds_sum") > 0.0);
}

/// Signs nobody in. Comes back when refused, until the flood has been watched: on a busy machine a service may think
/// itself slower than it is until it has hashed for a while, and has nobody wait.
async fn log_in_again_and_again(visitor: Visitor, number: usize, watched: Arc<AtomicBool>) -> Vec<u16> {
    let login = json!({"email": format!("{number}@example.com"), "password": "not a password of anybody"});
    let mut statuses = Vec::new();
    loop {
        let status = visitor.ask(Method::POST, "/auth/login", None, Some(&login)).await.unwrap().status;
        statuses.push(status);
        if status != 503 || watched.load(Ordering::Relaxed) {
            return statuses;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_database_shows_in_its_breaker_which_opens_when_it_is_set_to() {
    let home = measured(Home::with_own_server()).with("COUNTERSIGN_DATABASE_BREAKER__FAILURES_IN_A_ROW", "2");
    let people = home.people(1).await;
    let service = home.start();
    let visitor = service.visitor();
    assert!(breaker_is("closed")(&service.scrape().await));

    home.server().freeze();
    let mut asked = JoinSet::new();
    for _ in 0..2 {
        let (visitor, token) = (visitor.clone(), people[0].access_token.clone());
        asked.spawn(async move { visitor.me(&token).await.unwrap().status });
    }
    assert!(asked.join_all().await.iter().all(|status| *status == 503));
    let open = service.scrape().await;
    assert_eq!(visitor.me(&people[0].access_token).await.unwrap().status, 503);
    let refusing = service.scrape().await;
    home.server().thaw();
    let closed = until(&service, breaker_is("closed")).await;

    assert!(!breaker_is("closed")(&open), "{open}");
    assert!(value(&open, r#"countersign_dependency_calls_total{dependency="database",outcome="failed"}"#) >= 2.0);
    assert!(value(&refusing, r#"countersign_dependency_calls_total{dependency="database",outcome="refused"}"#) >= 1.0);
    assert!(value(&refusing, r#"countersign_database_calls_total{outcome="refused"}"#) >= 1.0);
    for (to, at_least) in [("open", 1.0), ("half_open", 1.0), ("closed", 1.0)] {
        let sample = format!("countersign_breaker_transitions_total{{dependency=\"database\",to=\"{to}\"}}");
        assert!(value(&closed, &sample) >= at_least, "{closed}");
    }
}

#[tokio::test]
async fn a_drain_can_be_watched_to_its_end() {
    let home = measured(Home::new(Engine::Sqlite));
    let service = home.start();
    let mut unfinished = TcpStream::connect(service.address).unwrap();
    let head = "POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{";
    unfinished.write_all(head.as_bytes()).unwrap();
    until(&service, |scraped| value(scraped, "countersign_http_requests_in_flight") > 0.0).await;

    service.process.signal(Signal::TERM);
    let since = Instant::now();
    while TcpStream::connect(service.address).is_ok() {
        assert!(since.elapsed() < PATIENCE, "it goes on taking connections");
        thread::park_timeout(Duration::from_millis(20));
    }
    let draining = service.scrape().await;
    unfinished.write_all(b"}").unwrap();
    let (status, said) = service.process.ended();

    assert!(value(&draining, "countersign_stopping") > 0.0, "{draining}");
    assert!(value(&draining, "countersign_http_requests_in_flight") > 0.0, "{draining}");
    assert_eq!(status.code(), Some(0), "{said}");
}

#[tokio::test]
async fn whoever_connects_and_asks_nothing_keeps_nobody_away_for_long() {
    let home = measured(Home::new(Engine::Sqlite));
    let service = home.start();
    let metrics = service.metrics();
    let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(metrics).unwrap()).collect();

    let scraped = service.scrape().await;

    assert!(value(&scraped, "process_open_fds") < 64.0, "no more than a few are let in: {scraped}");
    drop(silent);
}

#[tokio::test]
async fn an_address_that_anyone_may_reach_is_warned_of() {
    let exposed = Home::new(Engine::Sqlite).with("COUNTERSIGN_METRICS__LISTEN", "0.0.0.0:0").start();
    let private = measured(Home::new(Engine::Sqlite)).start();
    let off = Home::new(Engine::Sqlite).start();
    private.scrape().await;

    exposed.process.says("metrics are served to anyone");
    assert!(!private.process.said().contains("metrics are served to anyone"));
    assert!(!off.process.said().contains("metrics_address"), "off by default");
}

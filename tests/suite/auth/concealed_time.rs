//! Whether an address has an account cannot be told by time either.
//!
//! Pairs of a known and an unknown address, asked one after the other, which of them first by turns. With `TIME_PAIRS`
//! as a number of pairs (2,000 tell a tenth of a millisecond on a quiet machine) the medians of their differences are
//! held against a bound; without it a few pairs show that the answers are the same.

use std::time::{Duration, Instant};

use countersign::config::Config;
use rstest::rstest;
use serde_json::json;

use crate::support::{Engine, TestApp};

/// What a network of a few hops hides in any number of tries that a limit of 20 an hour allows.
const BOUND: Duration = Duration::from_micros(300);

#[rstest]
#[tokio::test]
async fn forgot_takes_the_same_time_for_everybody(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, without_limits).await;
    for number in 0..POPULATION {
        app.registered(&format!("known{number}")).await;
    }

    compare(async |number, is_known| {
        let name = if is_known { format!("known{}", number % POPULATION) } else { format!("other{number}") };
        let begun = Instant::now();
        let answer = app.post("/auth/password/forgot", &json!({"email": format!("{name}@example.com")})).await;
        let took = begun.elapsed();
        answer.assert_status(202);
        assert_eq!(answer.text, "");
        // What is looked at after the answer must not slow the next one down.
        app.subjects_to("nobody@example.com").await;
        took
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_concealed_registration_takes_the_same_time_for_everybody(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let conceal = |config: &mut Config| {
        without_limits(config);
        config.registration.conceal_accounts = true;
    };
    let app = TestApp::with(engine, conceal).await;
    for number in 0..POPULATION {
        app.somebody(&format!("known{number}")).register().await.assert_status(202);
    }

    compare(async |number, is_known| {
        let name = if is_known { format!("known{}", number % POPULATION) } else { format!("other{number}") };
        let applicant = app.somebody(&name);
        let begun = Instant::now();
        let answer = applicant.register().await;
        let took = begun.elapsed();
        answer.assert_status(202);
        app.subjects_to("nobody@example.com").await;
        took
    })
    .await;
}

const POPULATION: usize = 10;

/// Asks in pairs; holds the median of the differences against the bound where there are enough of them.
async fn compare(ask: impl AsyncFn(usize, bool) -> Duration) {
    let pairs = pairs();
    let mut differences = Vec::new();
    for number in 0..pairs.unwrap_or(4) {
        let known_first = number % 2 == 0;
        let (first, second) = (ask(number, known_first).await, ask(number, !known_first).await);
        let (known, unknown) = if known_first { (first, second) } else { (second, first) };
        differences.push(known.as_secs_f64() - unknown.as_secs_f64());
    }
    differences.sort_by(f64::total_cmp);
    let median = differences[differences.len() / 2];
    if pairs.is_some() {
        println!("{} pairs: the median difference is {:.1} µs", differences.len(), median * 1e6);
        assert!(median.abs() < BOUND.as_secs_f64(), "{median} s");
    }
}

/// How many pairs, if time is to be measured.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn pairs() -> Option<usize> {
    std::env::var("TIME_PAIRS").ok().map(|pairs| pairs.parse().expect("a number in TIME_PAIRS"))
}

fn without_limits(config: &mut Config) {
    config.limits.mails_per_account_per_hour = 0;
    config.limits.mail_requests_per_hour = 0;
    config.limits.registrations_per_hour = 0;
}

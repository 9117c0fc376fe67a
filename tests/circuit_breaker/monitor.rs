//! `Breaker::monitor`: probes in the background.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use countersign::circuit_breaker::{Breaker, CallError, Prober, Settings, State};

use crate::world::{Answer, breaker, open, settings, succeed};

/// What the dependency does with a ping.
const DOWN: u32 = 0;
const HANGS: u32 = 1;
const PANICS: u32 = 2;
const UP: u32 = 3;

const DEADLINE: Duration = Duration::from_millis(500);

#[tokio::test(start_paused = true)]
async fn the_monitor_finds_the_dependency_back_though_nobody_calls() {
    for illness in [DOWN, HANGS, PANICS] {
        let health = Arc::new(AtomicU32::new(illness));
        let breaker = monitored(&health);

        open(&breaker).await;
        sleep(Duration::from_mins(1)).await;
        assert!(!breaker.is_closed());
        assert!(breaker.snapshot().transitions.opened > 10, "illness {illness}: it went on trying");

        health.store(UP, Ordering::Relaxed);
        sleep(Duration::from_secs(2)).await;
        assert!(breaker.is_closed(), "illness {illness}: {:?}", breaker.snapshot());
        assert_eq!(succeed(&breaker).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_monitored_breaker_never_wait_for_a_probe() {
    let health = Arc::new(AtomicU32::new(HANGS));
    let breaker = monitored(&health);
    open(&breaker).await;

    for _ in 0..1_000 {
        sleep(Duration::from_millis(10)).await;
        assert!(matches!(succeed(&breaker).await, Err(CallError::Rejected(_))));
    }

    assert!(breaker.snapshot().transitions.half_opened > 5);
}

#[tokio::test(start_paused = true)]
async fn a_second_outage_is_found_like_the_first() {
    let health = Arc::new(AtomicU32::new(UP));
    let breaker = monitored(&health);

    for outage in 1..=3 {
        open(&breaker).await;
        sleep(Duration::from_secs(2)).await;
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.state, snapshot.transitions.closed), (State::Closed, outage));
    }
}

/// With the settings of the database, but that three failures open it.
fn monitored(health: &Arc<AtomicU32>) -> Arc<Breaker> {
    assert_eq!(Settings::DATABASE.prober, Prober::Monitor);
    let breaker = Arc::new(breaker(Settings { failures_in_a_row: settings().failures_in_a_row, ..Settings::DATABASE }));
    let (watched, health) = (Arc::clone(&breaker), Arc::clone(health));
    tokio::spawn(async move { watched.monitor(DEADLINE, || ping(health.load(Ordering::Relaxed))).await });
    breaker
}

async fn ping(health: u32) -> Result<(), Answer> {
    match health {
        UP => Ok(()),
        HANGS => pending().await,
        PANICS => panic!("a defect of the ping"),
        _ => Err(Answer::ConnectionLost),
    }
}

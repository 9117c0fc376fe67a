//! A dependency that does as it is told, and a breaker before it.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::circuit_breaker::{Breaker, CallError, Outage, Settings};
use tokio::time::Instant;

/// What a dependency may answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Answer {
    #[error("there is one already")]
    Duplicate,
    #[error("connection lost")]
    ConnectionLost,
}

impl Outage for Answer {
    fn is_outage(&self) -> bool {
        match self {
            Self::Duplicate => false,
            Self::ConnectionLost => true,
        }
    }
}

/// Three failures in a row open it for 10 s, one probe closes it; the jitter is the least there is.
pub(crate) fn settings() -> Settings {
    Settings {
        failures_in_a_row: NonZeroU32::new(3).unwrap(),
        probes: NonZeroU32::MIN,
        open_time: Duration::from_secs(10),
        jitter: countersign::circuit_breaker::Percent::new(1).unwrap(),
        ..Settings::DEFAULT
    }
}

/// On tokio's clock, which waits for the test.
pub(crate) fn breaker(settings: Settings) -> Breaker {
    let start = Instant::now();
    Breaker::new("dependency", settings, move || start.elapsed())
}

pub(crate) async fn succeed(breaker: &Breaker) -> Result<(), CallError<Answer>> {
    breaker.call(async { Ok(()) }).await
}

pub(crate) async fn fail(breaker: &Breaker) -> Result<(), CallError<Answer>> {
    breaker.call(async { Err(Answer::ConnectionLost) }).await
}

pub(crate) async fn open(breaker: &Breaker) {
    for _ in 0..settings().failures_in_a_row.get() {
        fail(breaker).await.unwrap_err();
    }
    assert!(!breaker.is_closed());
}

/// Longer than the first open time of [`settings`].
pub(crate) const OPEN_TIME: Duration = Duration::from_secs(10);

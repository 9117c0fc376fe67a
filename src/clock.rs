//! What time it is: the one place that asks the machine.
//!
//! A test sets the hands itself; nothing sleeps to make time pass. This module does not wait for anything: timers
//! belong to whoever waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// Tells the time; clones tell the same.
#[derive(Clone, Debug)]
pub struct Clock {
    movement: Movement,
    /// What the wall clock said when this clock was made.
    began: Timestamp,
}

#[derive(Clone, Debug)]
enum Movement {
    System { started: Instant },
    Set(Hands),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { movement: Movement::System { started: Instant::now() }, began: system_now() }
    }

    /// A clock that stands still at `start` until its hands are moved.
    #[must_use]
    pub fn hand_set(start: Timestamp) -> (Self, Hands) {
        let hands = Hands {
            wall_millis: Arc::new(AtomicI64::new(start.as_unix_millis())),
            elapsed_nanos: Arc::new(AtomicU64::new(0)),
        };
        (Self { movement: Movement::Set(hands.clone()), began: start }, hands)
    }

    /// The wall clock: what is stored, shown and put into tokens. It may jump when the machine's clock is corrected.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.movement {
            Movement::System { .. } => system_now(),
            Movement::Set(hands) => Timestamp::from_unix_millis(hands.wall_millis.load(Ordering::Acquire)),
        }
    }

    /// The wall clock, but never ahead of the time that has passed here since this clock was made: for what is deleted
    /// for its age and could not be brought back when a jump forward turns out to have been a mistake.
    ///
    /// It lags behind a clock that was set right by going forward, until the process begins anew; and it trusts what the
    /// clock said when it began.
    #[must_use]
    pub fn vouched(&self) -> Timestamp {
        self.now().min(self.began + self.monotonic())
    }

    /// Time since this clock was made, never backwards: for limits and pauses that a corrected wall clock
    /// must neither stretch nor skip. Means nothing outside this process.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.movement {
            Movement::System { started } => started.elapsed(),
            Movement::Set(hands) => Duration::from_nanos(hands.elapsed_nanos.load(Ordering::Acquire)),
        }
    }
}

/// The hands of a clock that only its holder moves.
#[derive(Clone, Debug)]
pub struct Hands {
    wall_millis: Arc<AtomicI64>,
    elapsed_nanos: Arc<AtomicU64>,
}

impl Hands {
    /// Lets time pass, on the wall and monotonically.
    pub fn advance(&self, step: Duration) {
        let nanos = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        self.wall_millis.update(Ordering::AcqRel, Ordering::Acquire, |millis| {
            (Timestamp::from_unix_millis(millis) + step).as_unix_millis()
        });
        self.elapsed_nanos.update(Ordering::AcqRel, Ordering::Acquire, |elapsed| elapsed.saturating_add(nanos));
    }

    /// Makes the wall clock jump, as a correction does; no time passes.
    pub fn set(&self, now: Timestamp) {
        self.wall_millis.store(now.as_unix_millis(), Ordering::Release);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is to ask")]
fn system_now() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_unix_millis(0) + since,
        Err(before) => Timestamp::from_unix_millis(0) - before.duration(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_tells_a_plausible_time_and_goes_forward() {
        let clock = Clock::system();
        let (first, second) = (clock.monotonic(), clock.clone().monotonic());

        assert!(clock.now().to_string().as_str() > "2025");
        assert!(first <= second);
    }

    #[test]
    fn a_hand_set_clock_stands_still_until_moved() {
        let start = Timestamp::from_unix_seconds(1_000);
        let (clock, hands) = Clock::hand_set(start);
        let other = clock.clone();
        assert_eq!((clock.now(), clock.monotonic()), (start, Duration::ZERO));

        hands.advance(Duration::from_millis(1_500));

        assert_eq!(
            (other.now(), other.monotonic()),
            (start + Duration::from_millis(1_500), Duration::from_millis(1_500))
        );
    }

    #[test]
    fn a_jump_forward_is_not_vouched_for_and_what_passes_is() {
        let start = Timestamp::from_unix_seconds(1_000);
        let (clock, hands) = Clock::hand_set(start);

        hands.set(start + Duration::from_hours(400 * 24));
        hands.advance(Duration::from_secs(5));
        assert_eq!(clock.vouched(), start + Duration::from_secs(5));

        hands.set(start - Duration::from_mins(1));
        assert_eq!(clock.vouched(), clock.now(), "a clock that is behind deletes nothing too early");
    }

    #[test]
    fn a_corrected_wall_clock_leaves_the_monotonic_one_alone() {
        let (clock, hands) = Clock::hand_set(Timestamp::from_unix_seconds(1_000));
        hands.advance(Duration::from_secs(5));

        hands.set(Timestamp::from_unix_seconds(10));

        assert_eq!((clock.now(), clock.monotonic()), (Timestamp::from_unix_seconds(10), Duration::from_secs(5)));
    }

    #[test]
    fn advancing_stops_at_the_end_of_time() {
        let (clock, hands) = Clock::hand_set(Timestamp::MAX);
        hands.advance(Duration::MAX);
        hands.advance(Duration::MAX);
        assert_eq!((clock.now(), clock.monotonic()), (Timestamp::MAX, Duration::from_nanos(u64::MAX)));
    }
}

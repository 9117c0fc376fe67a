//! How patient a breaker is: one set of numbers per dependency.
//!
//! Knows no configuration file. The defaults are those of the libraries that made the pattern common, and each
//! dependency changes only what its own deadlines require.

use std::num::NonZeroU32;
use std::time::Duration;

/// When a breaker opens, how long it stays open, and how it is probed.
///
/// A breaker opens on a bad call (failed or slow), never on a good one, when any of three limits is reached:
/// failures in a row, the failure rate, or the slow-call rate of the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// How far back calls are counted, in steps of a tenth.
    ///
    /// Default 10 s (Hystrix `metrics.rollingStats.timeInMilliseconds`).
    pub window: Duration,

    /// The rates say nothing before the window holds this many calls.
    ///
    /// Default 20 (Hystrix `circuitBreaker.requestVolumeThreshold`).
    pub minimum_calls: NonZeroU32,

    /// The share of failed calls in the window that opens the breaker.
    ///
    /// Default 50 % (Hystrix `errorThresholdPercentage`, resilience4j `failureRateThreshold`).
    pub failure_rate: Percent,

    /// This many failures without a success between them open the breaker, however old the window's successes are.
    ///
    /// Default 7 (Linkerd `failure-accrual-consecutive-max-failures`). Without it a dependency that stops answering
    /// is called until failures outnumber the successes of the last `window`.
    pub failures_in_a_row: NonZeroU32,

    /// A call that took at least this long was slow, whatever its result.
    ///
    /// Default 5 s. resilience4j says 60 s (`slowCallDurationThreshold`), longer than a request lives here.
    pub slow_call: Duration,

    /// The share of slow calls in the window that opens the breaker.
    ///
    /// Default 100 % (resilience4j `slowCallRateThreshold`).
    pub slow_rate: Percent,

    /// How long the breaker stays open the first time; each failed probe doubles it.
    ///
    /// Default 5 s (Hystrix `circuitBreaker.sleepWindowInMilliseconds`).
    pub open_time: Duration,

    /// The longest the breaker stays open, however often probes have failed.
    ///
    /// Default 60 s (Linkerd `failure-accrual-consecutive-max-penalty`).
    pub longest_open_time: Duration,

    /// The share of the open time that chance may take away, so that nodes do not probe in step.
    ///
    /// Default 50 % (Linkerd `failure-accrual-consecutive-jitter-ratio`). It only shortens: `longest_open_time` holds.
    pub jitter: Percent,

    /// How many probes a half-open breaker lets through at a time, and how many must succeed for it to close.
    ///
    /// Default 3. resilience4j lets 10 through (`permittedNumberOfCallsInHalfOpenState`) and judges their rate; here
    /// the first bad one opens the breaker again, so fewer tell enough and fewer callers wait on a dead dependency.
    pub probes: NonZeroU32,

    /// Who makes the probes.
    ///
    /// Default [`Prober::Calls`].
    pub prober: Prober,
}

/// Whose calls find out whether the dependency is back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prober {
    /// The first calls after the open time. They may wait for their full deadline in vain.
    Calls,
    /// Only [`Breaker::monitor`](super::Breaker::monitor): ordinary calls are refused until the breaker has closed,
    /// and it closes even when nobody calls.
    Monitor,
}

impl Settings {
    /// The defaults as documented on each field.
    pub const DEFAULT: Self = Self {
        window: Duration::from_secs(10),
        minimum_calls: at_least_one(20),
        failure_rate: Percent::HALF,
        failures_in_a_row: at_least_one(7),
        slow_call: Duration::from_secs(5),
        slow_rate: Percent::ALL,
        open_time: Duration::from_secs(5),
        longest_open_time: Duration::from_mins(1),
        jitter: Percent::HALF,
        probes: at_least_one(3),
        prober: Prober::Calls,
    };

    /// For the database: quick to open, quick to try again, probed in the background.
    ///
    /// Statements die after 2 s, so a slow one takes 1 s. The longest open time and the probes fit in the 2 s within
    /// which the service promises to be back. Five failures in a row (Finagle's default) keep the number of requests
    /// that wait for a frozen server small. The monitor makes the probes because a request must not wait for a
    /// deadline in vain while the breaker knows better, and because a node that was taken out of rotation gets no
    /// requests to probe with.
    pub const DATABASE: Self = Self {
        failures_in_a_row: at_least_one(5),
        slow_call: Duration::from_secs(1),
        slow_rate: Percent::HALF,
        open_time: Duration::from_millis(250),
        longest_open_time: Duration::from_secs(1),
        prober: Prober::Monitor,
        ..Self::DEFAULT
    };

    /// For mail: few calls, and no request waits for them.
    ///
    /// The job that sends is itself retried, so one probe is enough. It is made at least every minute, because people
    /// wait for the letters in the queue.
    pub const MAIL: Self = Self {
        window: Duration::from_mins(1),
        minimum_calls: at_least_one(10),
        failures_in_a_row: at_least_one(5),
        slow_call: Duration::from_secs(20),
        probes: at_least_one(1),
        ..Self::DEFAULT
    };

    /// For the collector of traces: one call at a time, at most one a second where little happens, and nobody waits for
    /// it.
    ///
    /// Three batches in a row are enough to know, each of which may take up to its deadline; one probe finds it back.
    pub const TRACES: Self = Self {
        window: Duration::from_mins(1),
        minimum_calls: at_least_one(10),
        failures_in_a_row: at_least_one(3),
        slow_call: Duration::from_secs(10),
        probes: at_least_one(1),
        ..Self::DEFAULT
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A share from 1 to 100 %.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Percent(u8);

impl Percent {
    /// 50 %.
    pub const HALF: Self = Self(50);
    /// 100 %.
    pub const ALL: Self = Self(100);

    /// `None` unless `share` is from 1 to 100.
    #[must_use]
    pub const fn new(share: u8) -> Option<Self> {
        if share >= 1 && share <= 100 { Some(Self(share)) } else { None }
    }

    /// The share, from 1 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether `part` is at least this share of `whole`.
    pub(super) fn is_reached(self, part: u32, whole: u32) -> bool {
        u64::from(part) * 100 >= u64::from(whole) * u64::from(self.0)
    }

    /// This share as a factor from 0.01 to 1.
    pub(super) fn factor(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// A count that is never zero; zero counts as one.
const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

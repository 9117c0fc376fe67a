//! Calls of the last seconds, counted without a lock.
//!
//! Time is cut into ticks of a tenth of the window. Each tick has its counters, and each counter remembers its tick, so
//! a counter of ten ticks ago empties itself when it is used again and no thread has to sweep. It decides nothing.

use std::time::Duration;

use super::settings::Settings;
use super::state::{Counts, Outcome, Verdict};
use super::sync::{AtomicU32, AtomicU64, Ordering};

/// How many ticks a window holds; Hystrix cuts its window into as many (`metrics.rollingStats.numBuckets`).
const TICKS: u64 = 10;

/// The counters of one breaker.
///
/// Exact, with one limit: a counter stops at 16,777,215 calls a tick.
// On cache lines of its own: it is written on each call, its neighbours only read.
#[repr(align(64))]
#[derive(Debug)]
pub struct Window {
    tick_nanos: u64,
    buckets: [Bucket; 10],
    failed_in_a_row: AtomicU32,
}

#[derive(Debug)]
struct Bucket {
    calls: Counter,
    failed: Counter,
    slow: Counter,
}

impl Window {
    /// An empty window of [`Settings::window`], or of 10 ms if that is shorter.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            tick_nanos: nanos(settings.window / 10).max(1_000_000),
            buckets: std::array::from_fn(|_| Bucket {
                calls: Counter::empty(),
                failed: Counter::empty(),
                slow: Counter::empty(),
            }),
            failed_in_a_row: AtomicU32::new(0),
        }
    }

    /// Counts a call that ended at `now`. One that is older than the whole window is left out.
    #[inline]
    pub fn record(&self, outcome: Outcome, now: Duration) {
        let tick = self.tick_of(now);
        let bucket = self.bucket_of(tick);
        bucket.calls.add_one(tick);
        if outcome.slow {
            bucket.slow.add_one(tick);
        }
        match outcome.verdict {
            Verdict::Failure => {
                bucket.failed.add_one(tick);
                self.failed_in_a_row.fetch_add(1, Ordering::AcqRel);
            }
            // Read first: on a healthy dependency all threads then share the line.
            Verdict::Success if self.failed_in_a_row.load(Ordering::Relaxed) == 0 => {}
            Verdict::Success => self.failed_in_a_row.store(0, Ordering::Release),
        }
    }

    /// The sums over the ten ticks that end with the one of `now`.
    ///
    /// While others record, a call may be in some of the sums and not yet in others; a thread always finds its own.
    #[must_use]
    pub fn counts(&self, now: Duration) -> Counts {
        let newest = self.tick_of(now);
        let mut counts = Counts { failed_in_a_row: self.failed_in_a_row.load(Ordering::Acquire), ..Counts::default() };
        for tick in newest.saturating_sub(TICKS - 1)..=newest {
            let bucket = self.bucket_of(tick);
            counts.failed = counts.failed.saturating_add(bucket.failed.at(tick));
            counts.slow = counts.slow.saturating_add(bucket.slow.at(tick));
            counts.calls = counts.calls.saturating_add(bucket.calls.at(tick));
        }
        counts
    }

    /// Forgets all calls.
    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.calls.clear();
            bucket.failed.clear();
            bucket.slow.clear();
        }
        self.failed_in_a_row.store(0, Ordering::Release);
    }

    fn tick_of(&self, now: Duration) -> u64 {
        nanos(now) / self.tick_nanos
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
    fn bucket_of(&self, tick: u64) -> &Bucket {
        &self.buckets[usize::try_from(tick % TICKS).unwrap_or(0)]
    }
}

/// 584 years fit. In 64 bits, because a division of 128 costs more than all the rest of a call.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A tick and a count in one word, so that both change at once.
#[derive(Debug)]
struct Counter(AtomicU64);

/// Bits of the count. 40 are left for the tick: 34 years of the shortest.
const COUNT_BITS: u32 = 24;
const LARGEST_COUNT: u64 = (1 << COUNT_BITS) - 1;

impl Counter {
    fn empty() -> Self {
        Self(AtomicU64::new(0))
    }

    fn add_one(&self, tick: u64) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (its_tick, count) = (word >> COUNT_BITS, word & LARGEST_COUNT);
            if its_tick > tick || (its_tick == tick && count == LARGEST_COUNT) {
                return;
            }
            let next = if its_tick == tick { word + 1 } else { (tick << COUNT_BITS) | 1 };
            // Acquire and release: who sees this failure also sees the calls counted before it.
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }

    fn at(&self, tick: u64) -> u32 {
        let word = self.0.load(Ordering::Acquire);
        if word >> COUNT_BITS == tick { u32::try_from(word & LARGEST_COUNT).unwrap_or(u32::MAX) } else { 0 }
    }

    fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }
}

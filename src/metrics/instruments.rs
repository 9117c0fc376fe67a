//! What counts: counters, gauges, histograms, and families of counters by a label.
//!
//! Fixed memory, atomics only, nothing is looked up by name: whoever counts holds the instrument. They know neither
//! their names nor who reads them; [`super::catalogue`] and the scrape do.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

/// A number that only grows, from the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one more.
    #[inline]
    pub fn count(&self) {
        self.add(1);
    }

    /// Counts several more.
    #[inline]
    pub fn add(&self, several: u64) {
        self.0.fetch_add(several, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are at the moment. Each is counted for as long as its [`Present`] lives.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Counts one for as long as what is returned lives.
    pub fn enter(&self) -> Present<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Present(self)
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts for one in a [`Gauge`] until it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it is counted no longer"]
pub struct Present<'a>(&'a Gauge);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A label that has a few values, all of which are known.
pub trait Label: Copy + Eq + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// The value as it is written.
    fn as_str(self) -> &'static str;
}

/// Declares a [`Label`]: an enum with the text of each value.
macro_rules! label {
    ($(#[$about:meta])* pub enum $Label:ident { $($(#[$doc:meta])* $Value:ident => $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $Label {
            $($(#[$doc])* $Value,)+
        }

        impl $crate::metrics::Label for $Label {
            const ALL: &'static [Self] = &[$(Self::$Value,)+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Value => $text,)+
                }
            }
        }
    };
}
pub(super) use label;

/// One counter for each value of a label.
#[derive(Debug)]
pub struct Counters<L> {
    counters: Box<[(L, Counter)]>,
}

impl<L: Label> Counters<L> {
    /// Counts one more of a kind.
    #[inline]
    pub fn count(&self, label: L) {
        self.add(label, 1);
    }

    /// Counts several more of a kind.
    #[inline]
    pub fn add(&self, label: L, several: u64) {
        if let Some((_, counter)) = self.counters.iter().find(|(kind, _)| *kind == label) {
            counter.add(several);
        }
    }

    /// What was counted of each kind.
    pub fn counts(&self) -> impl Iterator<Item = (L, u64)> {
        self.counters.iter().map(|(label, counter)| (*label, counter.get()))
    }
}

impl<L: Label> Default for Counters<L> {
    fn default() -> Self {
        Self { counters: L::ALL.iter().map(|label| (*label, Counter::default())).collect() }
    }
}

/// How long things took: a count for each stretch of time, and the sum.
///
/// All that it ever takes is one number for each bucket. An exporter that keeps every sample until it is asked grows
/// by 8 bytes a request for as long as nobody asks.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and one for what took longer than all of them.
    buckets: Box<[Counter]>,
    nanoseconds: Counter,
}

/// Bounds from half a millisecond to half a minute, the longest that a request may take.
pub const LATENCIES: &[Duration] = &[
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

impl Histogram {
    /// An empty histogram of [`LATENCIES`].
    #[must_use]
    pub fn of_latencies() -> Self {
        let buckets = LATENCIES.iter().map(|_| Counter::default()).chain([Counter::default()]).collect();
        Self { bounds: LATENCIES, buckets, nanoseconds: Counter::default() }
    }

    /// Notes how long something took.
    #[inline]
    pub fn record(&self, took: Duration) {
        let bucket = self.bounds.iter().take_while(|bound| took > **bound).count();
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.count();
        }
        // 584 years fit.
        self.nanoseconds.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was noted so far.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let counts: Vec<u64> = self.buckets.iter().map(Counter::get).collect();
        let cumulated = counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        let at_most: Vec<_> = self.bounds.iter().copied().zip(cumulated).collect();
        Distribution { at_most, count: counts.iter().sum(), sum: Duration::from_nanos(self.nanoseconds.get()) }
    }
}

/// What a [`Histogram`] has seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Distribution {
    /// How many took at most this long, bound by bound.
    pub at_most: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they took together.
    pub sum: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_longer_to_the_next() {
        let histogram = Histogram::of_latencies();
        let [zero, at_bound, above] = [Duration::ZERO, Duration::from_micros(500), Duration::from_nanos(500_001)];

        for took in [zero, at_bound, above, Duration::from_hours(1)] {
            histogram.record(took);
        }

        let seen = histogram.read();
        let at_most = |bound: Duration| seen.at_most.iter().find(|(at_most, _)| *at_most == bound).unwrap().1;
        assert_eq!(at_most(Duration::from_micros(500)), 2);
        assert_eq!(at_most(Duration::from_millis(1)), 3);
        assert_eq!(at_most(Duration::from_secs(30)), 3);
        assert_eq!(seen.count, 4);
        assert_eq!(seen.sum, at_bound + above + Duration::from_hours(1));
    }

    #[test]
    fn bounds_ascend() {
        assert!(LATENCIES.is_sorted_by(|before, after| before < after));
    }

    #[test]
    fn whoever_has_left_is_not_present() {
        let gauge = Gauge::default();

        let (first, second) = (gauge.enter(), gauge.enter());
        drop(first);

        assert_eq!(gauge.get(), 1);
        drop(second);
        assert_eq!(gauge.get(), 0);
    }
}

//! What the breaker adds to a call. Run with `cargo bench --bench circuit_breaker`.
//!
//! The rows to read together are the first two: the difference is the price of a guarded call that succeeds at once.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use divan::Bencher;

use countersign::circuit_breaker::gate::Gate;
use countersign::circuit_breaker::state::{Caller, Outcome};
use countersign::circuit_breaker::{Breaker, Outage, Settings, Verdict};

fn main() {
    divan::main();
}

struct Error;

impl Outage for Error {
    fn is_outage(&self) -> bool {
        true
    }
}

const GOOD: Outcome = Outcome { verdict: Verdict::Success, slow: false };
const FAILED: Outcome = Outcome { verdict: Verdict::Failure, slow: false };

static CLOSED: LazyLock<Breaker> = LazyLock::new(|| real_time(Settings::DATABASE));

#[divan::bench(threads = [1, 2])]
fn bare_future(bencher: Bencher<'_, '_>) {
    bencher.bench(|| run(async { black_box(Ok::<_, Error>(7)) }).is_ok());
}

#[divan::bench(threads = [1, 2])]
fn guarded_call(bencher: Bencher<'_, '_>) {
    let breaker = &*CLOSED;
    bencher.bench(|| run(breaker.call(async { black_box(Ok::<_, Error>(7)) })).is_ok());
}

#[divan::bench(threads = [1, 2])]
fn guarded_call_without_reading_the_clock(bencher: Bencher<'_, '_>) {
    let gate = Gate::new(Settings::DATABASE);
    let now = Duration::from_secs(1);
    bencher.bench(|| {
        let ticket = gate.admit(Caller::Call, black_box(now)).unwrap();
        gate.settle(ticket, black_box(GOOD), black_box(now), || 0.0)
    });
}

#[divan::bench]
fn failed_call_that_does_not_open(bencher: Bencher<'_, '_>) {
    let gate = Gate::new(never_opens());
    let now = Duration::from_mins(1);
    bencher.bench(|| {
        let ticket = gate.admit(Caller::Call, black_box(now)).unwrap();
        gate.settle(ticket, black_box(FAILED), black_box(now), || 0.0)
    });
}

#[divan::bench(threads = [1, 2])]
fn refused_call(bencher: Bencher<'_, '_>) {
    let breaker = real_time(Settings {
        open_time: Duration::from_hours(1),
        longest_open_time: Duration::from_hours(1),
        ..Settings::DATABASE
    });
    for _ in 0..Settings::DATABASE.failures_in_a_row.get() {
        breaker.admit().unwrap().settle(Verdict::Failure);
    }
    bencher.bench(|| breaker.admit().is_err());
}

#[divan::bench]
fn two_readings_of_the_clock(bencher: Bencher<'_, '_>) {
    bencher.bench(|| (Instant::now(), Instant::now()));
}

fn real_time(settings: Settings) -> Breaker {
    let start = Instant::now();
    Breaker::new("bench", settings, move || start.elapsed())
}

fn never_opens() -> Settings {
    Settings { failures_in_a_row: NonZeroU32::MAX, minimum_calls: NonZeroU32::MAX, ..Settings::DEFAULT }
}

/// Polls a future that is ready at once, as the database in place is.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

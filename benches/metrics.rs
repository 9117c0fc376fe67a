//! What counting costs. Run with `cargo bench --bench metrics`.
//!
//! `everything_of_a_request` is all that a request adds at the edge: it enters, is found by its route, leaves.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use divan::Bencher;

use countersign::metrics::{Counters, Histogram, LoginOutcome, Requests};

fn main() {
    divan::main();
}

const TOOK: Duration = Duration::from_micros(300);

/// As many routes as the service has, each with a few statuses.
static REQUESTS: LazyLock<Requests> = LazyLock::new(|| {
    let requests = Requests::default();
    for route in 0..30 {
        for status in [200, 401, 422, 503] {
            requests.answered(Some(&format!("/auth/route-{route}")), ("GET", status), TOOK);
        }
    }
    requests.answered(Some("/auth/me"), ("GET", 200), TOOK);
    requests
});

#[divan::bench(threads = [1, 2])]
fn everything_of_a_request() {
    let requests = &*REQUESTS;
    let _in_flight = requests.in_flight.enter();
    requests.answered(black_box(Some("/auth/me")), black_box(("GET", 200)), black_box(TOOK));
}

#[divan::bench(threads = [1, 2])]
fn one_outcome(bencher: Bencher<'_, '_>) {
    let logins = Counters::<LoginOutcome>::default();
    bencher.bench(|| black_box(&logins).count(black_box(LoginOutcome::WrongCredentials)));
}

#[divan::bench(threads = [1, 2])]
fn one_duration(bencher: Bencher<'_, '_>) {
    let histogram = Histogram::of_latencies();
    bencher.bench(|| black_box(&histogram).record(black_box(TOOK)));
}

#[divan::bench]
fn one_reading_of_the_clock() -> Instant {
    Instant::now()
}

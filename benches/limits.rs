//! What a limit costs: one decision, and the memory of a million keys. Run with `cargo bench --bench limits`.

use std::num::NonZeroU32;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};

use countersign::limits::{Limiter, Quota};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench]
fn one_of_a_million_keys(bencher: Bencher<'_, '_>) {
    let limiter = limiter();
    let mut next = 0_u64;
    bencher
        .with_inputs(|| {
            next += 1;
            next % 1_000_000
        })
        .bench_local_values(|key| limiter.take_one(&key, Duration::from_micros(key)).is_ok());
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_million_keys(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let limiter = limiter();
        (0..1_000_000_u64).filter(|key| limiter.take_one(key, Duration::from_micros(*key)).is_ok()).count()
    });
}

/// Registration's, the tightest that is kept by address.
fn limiter() -> Limiter {
    Limiter::new(Quota::per_hour(NonZeroU32::MIN.saturating_add(19)))
}

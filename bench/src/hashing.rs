//! The limit that others accept: the crate `bcrypt`, one password at a time on every core.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

const COST: u32 = 12;

/// Hashes per second of all cores together.
pub(crate) async fn one_lane_limit(span: Duration) -> anyhow::Result<f64> {
    tokio::task::spawn_blocking(move || limit(span)).await.map_err(anyhow::Error::from)
}

/// How long one hash takes while nothing else runs.
pub(crate) async fn one_hash() -> anyhow::Result<Duration> {
    Ok(tokio::task::spawn_blocking(|| {
        let began = Instant::now();
        hash();
        began.elapsed()
    })
    .await?)
}

fn limit(span: Duration) -> f64 {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let rate = || {
        let (began, mut done) = (Instant::now(), 0_u32);
        while began.elapsed() < span {
            hash();
            done += 1;
        }
        f64::from(done) / began.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(rate)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    })
}

fn hash() {
    black_box(bcrypt::bcrypt(COST, black_box([7; 16]), black_box(b"correct horse battery staple\0")));
}

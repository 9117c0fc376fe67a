//! Load: many visitors at once, without pause or at a steady pace, for a bounded time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    service::Service,
    visitor::{Visitor, Work},
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many paced requests may be on their way at once. Those that find no place wait, and the wait counts.
const ON_THEIR_WAY: usize = 256;

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it was due, from the start of the load.
    pub(crate) due: Duration,
    /// How long the answer took from then on.
    pub(crate) took: Duration,
    /// The status; 0 if there was no answer.
    pub(crate) status: u16,
}

/// What came of a load.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) samples: Vec<Sample>,
    pub(crate) span: Duration,
}

impl Tally {
    /// Answers of success within the span, per second.
    pub(crate) fn rate(&self) -> f64 {
        let count = self.samples.iter().filter(|sample| sample.is_success() && sample.due + sample.took <= self.span);
        f64::from(u32::try_from(count.count()).unwrap_or(u32::MAX)) / self.span.as_secs_f64()
    }

    /// The latencies of the successful, in milliseconds, in order.
    pub(crate) fn latencies(&self) -> Vec<f64> {
        sorted(self.samples.iter().filter(|sample| sample.is_success()))
    }

    /// The latencies of those answered with this status, in milliseconds, in order.
    pub(crate) fn latencies_of(&self, status: u16) -> Vec<f64> {
        sorted(self.samples.iter().filter(|sample| sample.status == status))
    }

    /// How many were neither a success nor an honest refusal.
    pub(crate) fn faults(&self) -> usize {
        self.samples.iter().filter(|sample| !sample.is_success() && sample.status != 503).count()
    }
}

impl Sample {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Every visitor asks once, and again as soon as they are answered, until the span is over.
pub(crate) async fn without_pause(
    visitors: Vec<Visitor>,
    work: Work,
    span: Duration,
) -> anyhow::Result<(Tally, Vec<Visitor>)> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    for mut visitor in visitors {
        running.spawn(async move {
            let mut samples = Vec::new();
            loop {
                samples.push(sample(&mut visitor, work, (started, started.elapsed())).await);
                if started.elapsed() >= span {
                    break;
                }
            }
            (visitor, samples)
        });
    }
    let mut tally = Tally { samples: Vec::new(), span };
    let mut visitors = Vec::new();
    while let Some(finished) = running.join_next().await {
        let (visitor, samples) = finished?;
        tally.samples.extend(samples);
        visitors.push(visitor);
    }
    Ok((tally, visitors))
}

/// Requests are sent at a steady pace, whether or not those before are answered.
pub(crate) async fn paced(
    (service, visitor): (Service, &Visitor),
    work: Work,
    (per_second, span): (f64, Duration),
) -> anyhow::Result<Tally> {
    let free: Arc<Mutex<Vec<Visitor>>> = Arc::new(Mutex::new(Vec::new()));
    let permits = Arc::new(tokio::sync::Semaphore::new(ON_THEIR_WAY));
    let template = Arc::new(visitor.again(&service));
    let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let started = Instant::now();
    let mut running = JoinSet::new();
    while started.elapsed() < span {
        let due = ticks.tick().await.into_std().saturating_duration_since(started);
        let (free, permits) = (Arc::clone(&free), Arc::clone(&permits));
        let (template, service) = (Arc::clone(&template), service.clone());
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let kept = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut visitor = kept.unwrap_or_else(|| template.again(&service));
            let sample = sample(&mut visitor, work, (started, due)).await;
            free.lock().unwrap_or_else(PoisonError::into_inner).push(visitor);
            sample
        });
    }
    let samples = running.join_all().await;
    Ok(Tally { samples, span })
}

/// One visitor asks at a steady pace, one request after the other; whoever is late makes the next one wait, which counts.
pub(crate) async fn one_paced(
    mut visitor: Visitor,
    work: Work,
    (per_second, span): (f64, Duration),
) -> anyhow::Result<Tally> {
    let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < span {
        let due = ticks.tick().await.into_std().saturating_duration_since(started);
        samples.push(sample(&mut visitor, work, (started, due)).await);
    }
    Ok(Tally { samples, span })
}

async fn sample(visitor: &mut Visitor, work: Work, (started, due): (Instant, Duration)) -> Sample {
    let (status, answered) = match timeout(PATIENCE, visitor.perform(work)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => (0, Instant::now()),
    };
    Sample { due, took: (answered - started).saturating_sub(due), status }
}

fn sorted<'a>(samples: impl Iterator<Item = &'a Sample>) -> Vec<f64> {
    let mut latencies: Vec<f64> = samples.map(|sample| sample.took.as_secs_f64() * 1000.0).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

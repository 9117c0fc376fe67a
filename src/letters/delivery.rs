//! Delivery: take the letter that is due, hand it over, and forget it.
//!
//! The row is deleted after the mail server has taken the letter. A node that dies between the two sends it twice, under
//! the same `Message-ID`; there is no third way, because the mail server is no part of the transaction.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::{
    app::App,
    circuit_breaker::{Breaker, Permit},
    database::DatabaseError,
    mail::{Post, SendError, payload::Payload},
    metrics::LetterOutcome,
    models::job::{Job, Lease, Leased},
    traces,
};

use super::SEAL_NAME;

/// What a lease lasts beyond the time that a letter may take: to write down how it ended, several times if need be.
const MARGIN: Duration = Duration::from_secs(10);

/// How long to wait before a letter is tried again, the first time; each failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause after the mail server could not be used. Short, because its breaker spares it already, and because
/// people wait for what is in the queue.
const LONGEST_PAUSE_UNREACHABLE: Duration = Duration::from_mins(1);

/// The longest pause of a letter that the server refuses for now. Servers that make strangers wait ask for a few
/// minutes (RFC 6647 §5 recommends at most 15).
const LONGEST_PAUSE_DEFERRED: Duration = Duration::from_mins(15);

/// How long dead letters are kept for somebody to look at.
const DEAD_KEPT: Duration = Duration::from_hours(30 * 24);

/// Delivers the letter that has been due longest, if there is one.
///
/// # Errors
/// Those of the database, while nothing was taken.
pub async fn deliver_one(app: &App) -> Result<Delivery, DatabaseError> {
    let now = app.clock.now();
    if !Job::any_due(&app.database, now).await? {
        return Ok(Delivery::Nothing);
    }
    // Before a letter is taken: a mail server that is down must not cost each of them an attempt.
    let permit = match app.mailer.admit() {
        Ok(permit) => permit,
        Err(rejected) => return Ok(Delivery::Later(rejected.retry_after)),
    };
    let lease = Lease { count: 1, now, until: now + app.mailer.timeout() + MARGIN };
    let Some(job) = Job::take(&mut app.database.once(), lease).await?.pop() else { return Ok(Delivery::Nothing) };
    // There may be more: another hand can take it while this one is busy.
    app.mailer.posted().notify_one();
    let span = app.traces.work("deliver a letter");
    traces::within(span.as_ref(), deliver(app, &job, permit)).await;
    Ok(Delivery::Done)
}

/// What became of an attempt to deliver a letter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// One was taken; it has been sent, or will be tried again, or is dead.
    Done,
    /// None is due.
    Nothing,
    /// The mail server is down; to be asked again then.
    Later(Duration),
}

/// Deletes the letters that have been dead for long.
///
/// # Errors
/// Those of the database.
pub async fn forget_dead(app: &App) -> Result<(), DatabaseError> {
    let deleted = Job::delete_dead(&mut app.database.once(), app.clock.now() - DEAD_KEPT).await?;
    if deleted > 0 {
        info!(deleted, "jobs that had been dead for 30 days are forgotten");
    }
    Ok(())
}

async fn deliver(app: &App, job: &Leased, permit: Permit<&Breaker>) {
    if app.clock.now() > job.give_up_at {
        return bury(app, job, "it could not be sent before it was too old").await;
    }
    let (payload, post) = match open(app, job) {
        Ok(opened) => opened,
        // Another node may know the secret, or be newer; a template may be mended.
        Err(why) => return try_again(app, job, LONGEST_PAUSE_DEFERRED, &why).await,
    };
    let message_id = post.id.clone();
    match app.mailer.send(post, permit).await {
        Ok(()) => {
            app.metrics.letters.count(LetterOutcome::Sent);
            finish(app, job).await;
            info!(job = job.id, letter = payload.letter().as_str(), message_id, "a letter was sent");
        }
        Err(SendError::Refused(why)) => bury(app, job, &why.to_string()).await,
        Err(SendError::Deferred(why)) => try_again(app, job, LONGEST_PAUSE_DEFERRED, &why.to_string()).await,
        Err(SendError::Unreachable(why)) => try_again(app, job, LONGEST_PAUSE_UNREACHABLE, &why.to_string()).await,
    }
}

fn open(app: &App, job: &Leased) -> Result<(Payload, Post), String> {
    let bytes = app.sealer.open(SEAL_NAME, &job.sealed_payload).map_err(|error| error.to_string())?;
    let payload = Payload::from_bytes(&bytes).map_err(|error| error.to_string())?;
    let post = app.mailer.ready(&payload, (job.id, job.created_at)).map_err(|error| error.to_string())?;
    Ok((payload, post))
}

/// Forgets a letter that was sent. Tried until the lease ends: after that somebody else sends it again.
async fn finish(app: &App, job: &Leased) {
    for _ in 0..MARGIN.as_secs() {
        match job.finish(&mut app.database.once()).await {
            Ok(true) => return,
            Ok(false) => break,
            Err(error) => debug!(job = job.id, %error, "a letter that was sent cannot be forgotten yet"),
        }
        sleep(Duration::from_secs(1)).await;
    }
    warn!(job = job.id, "a letter was sent, and may be sent again: its lease ended first");
}

async fn bury(app: &App, job: &Leased, why: &str) {
    app.metrics.letters.count(LetterOutcome::Dead);
    warn!(job = job.id, attempts = job.attempts, why, "a letter is dead; see `countersign jobs list`");
    noted(job, job.bury(&mut app.database.once(), app.clock.now(), why).await);
}

async fn try_again(app: &App, job: &Leased, longest: Duration, why: &str) {
    let now = app.clock.now();
    if now > job.give_up_at {
        return bury(app, job, why).await;
    }
    app.metrics.letters.count(LetterOutcome::PutOff);
    let due_at = now + pause(job.attempts, longest, rand::random());
    info!(job = job.id, attempts = job.attempts, %due_at, why, "a letter was not sent; it is tried again");
    noted(job, job.postpone(&mut app.database.once(), due_at, why).await);
}

/// What could not be written down is due again when the lease ends.
fn noted(job: &Leased, outcome: Result<bool, DatabaseError>) {
    if let Err(error) = outcome {
        warn!(job = job.id, %error, "what became of a letter could not be written down");
    }
}

/// The pause before the next attempt: doubled with every one, and half of it left to chance (0 to 1), so that what
/// failed together is not tried together.
fn pause(attempts: i64, longest: Duration, chance: f64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(0);
    let grown = FIRST_PAUSE.saturating_mul(1 << doublings).min(longest);
    grown.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_chance_takes_up_to_half() {
        let millis = |attempts, chance| pause(attempts, LONGEST_PAUSE_DEFERRED, chance).as_millis();

        for (attempts, longest) in
            [(1, 2_000), (2, 4_000), (3, 8_000), (9, 512_000), (10, 900_000), (1_000_000, 900_000)]
        {
            assert_eq!((millis(attempts, 1.0), millis(attempts, 0.0)), (longest, longest / 2));
        }
        assert_eq!(pause(i64::MAX, LONGEST_PAUSE_UNREACHABLE, 1.0), Duration::from_mins(1));
    }
}

//! What goes on beside the requests: keys follow their timetable, letters leave, dead sessions are forgotten.
//!
//! Every node does this; each change is a conditional statement, so it does not matter how many try. A job that fails
//! is logged and tried again at its next turn.

mod petitions;
mod post;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{error, warn};

use crate::{
    app::App,
    audit,
    auth::{attempts, codes, limits, sessions},
    keys, letters,
    metrics::Job,
};

/// How often dead sessions are looked for. A stretch of 500 each time goes through a million in three hours.
const PURGE_INTERVAL: Duration = Duration::from_secs(5);

/// How often what limits no longer need is deleted, all of it: a flood leaves no more rows than come in this time and in
/// the time that each counts.
const PURGE_LIMITS_INTERVAL: Duration = Duration::from_secs(30);

/// How often audit events get their places in the chain.
const CHAIN_INTERVAL: Duration = Duration::from_secs(1);

/// How often old audit events are looked for. Stretches of 500 forget 720,000 in a day.
const FORGET_EVENTS_INTERVAL: Duration = Duration::from_mins(1);

/// Works until it is dropped.
pub async fn run(app: Arc<App>) {
    tokio::join!(
        for_ever("follow_keys", || follow_keys(&app)),
        for_ever("purge_sessions", || purge_sessions(&app)),
        for_ever("purge_limits", || purge_limits(&app)),
        for_ever("purge_codes", || purge_codes(&app)),
        for_ever("answer_petitions", || petitions::answer(&app)),
        for_ever("forget_dead_letters", || forget_dead_letters(&app)),
        post::deliver(&app),
        for_ever("chain_audit_events", || chain_audit_events(&app)),
        for_ever("forget_audit_events", || forget_audit_events(&app)),
    );
}

/// Begins a job again when it panics: a node that went on without it would sign with keys that others have retired.
async fn for_ever<F: Future<Output = ()>>(job: &'static str, begin: impl Fn() -> F) {
    loop {
        if AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
            error!(job, "a job panicked; it begins again");
            sleep(AFTER_PANIC).await;
        }
    }
}

/// How long a job rests after a panic, so that one that always panics does not fill the log.
const AFTER_PANIC: Duration = Duration::from_secs(5);

async fn follow_keys(app: &App) {
    let mut ticks = ticks(keys::ring::look_interval(&app.config));
    loop {
        ticks.tick().await;
        let outcome = follow_keys_once(app).await;
        app.metrics.jobs.note(Job::FollowKeys, &outcome, app.clock.now());
        if let Err(error) = outcome {
            warn!(%error, "the signing keys could not be looked at");
        }
    }
}

async fn follow_keys_once(app: &App) -> Result<(), keys::KeysError> {
    keys::rotation::turn(app.into()).await?;
    keys::ring::reload(app).await
}

async fn purge_sessions(app: &App) {
    let mut ticks = ticks(PURGE_INTERVAL);
    let mut cursor = None;
    loop {
        ticks.tick().await;
        let outcome = sessions::purge::purge(app, cursor).await;
        app.metrics.jobs.note(Job::PurgeSessions, &outcome, app.clock.now());
        match outcome {
            Ok(end) => cursor = end,
            Err(error) => warn!(%error, "dead sessions could not be forgotten"),
        }
    }
}

async fn purge_limits(app: &App) {
    let mut ticks = ticks(PURGE_LIMITS_INTERVAL);
    loop {
        ticks.tick().await;
        let purged = async {
            limits::purge::purge(app).await?;
            attempts::purge::purge(app).await
        };
        let outcome = purged.await;
        app.metrics.jobs.note(Job::PurgeLimits, &outcome, app.clock.now());
        if let Err(error) = outcome {
            warn!(%error, "what limits no longer need could not be forgotten");
        }
    }
}

async fn purge_codes(app: &App) {
    let mut ticks = ticks(PURGE_CODES_INTERVAL);
    loop {
        ticks.tick().await;
        let outcome = codes::purge::purge(app).await;
        app.metrics.jobs.note(Job::PurgeCodes, &outcome, app.clock.now());
        if let Err(error) = outcome {
            warn!(%error, "dead codes could not be forgotten");
        }
    }
}

/// How often dead codes are looked for. They are worth nothing by then; it only makes room.
const PURGE_CODES_INTERVAL: Duration = Duration::from_mins(2);

async fn forget_dead_letters(app: &App) {
    let mut ticks = ticks(FORGET_INTERVAL);
    loop {
        ticks.tick().await;
        let outcome = letters::forget_dead(app).await;
        app.metrics.jobs.note(Job::ForgetDeadLetters, &outcome, app.clock.now());
        if let Err(error) = outcome {
            warn!(%error, "dead letters could not be forgotten");
        }
    }
}

async fn chain_audit_events(app: &App) {
    let mut ticks = ticks(CHAIN_INTERVAL);
    loop {
        ticks.tick().await;
        let outcome = chain_audit_events_once(app).await;
        app.metrics.jobs.note(Job::ChainAuditEvents, &outcome, app.clock.now());
        if let Err(error) = outcome {
            warn!(%error, "the audit log could not be chained");
        }
    }
}

async fn chain_audit_events_once(app: &App) -> Result<(), audit::chain::ChainError> {
    audit::failures::settle(app).await?;
    while audit::chain::advance(&app.database, &app.trail).await? > 0 {}
    Ok(())
}

async fn forget_audit_events(app: &App) {
    let mut ticks = ticks(FORGET_EVENTS_INTERVAL);
    loop {
        ticks.tick().await;
        // Kept for ever is kept since before there was time.
        let cutoff = app.clock.vouched() - app.config.audit.keep().unwrap_or(Duration::MAX);
        let outcome = audit::retention::forget(&app.database, &app.trail, cutoff).await;
        app.metrics.jobs.note(Job::ForgetAuditEvents, &outcome, app.clock.now());
        if let Err(error) = outcome {
            warn!(%error, "old audit events could not be forgotten");
        }
    }
}

/// How often dead letters are looked for. They stay for a month; this often because an alert waits for each job.
const FORGET_INTERVAL: Duration = Duration::from_mins(2);

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

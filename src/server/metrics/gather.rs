//! One scrape: what every part of the service has counted, in the order of the catalogue.
//!
//! Nobody outside of this process is asked, so a scrape waits for nothing, whatever is down.

use std::iter;

use crate::{
    app::App,
    circuit_breaker::{Snapshot, State, Tally},
    domain::Timestamp,
    metrics::{Counters, Label, catalogue as c, process::Process, text::Text},
    telemetry,
};

/// The whole scrape of a process that was `started` then.
pub(super) fn text(app: &App, started: Timestamp) -> String {
    let mut text = Text::default();
    build(&mut text, app);
    requests(&mut text, app);
    sessions(&mut text, app);
    hashing(&mut text, app);
    database(&mut text, app);
    let mail = app.mailer.breaker().map(|breaker| (breaker, app.mailer.tally()));
    let database = iter::once((app.database.breaker(), app.database.tally()));
    let breakers: Vec<_> = database.chain(mail).chain(app.traces.breaker()).collect();
    dependencies(&mut text, &breakers);
    beside(&mut text, app);
    process(&mut text, started);
    text.finish()
}

fn build(text: &mut Text, app: &App) {
    let engine = app.database.engine().to_string();
    text.family(&c::BUILD).sample(&[env!("CARGO_PKG_VERSION"), env!("BUILD_COMMIT"), &engine], 1);
    text.family(&c::STOPPING).value(u8::from(app.stopping.has_begun()));
    text.family(&c::LOG_LINES_DROPPED).value(telemetry::dropped_lines());
}

fn requests(text: &mut Text, app: &App) {
    let requests = &app.metrics.requests;
    let mut family = text.family(&c::HTTP_REQUESTS);
    for (route, method, status, count) in requests.counts() {
        family.sample(&[&route, method, &status.to_string()], count);
    }
    let mut family = text.family(&c::HTTP_DURATION);
    for (route, method, seen) in requests.durations() {
        family.distribution(&[&route, method], &seen);
    }
    text.family(&c::HTTP_IN_FLIGHT).value(requests.in_flight.get());
}

fn sessions(text: &mut Text, app: &App) {
    let metrics = &app.metrics;
    by_kind(text, &c::LOGINS, &metrics.logins);
    by_kind(text, &c::LIMITED, &app.buckets.refused);
    by_kind(text, &c::REGISTRATIONS, &metrics.registrations);
    by_kind(text, &c::REFRESHES, &metrics.refreshes);
    by_kind(text, &c::SESSIONS_OPENED, &metrics.sessions_opened);
    by_kind(text, &c::SESSIONS_ENDED, &metrics.sessions_ended);
    text.family(&c::SESSIONS_PURGED).value(metrics.sessions_purged.get());
    by_kind(text, &c::LETTERS, &metrics.letters);
}

fn hashing(text: &mut Text, app: &App) {
    let (tally, stats) = (app.hasher.tally(), app.hasher.stats());
    by_kind(text, &c::HASHES, &tally.hashes);
    text.family(&c::HASHING_WAIT).distribution(&[], &tally.waits.read());
    text.family(&c::HASHING_QUEUE).value(stats.waiting);
    text.family(&c::HASHING_EXPECTED_WAIT).value(stats.wait.as_secs_f64());
    text.family(&c::HASHING_LANES).value(stats.lanes);
    text.family(&c::HASHING_LANES_BUSY).value(stats.busy_lanes);
    text.family(&c::HASHING_RATE).value(stats.hashes_per_second);
}

fn database(text: &mut Text, app: &App) {
    let stats = app.database.stats();
    by_kind(text, &c::DATABASE_CALLS, app.database.calls());
    text.family(&c::DATABASE_CONNECTIONS).value(stats.connections);
    text.family(&c::DATABASE_IDLE).value(stats.idle);
    text.family(&c::DATABASE_WAITING).value(stats.waiting);
    text.family(&c::DATABASE_COMMITS).value(stats.commits);
    text.family(&c::DATABASE_GROUPS).value(stats.groups);
    text.family(&c::DATABASE_REVOKED).value(stats.revoked);
}

/// All circuit breakers: what stands before each dependency, under its name.
fn dependencies(text: &mut Text, breakers: &[(Snapshot, &Tally)]) {
    let mut family = text.family(&c::DEPENDENCY_CALLS);
    for (breaker, tally) in breakers {
        for (outcome, count) in tally.calls.counts() {
            family.sample(&[breaker.name, outcome.as_str()], count);
        }
    }
    let mut family = text.family(&c::DEPENDENCY_SLOW);
    for (breaker, tally) in breakers {
        family.sample(&[breaker.name], tally.slow.get());
    }
    let mut family = text.family(&c::DEPENDENCY_DURATION);
    for (breaker, tally) in breakers {
        family.distribution(&[breaker.name], &tally.durations.read());
    }
    let mut family = text.family(&c::BREAKER_STATE);
    for (breaker, _) in breakers {
        for state in State::NAMES {
            family.sample(&[breaker.name, state], u8::from(breaker.state.as_str() == state));
        }
    }
    let mut family = text.family(&c::BREAKER_TRANSITIONS);
    for (Snapshot { name, transitions, .. }, _) in breakers {
        let [closed, open, half_open] = State::NAMES;
        family.sample(&[name, closed], transitions.closed);
        family.sample(&[name, open], transitions.opened);
        family.sample(&[name, half_open], transitions.half_opened);
    }
}

fn beside(text: &mut Text, app: &App) {
    let mut family = text.family(&c::SPANS);
    for (outcome, count) in app.traces.outcomes().into_iter().flat_map(Counters::counts) {
        family.sample(&[outcome.as_str()], count);
    }
    let mut family = text.family(&c::SIGNING_KEY_SINCE);
    if let Some(since) = app.keys.current().signs_since {
        family.value(unix_seconds(since));
    }
    let mut family = text.family(&c::JOB_RUNS);
    for (job, record) in app.metrics.jobs.records() {
        family.sample(&[job.as_str(), "succeeded"], record.succeeded.get());
        family.sample(&[job.as_str(), "failed"], record.failed.get());
    }
    let mut family = text.family(&c::JOB_SUCCESS);
    for (job, record) in app.metrics.jobs.records() {
        if let Some(success) = record.last_success() {
            family.sample(&[job.as_str()], unix_seconds(success));
        }
    }
}

fn process(text: &mut Text, started: Timestamp) {
    let process = Process::look();
    text.family(&c::PROCESS_START).value(unix_seconds(started));
    text.family(&c::PROCESS_CPU).value(process.cpu_seconds);
    let mut family = text.family(&c::PROCESS_MEMORY);
    if let Some(bytes) = process.resident_bytes {
        family.value(bytes);
    }
    let mut family = text.family(&c::PROCESS_FDS);
    if let Some(open) = process.open_fds {
        family.value(open);
    }
    let mut family = text.family(&c::PROCESS_MAX_FDS);
    if let Some(most) = process.max_fds {
        family.value(most);
    }
}

/// A metric whose only label is the kind of what was counted.
fn by_kind<L: Label>(text: &mut Text, metric: &'static c::Metric, counters: &Counters<L>) {
    let mut family = text.family(metric);
    for (kind, count) in counters.counts() {
        family.sample(&[kind.as_str()], count);
    }
}

/// Seconds since the Unix epoch, to the millisecond.
fn unix_seconds(instant: Timestamp) -> String {
    let millis = instant.as_unix_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

//! Refreshes a second, beside what the database commits of the same statement by itself.

use std::{
    fs,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};

use super::{microseconds_each, newcomers};
use crate::{
    contest::{Contest, progress},
    postgres::Postgres,
    process::own_cpu_seconds,
    report::Row,
    seed,
    service::Started,
    stats::Spread,
    visitor::{Visitor, Work},
};

const CLIENTS: [usize; 2] = [1, 64];
/// Rows that the database alone is given.
const SESSIONS: u32 = 1000;

pub(super) async fn on_sqlite(contest: &mut Contest) -> anyhow::Result<()> {
    let file = |name| contest.workshop.path(name);
    let url = |name| format!("sqlite://{}", file(name).display());
    drop(contest.workshop.countersign_at(&url("alone"), &[]).await?);
    let alone = file("alone");
    seed::sqlite(&alone, SESSIONS)?;
    let ours = contest.workshop.countersign_at(&url("refresh"), &[]).await?;
    let mut crowd = newcomers(&ours.service, 64).await?;
    for clients in CLIENTS {
        let mut rounds = Vec::new();
        for repeat in 1..=contest.repeats {
            progress(format_args!("refresh on SQLite, {clients} clients, repeat {repeat} of {}", contest.repeats));
            let (file, span) = (alone.clone(), contest.span / 2);
            let commits = tokio::task::spawn_blocking(move || commits_alone(&file, span)).await??;
            let (rate, back) = refreshes(&ours, crowd, (clients, contest.span)).await?;
            crowd = back;
            rounds.push((rate, commits));
        }
        let beside = "the statement by itself, a commit each";
        let aim = if clients == 64 { "≥ 5,000/s" } else { "" };
        add(contest, (&format!("refresh on SQLite, {clients} clients"), beside), &rounds, aim);
    }
    Ok(())
}

pub(super) async fn on_postgres(contest: &mut Contest) -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let ours = contest.workshop.countersign_at(&server.url(), &[]).await?;
    seed::postgres(&server.url(), SESSIONS)?;
    let script = contest.workshop.path("refresh.sql");
    fs::write(&script, script_of(&seed::session_prefix()))?;
    let mut crowd = newcomers(&ours.service, 64).await?;
    for clients in CLIENTS {
        let (mut rounds, mut shares) = (Vec::new(), Vec::new());
        for repeat in 1..=contest.repeats {
            progress(format_args!("refresh on PostgreSQL, {clients} clients, repeat {repeat} of {}", contest.repeats));
            let commits = server.pgbench(&script, clients, contest.span)?;
            let before = Shares::now(&ours, &server)?;
            let (rate, back) = refreshes(&ours, crowd, (clients, contest.span)).await?;
            shares.push(Shares::now(&ours, &server)?.since(&before, rate * contest.span.as_secs_f64()));
            crowd = back;
            rounds.push((rate, commits));
        }
        let (what, beside) = (format!("refresh on PostgreSQL, {clients} clients"), "pgbench with the statement");
        add(contest, (&what, beside), &rounds, "≥ 0.80");
        contest.results.add(Shares::row(&what, &shares));
    }
    let crowd = crowd.into_iter().take(16).collect();
    let (each, rate, _) = microseconds_each(&ours, (crowd, Work::Me), contest.span).await?;
    contest.results.add(Row {
        what: "`/auth/me` on PostgreSQL, 16 clients".to_owned(),
        ours: format!("{each:.1} µs each, {rate:.0}/s"),
        beside: "the server's own time not counted".to_owned(),
        ratio: None,
        aim: "",
    });
    Ok(())
}

/// Who had the cores: seconds, or microseconds for each refresh.
struct Shares {
    service: f64,
    server: f64,
    load: f64,
}

impl Shares {
    fn now(ours: &Started, server: &Postgres) -> anyhow::Result<Self> {
        Ok(Self { service: ours.process.cpu_seconds(), server: server.cpu_seconds()?, load: own_cpu_seconds() })
    }

    fn since(&self, before: &Self, refreshes: f64) -> Self {
        let each = |now: f64, before: f64| (now - before) * 1e6 / refreshes;
        Self {
            service: each(self.service, before.service),
            server: each(self.server, before.server),
            load: each(self.load, before.load),
        }
    }

    fn row(what: &str, shares: &[Self]) -> Row {
        let median = |part: fn(&Self) -> f64| Spread::of(shares.iter().map(part)).median;
        let [service, server, load] = [median(|one| one.service), median(|one| one.server), median(|one| one.load)];
        Row {
            what: format!("{what}: time on the cores"),
            ours: format!("{service:.0} µs each"),
            beside: format!("PostgreSQL {server:.0} µs, the load generator {load:.0} µs"),
            ratio: None,
            aim: "",
        }
    }
}

/// Refreshes a second by this many of the crowd.
async fn refreshes(
    ours: &Started,
    mut crowd: Vec<Visitor>,
    (clients, span): (usize, Duration),
) -> anyhow::Result<(f64, Vec<Visitor>)> {
    let rest = crowd.split_off(clients.min(crowd.len()));
    let (_, rate, mut back) = microseconds_each(ours, (crowd, Work::Refresh), span).await?;
    back.extend(rest);
    Ok((rate, back))
}

/// The driver alone: one connection, one commit after another, each on the disk.
fn commits_alone(file: &std::path::Path, span: Duration) -> anyhow::Result<f64> {
    let connection = Connection::open(file)?;
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full")?;
    let mut ids = connection.prepare("select id from sessions")?;
    let ids: Vec<Vec<u8>> = ids.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut refresh = connection.prepare(
        "update sessions
            set generation = generation + 1, refreshed_at = ?2, ip = '127.0.0.1', user_agent = null
          where id = ?1 and ended_at is null and expires_at > ?2 and refreshed_at > 0",
    )?;
    let (began, mut done) = (Instant::now(), 0_u32);
    for id in ids.iter().cycle() {
        if began.elapsed() >= span {
            break;
        }
        refresh.execute(params![id, done])?;
        done += 1;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// The statement of a refresh, as pgbench is told it.
fn script_of(prefix: &str) -> String {
    format!(
        "\\set n random(0, {SESSIONS} - 1)
update sessions
   set generation = generation + 1, refreshed_at = refreshed_at + 1, ip = '127.0.0.1', user_agent = null
  from users u
 where sessions.id = decode('{prefix}' || lpad(to_hex(:n::bigint), 12, '0'), 'hex')
   and generation >= 0 and secret_digest is not null and ended_at is null and expires_at > 0 and refreshed_at > 0
   and u.id = sessions.user_id and u.is_active
returning u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
          u.updated_at, sessions.id, user_id, generation, refreshed_at, sessions.created_at, expires_at, ended_at, ip,
          user_agent;
"
    )
}

fn add(contest: &mut Contest, (what, beside): (&str, &str), rounds: &[(f64, f64)], aim: &'static str) {
    contest.results.add(Row {
        what: what.to_owned(),
        ours: format!("{:.0}/s", Spread::of(rounds.iter().map(|round| round.0)).median),
        beside: format!("{beside} {:.0}/s", Spread::of(rounds.iter().map(|round| round.1)).median),
        ratio: Some(Spread::of(rounds.iter().map(|(rate, commits)| rate / commits))),
        aim,
    });
}

//! What is measured, a file for each group of rows.

mod flood;
mod growth;
mod logins;
mod me;
mod refresh;
mod start;

use clap::ValueEnum;

use crate::{
    contest::Contest,
    service::{Engine, Service, Started},
    visitor::Visitor,
};

/// Rows that are measured together.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Group {
    /// Size of the binary, start, memory idle.
    Start,
    /// `/auth/me` per second of a core, beside the bare handler.
    Me,
    /// Logins and registrations a second, beside the crate `bcrypt` on all cores.
    Logins,
    /// `/auth/me` and refresh while 64 clients sign in without pause; logins in excess; memory afterwards.
    Flood,
    /// Refreshes a second on SQLite, beside its commits alone.
    Refresh,
    /// Refreshes and `/auth/me` on PostgreSQL, beside pgbench.
    Postgres,
    /// What all that costs with a thousand users and with a million.
    Growth,
}

impl Group {
    /// All that say something of an engine; each of the two has a group of its own for refreshes.
    pub(crate) fn all(engine: Engine) -> Vec<Self> {
        let refresh = match engine {
            Engine::Sqlite => Self::Refresh,
            Engine::Postgres => Self::Postgres,
        };
        vec![Self::Start, Self::Me, Self::Logins, Self::Flood, refresh, Self::Growth]
    }

    pub(crate) fn needs_fastapi(self) -> bool {
        matches!(self, Self::Me | Self::Logins | Self::Flood)
    }
}

/// Measures one group.
pub(crate) async fn measure(group: Group, contest: &mut Contest) -> anyhow::Result<()> {
    match group {
        Group::Start => start::measure(contest).await,
        Group::Me => me::measure(contest).await,
        Group::Logins => logins::measure(contest).await,
        Group::Flood => flood::measure(contest).await,
        Group::Refresh => refresh::on_sqlite(contest).await,
        Group::Postgres => refresh::on_postgres(contest).await,
        Group::Growth => growth::measure(contest).await,
    }
}

/// Visitors with an account each.
async fn newcomers(service: &Service, count: usize) -> anyhow::Result<Vec<Visitor>> {
    // At most eight at a time: a service that hashes one password at a time would let more of them wait too long.
    let mut visitors = Vec::new();
    let numbers: Vec<usize> = (0..count).collect();
    for group in numbers.chunks(8) {
        let mut running = tokio::task::JoinSet::new();
        for number in group {
            let (service, name) = (service.clone(), format!("visitor-{number}"));
            running.spawn(async move { Visitor::newcomer(&service, name).await });
        }
        for visitor in running.join_all().await {
            visitors.push(visitor?);
        }
    }
    Ok(visitors)
}

/// The time on the cores that some work took, for each answer of success, in microseconds.
async fn microseconds_each(
    started: &Started,
    (visitors, work): (Vec<Visitor>, crate::visitor::Work),
    span: std::time::Duration,
) -> anyhow::Result<(f64, f64, Vec<Visitor>)> {
    let before = started.process.cpu_seconds();
    let (tally, visitors) = crate::load::without_pause(visitors, work, span).await?;
    let cpu = started.process.cpu_seconds() - before;
    anyhow::ensure!(tally.faults() == 0, "{}: {} answers were faults", started.service.name, tally.faults());
    let answers = tally.samples.len();
    Ok((cpu * 1e6 / f64::from(u32::try_from(answers)?.max(1)), tally.rate(), visitors))
}

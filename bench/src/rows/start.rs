//! The size of the binary, how soon it serves, and what it holds when nobody asks.

use std::{fs, time::Duration};

use super::newcomers;
use crate::{
    contest::{Contest, progress},
    report::Row,
    stats::Spread,
};

const STARTS: u32 = 10;

pub(super) async fn measure(contest: &mut Contest) -> anyhow::Result<()> {
    let bytes = u32::try_from(fs::metadata(&contest.workshop.countersign)?.len())?;
    let row = |what: &str, ours, aim| Row { what: what.to_owned(), ours, beside: String::new(), ratio: None, aim };
    contest.results.add(row("binary, stripped", format!("{:.1} MB", f64::from(bytes) / 1e6), "< 25 MB"));

    progress("starts on an existing database");
    let started = contest.workshop.countersign("start", &[]).await?;
    newcomers(&started.service, 1).await?;
    drop(started);
    let mut milliseconds = Vec::new();
    let mut idle = 0.0;
    for _ in 0..STARTS {
        let started = contest.workshop.countersign("start", &[]).await?;
        milliseconds.push(started.ready_after.as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(500)).await;
        idle = started.process.resident_mib();
    }
    let Spread { median, least, greatest } = Spread::of(milliseconds);
    let took = format!("{median:.0} ms ({least:.0} – {greatest:.0})");
    contest.results.add(row("start to the first 200 from `/health/ready`", took, "≤ 50 ms"));
    contest.results.add(row("memory, idle", format!("{idle:.1} MiB"), "< 20 MiB"));
    Ok(())
}

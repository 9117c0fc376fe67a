//! `/auth/me` for each second of a core, beside the bare handler and the peer.

use super::{microseconds_each, newcomers};
use crate::{
    contest::{Contest, progress},
    report::Row,
    service::{Hashing, Started},
    stats::Spread,
    visitor::{Visitor, Work},
};

const CLIENTS: usize = 16;

pub(super) async fn measure(contest: &mut Contest) -> anyhow::Result<()> {
    let mut started = vec![contest.workshop.countersign("me", &[]).await?, contest.workshop.bare().await?];
    started.extend(contest.workshop.fastapis(&[Hashing::InHandlers], "me").await?);
    let mut contenders = Vec::new();
    for started in started {
        let visitors = everyone(&started).await?;
        contenders.push((started, visitors, Vec::new()));
    }
    for repeat in 1..=contest.repeats {
        progress(format_args!("/auth/me, repeat {repeat} of {}", contest.repeats));
        for (started, visitors, costs) in &mut contenders {
            let work = (std::mem::take(visitors), Work::Me);
            let (each, _, back) = microseconds_each(started, work, contest.span).await?;
            costs.push(each);
            *visitors = back;
        }
    }
    let Some(((ours, _, our_costs), rest)) = contenders.split_first() else { return Ok(()) };
    // The aim holds for SQLite only: PostgreSQL is asked over a socket.
    let beside_the_bare = if contest.workshop.is_embedded() { "≥ 0.40" } else { "" };
    for ((started, _, costs), aim) in rest.iter().zip([beside_the_bare, ""]) {
        contest.results.add(Row {
            what: format!("`/auth/me` per second of a core, {CLIENTS} clients"),
            ours: format!("{:.1} µs each", Spread::of(our_costs.iter().copied()).median),
            beside: format!("{} {:.1} µs", started.service.name, Spread::of(costs.iter().copied()).median),
            ratio: Some(Spread::of(our_costs.iter().zip(costs).map(|(ours, theirs)| theirs / ours))),
            aim,
        });
    }
    contest.results.add(Row {
        what: "memory after that".to_owned(),
        ours: format!("{:.1} MiB", ours.process.resident_mib()),
        beside: String::new(),
        ratio: None,
        aim: "",
    });
    Ok(())
}

async fn everyone(started: &Started) -> anyhow::Result<Vec<Visitor>> {
    if started.service.name == "bare handler" {
        let token = "x".repeat(420); // about as long as a token of ours
        return Ok((0..CLIENTS).map(|_| Visitor::bearer(&started.service, token.clone())).collect());
    }
    newcomers(&started.service, CLIENTS).await
}

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
    let ours = contest.workshop.countersign("me.db", &[]).await?;
    let bare = contest.workshop.bare().await?;
    let fastapi = contest.workshop.fastapi(Hashing::InHandlers, "me").await?;
    let mut contenders =
        [(ours, Vec::new(), Vec::new()), (bare, Vec::new(), Vec::new()), (fastapi, Vec::new(), Vec::new())];
    for (started, visitors, _) in &mut contenders {
        *visitors = everyone(started).await?;
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
    let [(ours, _, our_costs), rest @ ..] = &contenders;
    for ((started, _, costs), aim) in rest.iter().zip(["≥ 0.40", ""]) {
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

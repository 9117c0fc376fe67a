//! What a request costs with a thousand users and with many.

use super::microseconds_each;
use crate::{
    contest::{Contest, progress},
    report::Row,
    seed,
    service::{JWT_SECRET, Started},
    stats::Spread,
    visitor::{Visitor, Work},
};

const FEW: u32 = 1000;
const CLIENTS: u32 = 16;
/// Sessions, spread over the whole table, that each client goes through.
const TOKENS_EACH: u32 = 40;

pub(super) async fn measure(contest: &mut Contest) -> anyhow::Result<()> {
    let settings = [("COUNTERSIGN_TOKENS__ALGORITHM", "HS256"), ("JWT_SECRET", JWT_SECRET)];
    let many = contest.users;
    let mut sizes = Vec::new();
    for (file, users) in [("few", FEW), ("many", many)] {
        progress(format_args!("{users} users are written"));
        drop(contest.workshop.countersign(file, &settings).await?);
        contest.workshop.seed(file, users)?;
        let started = contest.workshop.countersign(file, &settings).await?;
        sizes.push(Size { started, users, me: Vec::new(), login: Vec::new(), refresh: Vec::new() });
    }
    for repeat in 1..=contest.repeats {
        progress(format_args!("growth, repeat {repeat} of {}", contest.repeats));
        for size in &mut sizes {
            size.round(contest.span).await?;
        }
    }
    let [few, large] = sizes.as_slice() else { return Ok(()) };
    for (what, costs) in [
        ("`/auth/me`", (&few.me, &large.me)),
        ("login", (&few.login, &large.login)),
        ("refresh", (&few.refresh, &large.refresh)),
    ] {
        let median = |costs: &[f64]| Spread::of(costs.iter().copied()).median;
        contest.results.add(Row {
            what: format!("{what} with {many} users: time on the cores"),
            ours: format!("{:.0} µs", median(costs.1)),
            beside: format!("{:.0} µs with {FEW}", median(costs.0)),
            ratio: Some(Spread::of(costs.1.iter().zip(costs.0).map(|(large, few)| large / few))),
            aim: "≤ 1.30",
        });
    }
    Ok(())
}

/// One database, and the costs seen on it in microseconds.
struct Size {
    started: Started,
    users: u32,
    me: Vec<f64>,
    login: Vec<f64>,
    refresh: Vec<f64>,
}

impl Size {
    async fn round(&mut self, span: std::time::Duration) -> anyhow::Result<()> {
        let service = &self.started.service;
        let issuer = format!("http://{}", service.address);
        let stride = (self.users / (CLIENTS * TOKENS_EACH)).max(1);
        let bearers: Result<Vec<Visitor>, anyhow::Error> = (0..CLIENTS * TOKENS_EACH)
            .map(|number| Ok(Visitor::bearer(service, seed::access_token(&issuer, number * stride % self.users)?)))
            .collect();
        let (each, _, _) = microseconds_each(&self.started, (bearers?, Work::Me), span).await?;
        self.me.push(each);

        let stride = self.users / CLIENTS;
        let crowd = (0..CLIENTS).map(|number| Visitor::known(service, seed::name(number * stride))).collect();
        let (each, _, crowd) = microseconds_each(&self.started, (crowd, Work::Login), span).await?;
        self.login.push(each);
        let (each, _, _) = microseconds_each(&self.started, (crowd, Work::Refresh), span).await?;
        self.refresh.push(each);
        Ok(())
    }
}

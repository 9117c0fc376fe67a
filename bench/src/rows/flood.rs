//! What everybody else feels while 64 clients sign in without pause.

use std::time::Duration;

use super::newcomers;
use crate::{
    contest::{Contest, LATENCY_PLOT, Series, progress},
    hashing,
    load::{self, Tally},
    plot,
    report::Row,
    service::{Hashing, Service, Started},
    stats::{Spread, quantile},
    visitor::{Visitor, Work},
};

const CLIENTS: usize = 64;
/// Probes of each kind a second.
const PROBES: f64 = 50.0;
/// How long the probes have the service for themselves first.
const CALM: Duration = Duration::from_secs(2);
/// More logins at once than can be done within the longest wait.
const EXCESS: usize = 600;

pub(super) async fn measure(contest: &mut Contest) -> anyhow::Result<()> {
    let span = contest.span * 3;
    let mut series = Vec::new();
    let ours = contest.workshop.countersign("flood", &[]).await?;
    let crowd = newcomers(&ours.service, CLIENTS + 1).await?;
    let (mut floods, mut rates, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..contest.repeats {
        limits.push(hashing::one_lane_limit(contest.span / 2).await?);
        let felt = flood(&ours.service, &crowd, span).await?;
        rates.push(felt.logins.rate());
        floods.push(felt);
    }
    report(contest, &ours.service, &floods);
    let ratio = Spread::of(rates.iter().zip(&limits).map(|(rate, limit)| rate / limit));
    contest.results.add(Row {
        what: "logins meanwhile".to_owned(),
        ours: format!("{:.1}/s", Spread::of(rates).median),
        beside: format!("limit {:.1}/s, just before", Spread::of(limits).median),
        ratio: Some(ratio),
        aim: "≥ 2.5",
    });
    excess(contest, &ours).await?;
    contest.results.add(Row {
        what: "memory after the flood".to_owned(),
        ours: format!("{:.1} MiB", ours.process.resident_mib()),
        beside: String::new(),
        ratio: None,
        aim: "< 60 MiB",
    });
    series.extend(floods.last().map(|felt| points(&ours.service, &felt.me)));
    drop(ours);

    for hashing in Hashing::BOTH {
        for peer in contest.workshop.fastapis(&[hashing], "flood").await? {
            series.push(measured_peer(contest, &peer.service, span).await?);
        }
    }
    for peer in contest.peers.clone() {
        series.push(measured_peer(contest, &peer.0, span).await?);
    }
    let title = "GET /auth/me while 64 clients sign in without pause (from second 2)";
    contest.results.draw(LATENCY_PLOT, plot::latency(title, &series));
    Ok(())
}

async fn measured_peer(contest: &mut Contest, service: &Service, span: Duration) -> anyhow::Result<Series> {
    let crowd = newcomers(service, CLIENTS + 1).await?;
    let felt = flood(service, &crowd, span).await?;
    report(contest, service, std::slice::from_ref(&felt));
    Ok(points(service, &felt.me))
}

/// What a flood did to the others.
struct Felt {
    logins: Tally,
    me: Tally,
    refresh: Tally,
}

async fn flood(service: &Service, crowd: &[Visitor], span: Duration) -> anyhow::Result<Felt> {
    progress(format_args!("{CLIENTS} clients sign in at {} for {} s", service.name, span.as_secs()));
    let [refresher, probe, ..] = crowd else { anyhow::bail!("nobody to ask") };
    let me = load::paced((service.clone(), probe), Work::Me, (PROBES, CALM + span));
    // Each refresh needs the token of the one before, so they are one visitor's.
    let mut refresher = refresher.again(service);
    refresher.perform(Work::Login).await?;
    let refresh = load::one_paced(refresher, Work::Refresh, (PROBES, CALM + span));
    let logins = async {
        tokio::time::sleep(CALM).await;
        let crowd = crowd.iter().skip(1).map(|known| known.again(service));
        load::without_pause(crowd.collect(), Work::Login, span).await
    };
    let (me, refresh, logins) = tokio::join!(me, refresh, logins);
    Ok(Felt { logins: logins?.0, me: me?, refresh: refresh? })
}

fn report(contest: &mut Contest, service: &Service, floods: &[Felt]) {
    let is_ours = service.name == "Countersign";
    let me: Vec<&Tally> = floods.iter().map(|felt| &felt.me).collect();
    let refresh = floods.iter().map(|felt| &felt.refresh).collect();
    for (what, tallies, aim) in [("`/auth/me`", me, "p99 < 20 ms"), ("refresh", refresh, "p99 < 50 ms")] {
        let faults: usize = tallies.iter().map(|tally| tally.faults()).sum();
        let mut during: Vec<f64> = tallies
            .iter()
            .flat_map(|tally| &tally.samples)
            .filter(|sample| sample.due >= CALM)
            .map(|sample| sample.took.as_secs_f64() * 1000.0)
            .collect();
        during.sort_by(f64::total_cmp);
        let [median, high] = [0.5, 0.99].map(|part| quantile(&during, part));
        let figures = format!("p50 {median:.1} ms, p99 {high:.1} ms, {faults} faults");
        let (ours, beside) =
            if is_ours { (figures, String::new()) } else { (String::new(), format!("{}: {figures}", service.name)) };
        let aim = if is_ours { aim } else { "" };
        contest.results.add(Row { what: format!("{what} while 64 clients sign in"), ours, beside, ratio: None, aim });
    }
}

/// Sends many more logins than can be done in time.
async fn excess(contest: &mut Contest, ours: &Started) -> anyhow::Result<()> {
    progress(format_args!("{EXCESS} logins at once"));
    let visitors = (0..EXCESS).map(|number| Visitor::known(&ours.service, format!("visitor-{}", number % CLIENTS)));
    let (tally, _) = load::without_pause(visitors.collect(), Work::Login, Duration::ZERO).await?;
    let refused = tally.latencies_of(503);
    contest.results.add(Row {
        what: format!("{EXCESS} logins at once: those in excess are refused with 503"),
        ours: format!(
            "{} refused, p50 {:.0} ms, p99 {:.0} ms; {} signed in, {} faults",
            refused.len(),
            quantile(&refused, 0.5),
            quantile(&refused, 0.99),
            tally.latencies().len(),
            tally.faults()
        ),
        beside: String::new(),
        ratio: None,
        aim: "p99 ≤ 100 ms",
    });
    Ok(())
}

fn points(service: &Service, tally: &Tally) -> Series {
    let points = tally.samples.iter().map(|sample| (sample.due.as_secs_f64(), sample.took.as_secs_f64() * 1000.0));
    Series { name: service.name.clone(), points: points.collect() }
}

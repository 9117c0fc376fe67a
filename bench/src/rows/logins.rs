//! Logins and registrations a second, beside what one password at a time on every core comes to.

use std::time::{Duration, Instant};

use super::newcomers;
use crate::{
    contest::{Contest, LOGINS_PLOT, Series, progress},
    hashing, load, plot,
    report::Row,
    service::{Hashing, Service},
    stats::Spread,
    visitor::{Visitor, Work},
};

/// Chosen so that on two cores each hashing thread has one, two and four lanes busy, and more than it can take.
const CLIENTS: [usize; 5] = [1, 2, 4, 8, 64];
/// Passwords that one thread hashes at once.
const LANES: usize = 4;
/// Lone logins and lone hashes in turn, for each repeat.
const LONE: usize = 8;

pub(super) async fn measure(contest: &mut Contest) -> anyhow::Result<()> {
    let ours = contest.workshop.countersign("logins", &[]).await?;
    let others = contest.workshop.fastapis(&Hashing::BOTH, "logins").await?;
    let mut services = vec![ours.service.clone()];
    services.extend(others.iter().map(|other| other.service.clone()));
    services.extend(contest.peers.iter().map(|peer| peer.0.clone()));
    let mut crowds = Vec::new();
    for service in &services {
        progress(format_args!("64 newcomers at {}", service.name));
        crowds.push(newcomers(service, 64).await?);
    }
    if let Some(crowd) = crowds.first() {
        lone(contest, (&ours.service, crowd)).await?;
        fourth(contest, (&ours.service, crowd)).await?;
    }

    // One series for each service, and the limit as the last.
    let mut series: Vec<Series> =
        services.iter().map(|service| Series { name: service.name.clone(), points: Vec::new() }).collect();
    let mut limits = Series { name: "crate bcrypt, all cores".to_owned(), points: Vec::new() };
    for (place, clients) in (0_u32..).map(f64::from).zip(CLIENTS) {
        let (rates, limit) = rounds(contest, (&services, &crowds), (clients, Work::Login)).await?;
        for ((one, service), rates) in series.iter_mut().zip(&services).zip(&rates) {
            let ratio = Spread::of(rates.iter().zip(&limit).map(|(rate, limit)| rate / limit));
            let is_ours = service.name == ours.service.name;
            add(
                contest,
                (service, &format!("logins, {clients} clients")),
                (rates, &limit, ratio),
                match clients {
                    8.. if is_ours => "≥ 2.5",
                    _ => "",
                },
            );
            one.points.push((place, Spread::of(rates.iter().copied()).median));
        }
        limits.points.push((place, Spread::of(limit).median));
    }
    let (rates, limit) = rounds(contest, (&services, &crowds), (8, Work::Register)).await?;
    for (service, rates) in services.iter().zip(&rates) {
        let ratio = Spread::of(rates.iter().zip(&limit).map(|(rate, limit)| rate / limit));
        let aim = if service.name == ours.service.name { "≥ 2.5" } else { "" };
        add(contest, (service, "registrations, 8 clients"), (rates, &limit, ratio), aim);
    }
    series.truncate(3);
    series.push(limits);
    let threads = threads();
    let labels = CLIENTS.map(|clients| match clients.div_ceil(threads).min(LANES) {
        1 => format!("{clients} (1 lane each)"),
        lanes => format!("{clients} ({lanes} lanes each)"),
    });
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let title = format!("Logins per second, bcrypt at cost 12, {threads} hashing threads");
    contest.results.draw(LOGINS_PLOT, plot::bars(&title, &labels, &series));
    Ok(())
}

/// Hashing threads: one for each core.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// All services and the limit in turn, over and over.
async fn rounds(
    contest: &Contest,
    (services, crowds): (&[Service], &[Vec<Visitor>]),
    (clients, work): (usize, Work),
) -> anyhow::Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let mut rates: Vec<Vec<f64>> = services.iter().map(|_| Vec::new()).collect();
    let mut limits = Vec::new();
    for repeat in 1..=contest.repeats {
        progress(format_args!("{work:?}, {clients} clients, repeat {repeat} of {}", contest.repeats));
        limits.push(hashing::one_lane_limit(contest.span / 2).await?);
        for ((service, crowd), rates) in services.iter().zip(crowds).zip(&mut rates) {
            let visitors = crowd.iter().take(clients).enumerate();
            let visitors = visitors.map(|(number, known)| match work {
                Work::Register => Visitor::known(service, format!("new-{repeat}-{number}")),
                Work::Login | Work::Me | Work::Refresh => known.again(service),
            });
            let (tally, _) = load::without_pause(visitors.collect(), work, contest.span).await?;
            anyhow::ensure!(tally.faults() == 0, "{}: {} answers were faults", service.name, tally.faults());
            rates.push(steady_rate(&tally));
        }
    }
    Ok((rates, limits))
}

/// All that were answered, over the time until the last of them was: nothing begun is left out, so that a short span
/// does not favour those who answer in small pieces.
fn steady_rate(tally: &load::Tally) -> f64 {
    let last = tally.samples.iter().map(|sample| sample.due + sample.took).max().unwrap_or(tally.span);
    let done = tally.samples.iter().filter(|sample| sample.is_success()).count();
    f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / last.as_secs_f64()
}

/// One login at a time, beside one hash.
async fn lone(contest: &mut Contest, (service, crowd): (&Service, &[Visitor])) -> anyhow::Result<()> {
    progress("one login at a time beside one hash");
    let (mut logins, mut hashes) = (Vec::new(), Vec::new());
    for mut visitor in
        crowd.iter().cycle().take(LONE * usize::try_from(contest.repeats)?).map(|known| known.again(service))
    {
        hashes.push(hashing::one_hash().await?.as_secs_f64() * 1000.0);
        logins.push(one_login(&mut visitor).await?);
    }
    beside_a_hash(contest, "latency of a lone login", (logins, hashes), "≤ 1.05");
    Ok(())
}

/// One login at a time while three others are on each hashing thread, beside one hash that is alone on the machine.
async fn fourth(contest: &mut Contest, (service, crowd): (&Service, &[Visitor])) -> anyhow::Result<()> {
    let threads = threads();
    progress(format_args!("one login at a time beside {} without pause", 3 * threads));
    let mut hashes = Vec::new();
    for _ in 0..LONE {
        hashes.push(hashing::one_hash().await?.as_secs_f64() * 1000.0);
    }
    let others = crowd.iter().take(3 * threads).map(|known| known.again(service)).collect();
    let others = load::without_pause(others, Work::Login, contest.span);
    let one = async {
        let mut logins = Vec::new();
        let until = Instant::now() + contest.span;
        for mut visitor in crowd.iter().rev().cycle().map(|known| known.again(service)) {
            // At any moment of the others' hashes, not when one of them has just ended.
            tokio::time::sleep(Duration::from_millis(37)).await;
            if Instant::now() >= until {
                break;
            }
            logins.push(one_login(&mut visitor).await?);
        }
        anyhow::Ok(logins)
    };
    let (others, logins) = tokio::join!(others, one);
    others?;
    let logins = logins?;
    let median = Spread::of(hashes).median;
    let hashes = vec![median; logins.len()];
    beside_a_hash(contest, "latency of a login while three others are on its thread", (logins, hashes), "≤ 1.60");
    Ok(())
}

/// Milliseconds until the answer.
async fn one_login(visitor: &mut Visitor) -> anyhow::Result<f64> {
    let began = Instant::now();
    let (_, answered) = visitor.perform(Work::Login).await?;
    Ok((answered - began).as_secs_f64() * 1000.0)
}

fn beside_a_hash(contest: &mut Contest, what: &str, (logins, hashes): (Vec<f64>, Vec<f64>), aim: &'static str) {
    let ratio = Spread::of(logins.iter().zip(&hashes).map(|(login, hash)| login / hash));
    contest.results.add(Row {
        what: what.to_owned(),
        ours: format!("{:.0} ms", Spread::of(logins).median),
        beside: format!("one hash of the crate bcrypt {:.0} ms", Spread::of(hashes).median),
        ratio: Some(ratio),
        aim,
    });
}

fn add(
    contest: &mut Contest,
    (service, what): (&Service, &str),
    (rates, limits, ratio): (&[f64], &[f64], Spread),
    aim: &'static str,
) {
    let rate = Spread::of(rates.iter().copied()).median;
    let limit = Spread::of(limits.iter().copied()).median;
    let is_ours = service.name == "Countersign";
    contest.results.add(Row {
        what: if is_ours { what.to_owned() } else { format!("{what}: {}", service.name) },
        ours: if is_ours { format!("{rate:.1}/s") } else { String::new() },
        beside: if is_ours { format!("limit {limit:.1}/s") } else { format!("{rate:.1}/s, limit {limit:.1}/s") },
        ratio: Some(ratio),
        aim,
    });
}

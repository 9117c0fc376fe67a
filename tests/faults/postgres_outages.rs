//! The PostgreSQL server goes away in every way it can, under the running service, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::home::{Home, Person};
use crate::postgres::administer;
use crate::process::{PATIENCE, Service};
use crate::visitor::{Reply, Visitor};

/// 50 requests a second.
const PACE: Duration = Duration::from_millis(20);
/// What a connection, or a statement, may take by default: what is asked at once fails after this.
const DEADLINE: Duration = Duration::from_secs(2);
/// After the deadline, until the breaker has counted what failed at it.
const NOTICED: Duration = Duration::from_millis(500);
/// How soon a service is to be back when its database is. Twice as long is allowed here, where others are at work as well.
const BACK: Duration = Duration::from_secs(2);
/// How long the server stays away after that.
const AWAY: Duration = Duration::from_secs(3);

struct Site {
    home: Home,
    people: Vec<Person>,
    service: Service,
}

impl Site {
    /// A service with people who have signed in, on a server that is to be harmed.
    async fn new(people: usize) -> Self {
        let home = Home::with_own_server();
        let people = home.people(people).await;
        let service = home.start();
        Self { home, people, service }
    }

    /// Waits until somebody is recognised again; answers how long it took.
    async fn back(&self) -> Duration {
        let (visitor, since) = (self.service.visitor(), Instant::now());
        loop {
            let me = visitor.me(&self.people[0].access_token).await.unwrap();
            if me.status == 200 {
                return since.elapsed();
            }
            assert!(me.is_unavailable() && since.elapsed() < PATIENCE, "{me:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What needs no database is answered without it, and the service says that it is not ready.
    async fn assert_alive_but_not_ready(&self) {
        let visitor = self.service.visitor();
        assert_eq!(visitor.get("/health/live").await.status, 200);
        assert_eq!(visitor.get("/.well-known/jwks.json").await.status, 200);
        assert_eq!(visitor.get("/health/ready").await.status, 503);
    }

    fn administer(&self, sql: &str) {
        administer(&self.home.server().url(), sql.to_owned()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_makes_nobody_wait_after_the_first_deadline() {
    let site = Site::new(300).await;
    let load = Load::start(site.service.visitor(), &site.people[1..]);

    tokio::time::sleep(Duration::from_millis(500)).await;
    let frozen = Instant::now();
    site.home.server().freeze();
    tokio::time::sleep(DEADLINE + NOTICED).await;
    site.assert_alive_but_not_ready().await;
    tokio::time::sleep(AWAY).await;
    let thawing = Instant::now();
    site.home.server().thaw();
    let back = site.back().await;
    let is_back = Instant::now();
    assert!(back < 2 * BACK, "back after {back:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seen = load.end().await;

    let asked_between = |from, until| seen.iter().filter(move |seen| seen.asked >= from && seen.asked < until);
    let unneeding = seen.iter().filter(|seen| !seen.what.needs_the_database());
    assert!(unneeding.clone().all(|seen| seen.reply.status == 200), "the key set and the sign of life");
    let needing = |from, until| asked_between(from, until).filter(|seen| seen.what.needs_the_database());
    assert_all(needing(is_back, Instant::now()), |reply| reply.status < 400);
    assert_all(needing(frozen + DEADLINE + NOTICED, thawing), Reply::is_unavailable);
    assert_granted_or_unavailable(&seen);
    let mut waits: Vec<Duration> = needing(frozen + DEADLINE + NOTICED, thawing).map(|seen| seen.reply.took).collect();
    waits.sort();
    let (median, high, longest) = (at(&waits, 50), at(&waits, 95), at(&waits, 100));
    assert!(high < Duration::from_millis(20), "95 of 100: {high:?}");
    assert!(longest < DEADLINE, "nobody waited for the database: {longest:?}");
    let first = needing(frozen, frozen + DEADLINE).map(|seen| seen.reply.took).max().unwrap();
    let signed_out = assert_no_logout_was_a_lie(&site, &seen).await;
    no_connection_leaks(&site).await;
    println!(
        "frozen: {} requests, the first wait {first:?} at most, then {} are refused at once (median {median:?}, 95 % \
         {high:?}, longest {longest:?}), {} others served meanwhile, {signed_out} logouts granted and true, back {back:?} after the thaw",
        seen.len(),
        waits.len(),
        unneeding.count(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_and_started_needs_no_restart_of_the_service() {
    let site = Site::new(200).await;
    let load = Load::start(site.service.visitor(), &site.people[1..]);

    tokio::time::sleep(Duration::from_millis(300)).await;
    site.home.server().stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    site.assert_alive_but_not_ready().await;
    site.home.server().restart();
    let back = site.back().await;
    let seen = load.end().await;

    assert_granted_or_unavailable(&seen);
    let signed_out = assert_no_logout_was_a_lie(&site, &seen).await;
    println!("stopped: {} requests, {signed_out} logouts granted and true, back after {back:?}", seen.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_connections_are_replaced() {
    let site = Site::new(200).await;
    let load = Load::start(site.service.visitor(), &site.people[1..]);

    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        site.administer(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'countersign'",
        );
    }
    site.back().await;
    let seen = load.end().await;

    assert_granted_or_unavailable(&seen);
    let signed_out = assert_no_logout_was_a_lie(&site, &seen).await;
    let failed = seen.iter().filter(|seen| seen.reply.status >= 400).count();
    println!("terminated: {} requests, {failed} answered 503, {signed_out} logouts granted and true", seen.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_only_be_read_grants_no_logout() {
    let site = Site::new(200).await;
    let load = Load::start(site.service.visitor(), &site.people[1..]);

    tokio::time::sleep(Duration::from_millis(300)).await;
    site.administer("alter system set default_transaction_read_only = on");
    site.administer("select pg_reload_conf()");
    let until = Instant::now() + PATIENCE;
    while site.service.visitor().get("/health/ready").await.status == 200 {
        assert!(Instant::now() < until, "it takes a standby for a primary");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    site.assert_alive_but_not_ready().await;
    site.administer("alter system reset default_transaction_read_only");
    site.administer("select pg_reload_conf()");
    let back = site.back().await;
    let seen = load.end().await;

    assert_granted_or_unavailable(&seen);
    let signed_out = assert_no_logout_was_a_lie(&site, &seen).await;
    println!("read-only: {} requests, {signed_out} logouts granted and true, back after {back:?}", seen.len());
}

/// Requests at a steady pace, whether or not those before them have been answered.
struct Load {
    ended: Arc<AtomicBool>,
    pacing: tokio::task::JoinHandle<Vec<Seen>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Me,
    Refresh,
    Logout,
    Keys,
    Live,
}

impl What {
    const TURNS: [Self; 5] = [Self::Me, Self::Refresh, Self::Logout, Self::Keys, Self::Live];

    fn needs_the_database(self) -> bool {
        match self {
            Self::Me | Self::Refresh | Self::Logout => true,
            Self::Keys | Self::Live => false,
        }
    }
}

/// A request and its answer.
#[derive(Debug)]
struct Seen {
    what: What,
    who: usize,
    asked: Instant,
    reply: Reply,
}

impl Load {
    /// The first person asks who they are, the others of the first half sign out, the second half refreshes: once each,
    /// so there have to be more people than turns.
    fn start(visitor: Visitor, people: &[Person]) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (end, people) = (Arc::clone(&ended), people.to_vec());
        let pacing = tokio::spawn(async move {
            let mut pace = interval(PACE);
            pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut asked = JoinSet::new();
            let mut turn = 0;
            while !end.load(Ordering::Relaxed) {
                pace.tick().await;
                let what = What::TURNS[turn % What::TURNS.len()];
                let half = people.len() / 2;
                let who = match what {
                    What::Logout => 1 + turn / What::TURNS.len(),
                    What::Refresh => half + turn / What::TURNS.len(),
                    What::Me | What::Keys | What::Live => 0,
                };
                turn += 1;
                asked.spawn(ask(visitor.clone(), people[who].clone(), what, who));
            }
            asked.join_all().await
        });
        Self { ended, pacing }
    }

    async fn end(self) -> Vec<Seen> {
        self.ended.store(true, Ordering::Relaxed);
        self.pacing.await.unwrap()
    }
}

async fn ask(visitor: Visitor, person: Person, what: What, who: usize) -> Seen {
    let asked = Instant::now();
    let reply = match what {
        What::Me => visitor.me(&person.access_token).await,
        What::Refresh => visitor.refresh(&person.refresh_token).await,
        What::Logout => visitor.log_out(&person.access_token).await,
        What::Keys => visitor.ask(Method::GET, "/.well-known/jwks.json", None, None).await,
        What::Live => visitor.ask(Method::GET, "/health/live", None, None).await,
    };
    Seen { what, who, asked, reply: reply.unwrap() }
}

#[track_caller]
fn assert_all<'a>(seen: impl Iterator<Item = &'a Seen>, is_right: impl Fn(&Reply) -> bool) {
    let wrong: Vec<&Seen> = seen.filter(|seen| !is_right(&seen.reply)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// There is no third thing: no 401 for a token that is good, no 500.
#[track_caller]
fn assert_granted_or_unavailable(seen: &[Seen]) {
    assert_all(seen.iter(), |reply| reply.status < 400 || reply.is_unavailable());
}

/// Whoever was told that they are signed out is. Answers how many were told so.
async fn assert_no_logout_was_a_lie(site: &Site, seen: &[Seen]) -> usize {
    let granted = seen.iter().filter(|seen| seen.what == What::Logout && seen.reply.status == 204);
    let mut count = 0;
    for seen in granted {
        let me = site.service.visitor().me(&site.people[1 + seen.who].access_token).await.unwrap();
        assert_eq!((me.status, me.text("code")), (401, "session_ended"), "{me:?}");
        count += 1;
    }
    count
}

/// The server has closed what the service has given up, and there are no more connections than the pool may hold.
async fn no_connection_leaks(site: &Site) {
    let url = format!("{}/postgres", site.home.server().url());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let until = Instant::now() + PATIENCE;
    let count = "select count(*) from pg_stat_activity where application_name = 'countersign'";
    while client.query_one(count, &[]).await.unwrap().get::<_, i64>(0) > 16 {
        assert!(Instant::now() < until, "connections leak");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

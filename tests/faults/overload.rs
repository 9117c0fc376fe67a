//! More logins than can be hashed, all at once. Those in excess are told so at once, and nobody else notices.
//!
//! `FAULT_CLIENTS` says how many sign in at the same time (64 unless it is set), `FAULT_ROUNDS` how often.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::home::{Home, PASSWORD, Person};
use crate::process::Service;
use crate::visitor::{Visitor, another_address};
use crate::{rounds, setting};

/// Four times the usual work, on one thread: some twenty passwords are hashed within the time that one may wait.
const COST: u32 = 14;
/// What a refusal may take, as the client sees it.
const AT_ONCE: Duration = Duration::from_millis(100);
/// What a service may grow by, in KiB, however many sign in: sockets, passwords and one hash for each lane.
const GROWTH_KIB: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_in_excess_are_refused_and_everything_else_goes_on() {
    let clients = setting("FAULT_CLIENTS", 64);
    let home = Home::new(Engine::Sqlite)
        .with("COUNTERSIGN_PASSWORDS__HASHING_THREADS", "1")
        .with("COUNTERSIGN_PASSWORDS__BCRYPT_COST", &COST.to_string());
    let people = home.people(clients + 1).await;
    home.hash_anew(PASSWORD, COST).await;
    let service = home.start();
    let (signing_in, asking) = (&people[..clients], &people[clients]);
    let (before, quiet) = (service.resident_kib(), ask_a_while(&service, asking).await);

    let mut tries = Vec::new();
    let mut busy = Vec::new();
    for _ in 0..rounds() {
        let mut burst = JoinSet::new();
        for person in signing_in {
            burst.spawn(sign_in(service.address, person.email.clone()));
        }
        while !burst.is_empty() {
            busy.push(ask(&service.visitor(), asking).await);
            while let Some(ended) = burst.try_join_next() {
                tries.push(ended.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    let (granted, refused): (Vec<Try>, Vec<Try>) = tries.into_iter().partition(|attempt| attempt.status == 200);
    assert!(refused.iter().all(Try::is_refused), "{:?}", refused.iter().find(|attempt| !attempt.is_refused()));
    assert!(!granted.is_empty() && !refused.is_empty(), "{} granted, {} refused", granted.len(), refused.len());
    let growth = service.resident_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB, "it has grown by {growth} KiB");
    let in_time = refused.iter().filter(|attempt| attempt.answered <= AT_ONCE).count();
    assert!(2 * in_time >= refused.len(), "{in_time} of {} were refused within {AT_ONCE:?}", refused.len());
    println!(
        "overload: {clients} clients, {} times: {} signed in, {} refused, {:.2} % of them within {AT_ONCE:?}; \
         refused after {}, connected after {}; /auth/me {} meanwhile, {} before; {growth} KiB more memory",
        rounds(),
        granted.len(),
        refused.len(),
        percent(in_time, refused.len()),
        spread(refused.iter().map(|attempt| attempt.answered)),
        spread(refused.iter().map(|attempt| attempt.connected)),
        spread(busy.into_iter()),
        spread(quiet.into_iter()),
    );
}

/// One login on a connection of its own.
#[derive(Debug)]
struct Try {
    status: u16,
    head: String,
    /// Until there was a connection.
    connected: Duration,
    /// From then until the answer was there.
    answered: Duration,
}

impl Try {
    fn is_refused(&self) -> bool {
        self.status == 503 && self.head.contains("\"overloaded\"") && self.head.contains("retry-after: ")
    }
}

/// Speaks HTTP by hand, so that nothing of the client's is between the clock and the socket.
async fn sign_in(address: SocketAddr, email: String) -> Try {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let request = format!(
        "POST /auth/login HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
         x-forwarded-for: {}\r\ncontent-length: {}\r\n\r\n{body}",
        another_address(),
        body.len()
    );
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (connected, asked) = (begun.elapsed(), Instant::now());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = String::new();
    stream.read_to_string(&mut head).await.unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Try { status, head, connected, answered: asked.elapsed() }
}

async fn ask_a_while(service: &Service, person: &Person) -> Vec<Duration> {
    let mut waits = Vec::new();
    for _ in 0..100 {
        waits.push(ask(&service.visitor(), person).await);
    }
    waits
}

async fn ask(visitor: &Visitor, person: &Person) -> Duration {
    let me = visitor.me(&person.access_token).await.unwrap();
    assert_eq!(me.status, 200, "{me:?}");
    me.took
}

fn spread(waits: impl Iterator<Item = Duration>) -> String {
    let mut waits: Vec<f64> = waits.map(|wait| wait.as_secs_f64() * 1000.0).collect();
    waits.sort_by(f64::total_cmp);
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
    format!("p50 {:.1}, p99 {:.1}, longest {:.1} ms", at(50), at(99), at(100))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a share of a few thousand")]
fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}

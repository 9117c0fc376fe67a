//! The primary of two PostgreSQL servers is killed under load, and its synchronous standby takes over.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::home::{Home, Person};
use crate::killed::{Ledger, balance};
use crate::process::PATIENCE;
use crate::rounds;
use crate::visitor::{Reply, Visitor};

/// People who sign out in one round, at most.
const LEAVING: usize = 400;
/// Sessions that are refreshed over and over.
const STAYING: usize = 4;
/// So many sign out before the harm, and so many after it.
const SIGNED_OUT: usize = 60;
/// How long to leave alone who could not answer.
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_takes_nothing_acknowledged_with_it() {
    let mut outages = Vec::new();
    let mut counts = [0; 4];
    for round in 0..rounds() {
        let home = Home::with_cluster();
        let mut people = home.people(LEAVING + STAYING).await;
        let staying = people.split_off(LEAVING);
        let service = home.start();
        let load = Load::default();
        let mut busy = load.start(&service.visitor(), round, staying);

        // Passwords are hashed together: when one is done, others are about to be written.
        load.until(|books| !books.ledger.registered.is_empty()).await;
        load.let_leave(&mut busy, &service.visitor(), people);
        load.until(|books| books.ledger.signed_out.len() >= SIGNED_OUT).await;
        let killing = Instant::now();
        let cluster = &home.cluster();
        tokio::task::block_in_place(|| cluster.primary.kill());
        tokio::task::block_in_place(|| cluster.standby.promote());
        let promoted = killing.elapsed();
        let signed_out = load.books().ledger.signed_out.len();
        load.until(|books| books.ledger.signed_out.len() >= signed_out + SIGNED_OUT).await;
        load.books().is_over = true;
        busy.join_all().await;

        let books = std::mem::take(&mut *load.books());
        balance(&books.ledger, &service.visitor(), &home.database().await).await;
        assert!(!service.process.said().contains("panicked"), "{}", service.process.said());
        let outage = longest_gap(&books.written);
        println!(
            "round {round}: no write for {outage:?}, of which {promoted:?} until the standby was primary; {} answered 503, \
             {} of them had happened all the same",
            books.unavailable, books.unknown,
        );
        outages.push(outage);
        let Ledger { registered, signed_out, refreshes } = &books.ledger;
        let acknowledged =
            [registered.len(), signed_out.len(), usize::try_from(refreshes.values().sum::<i64>()).unwrap()];
        for (sum, count) in counts.iter_mut().zip(acknowledged.into_iter().chain([books.unavailable])) {
            *sum += count;
        }
    }
    outages.sort();
    println!(
        "failover: {} rounds; acknowledged and found: {} registrations, {} logouts, {} refreshes; lost 0, half-made 0; \
         {} answered 503; no write for {:?} (median), {:?} (longest)",
        rounds(),
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        outages[outages.len() / 2],
        outages[outages.len() - 1],
    );
}

/// What was acknowledged and when, and what was not.
#[derive(Default)]
struct Books {
    ledger: Ledger,
    written: Vec<Instant>,
    unavailable: usize,
    /// Answered 503, and found done when asked again.
    unknown: usize,
    is_over: bool,
}

#[derive(Clone, Default)]
struct Load(Arc<Mutex<Books>>);

impl Load {
    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }

    fn start(&self, visitor: &Visitor, round: usize, staying: Vec<Person>) -> JoinSet<()> {
        let mut busy = JoinSet::new();
        for applicant in 0..4 {
            busy.spawn(self.clone().register(visitor.clone(), format!("new-{round}-{applicant}")));
        }
        for person in staying {
            busy.spawn(self.clone().refresh(visitor.clone(), person));
        }
        busy
    }

    fn let_leave(&self, busy: &mut JoinSet<()>, visitor: &Visitor, leaving: Vec<Person>) {
        let queue = Arc::new(Mutex::new(leaving));
        for _ in 0..4 {
            busy.spawn(self.clone().sign_out(visitor.clone(), Arc::clone(&queue)));
        }
    }

    async fn until(&self, is_so: impl Fn(&Books) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(&self.books()) {
            assert!(Instant::now() < until, "nobody is served");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn register(self, visitor: Visitor, name: String) {
        for number in 0.. {
            let name = format!("{name}-{number}");
            let is_asked_again = |reply: &Reply| reply.status == 409;
            let Some(reply) = self.insist(201, is_asked_again, || visitor.register(&name)).await else { return };
            if reply.status == 201 {
                let mut books = self.books();
                books.ledger.registered.insert(format!("{name}@example.com"), reply.text("access_token").to_owned());
            }
        }
    }

    async fn sign_out(self, visitor: Visitor, queue: Arc<Mutex<Vec<Person>>>) {
        loop {
            let Some(person) = queue.lock().unwrap().pop() else { return };
            let is_asked_again = |reply: &Reply| reply.text("code") == "session_ended";
            let asking = self.insist(204, is_asked_again, || visitor.log_out(&person.access_token));
            let Some(reply) = asking.await else { return };
            if reply.status == 204 {
                self.books().ledger.signed_out.push(person);
            }
        }
    }

    /// A refresh that was done and not answered is answered again: each answer is one step.
    async fn refresh(self, visitor: Visitor, mut person: Person) {
        loop {
            let asking = self.insist(200, |_| false, || visitor.refresh(&person.refresh_token));
            let Some(reply) = asking.await else { return };
            reply.text("refresh_token").clone_into(&mut person.refresh_token);
            *self.books().ledger.refreshes.entry(person.email.clone()).or_default() += 1;
        }
    }

    /// Asks until it is granted; or, after an answer that left it open, until it turns out to be done. Nothing when the
    /// load is over. Whatever else is answered is wrong.
    async fn insist<F: Future<Output = Result<Reply, reqwest::Error>>>(
        &self,
        granted: u16,
        is_done_already: impl Fn(&Reply) -> bool,
        ask: impl Fn() -> F,
    ) -> Option<Reply> {
        let mut is_open = false;
        while !self.books().is_over {
            let reply = ask().await.expect("an answer to every request");
            if reply.status == granted {
                self.books().written.push(Instant::now());
                return Some(reply);
            }
            if is_open && is_done_already(&reply) {
                self.books().unknown += 1;
                return Some(reply);
            }
            assert!(reply.is_unavailable() || reply.text("code") == "overloaded", "{reply:?}");
            is_open |= reply.is_unavailable();
            self.books().unavailable += usize::from(reply.is_unavailable());
            tokio::time::sleep(PAUSE).await;
        }
        None
    }
}

fn longest_gap(moments: &[Instant]) -> Duration {
    let mut moments = moments.to_vec();
    moments.sort();
    moments.windows(2).map(|two| two[1] - two[0]).max().unwrap()
}

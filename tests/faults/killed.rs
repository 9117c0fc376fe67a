//! The process is killed in the middle of its work. What it had acknowledged is there afterwards, and nothing by half.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use countersign::database::{Database, Engine, Reads, Statement};
use rstest::rstest;
use tokio::task::JoinSet;

use crate::home::{Home, Person};
use crate::process::Service;
use crate::rounds;
use crate::visitor::Visitor;

/// People who sign out in one round, at most.
const LEAVING: usize = 120;
/// Sessions that are refreshed over and over.
const STAYING: usize = 4;
/// A round ends when so many have: the others are in the middle of it.
const SIGNED_OUT: usize = 60;

/// How often the refresh token of a session was spent, and when it ended.
static SESSION: Statement = Statement::new(
    "select s.generation, s.ended_at
       from sessions s
            join users u on u.id = s.user_id
      where u.email = $1",
);
/// A registration is a user and their first session, or neither.
pub(crate) static HALF_MADE: Statement = Statement::new(
    "select count(*)
       from users u
      where not exists (select 1 from sessions s where s.user_id = u.id)",
);
pub(crate) static STRAY_SESSIONS: Statement = Statement::new(
    "select count(*)
       from sessions s
      where not exists (select 1 from users u where u.id = s.user_id)",
);

/// What was acknowledged.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Access tokens of those who registered, by address.
    pub(crate) registered: BTreeMap<String, String>,
    pub(crate) signed_out: Vec<Person>,
    /// How many refreshes each address was granted.
    pub(crate) refreshes: BTreeMap<String, i64>,
}

type Shared = Arc<Mutex<Ledger>>;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_has_lost_nothing_it_acknowledged(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let home = Home::new(engine);
    let mut people = home.people((LEAVING + STAYING) * rounds()).await;
    let ledger = Shared::default();

    for round in 0..rounds() {
        let service = home.start();
        let staying = people.split_off(people.len() - STAYING);
        let leaving = people.split_off(people.len() - LEAVING);
        burst(&service, &ledger, round, (leaving, staying)).await;
        assert!(!service.process.said().contains("panicked"), "{}", service.process.said());
        let (status, _) = service.process.ended();
        assert_eq!(status.code(), None, "it was killed, it did not end");
    }

    let service = home.start();
    let ledger = Arc::try_unwrap(ledger).ok().unwrap().into_inner().unwrap();
    balance(&ledger, &service.visitor(), &home.database().await).await;
    if engine == Engine::Sqlite {
        assert_eq!(integrity(&home.file()), "ok");
    }
    println!(
        "{engine}: {} rounds; acknowledged and found: {} registrations, {} logouts, {} refreshes; lost 0, half-made 0",
        rounds(),
        ledger.registered.len(),
        ledger.signed_out.len(),
        ledger.refreshes.values().sum::<i64>(),
    );
}

/// Lets many people do what they do until enough was acknowledged, and kills the service under them.
async fn burst(service: &Service, ledger: &Shared, round: usize, (leaving, staying): (Vec<Person>, Vec<Person>)) {
    let visitor = service.visitor();
    let mut busy = JoinSet::new();
    for applicant in 0..8 {
        busy.spawn(register_until_killed(visitor.clone(), Arc::clone(ledger), format!("new-{round}-{applicant}")));
    }
    for person in staying {
        busy.spawn(refresh_until_killed(visitor.clone(), Arc::clone(ledger), person));
    }
    // Passwords that were sent together are hashed together: when one is done, others are about to be written.
    let (registered, signed_out) = count(ledger);
    until(|| count(ledger).0 > registered).await;
    let queue = Arc::new(Mutex::new(leaving));
    for _ in 0..4 {
        busy.spawn(sign_out_until_killed(visitor.clone(), Arc::clone(ledger), Arc::clone(&queue)));
    }
    until(|| count(ledger).1 >= signed_out + SIGNED_OUT).await;
    service.kill();
    busy.join_all().await;
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

fn count(ledger: &Shared) -> (usize, usize) {
    let ledger = ledger.lock().unwrap();
    (ledger.registered.len(), ledger.signed_out.len())
}

async fn register_until_killed(visitor: Visitor, ledger: Shared, name: String) {
    for number in 0.. {
        let Ok(reply) = visitor.register(&format!("{name}-{number}")).await else { return };
        // A machine that is busy with other things may not come to hash in time.
        assert!(reply.status == 201 || reply.text("code") == "overloaded", "{reply:?}");
        if reply.status == 201 {
            let email = format!("{name}-{number}@example.com");
            ledger.lock().unwrap().registered.insert(email, reply.text("access_token").to_owned());
        }
    }
}

async fn sign_out_until_killed(visitor: Visitor, ledger: Shared, queue: Arc<Mutex<Vec<Person>>>) {
    loop {
        let Some(person) = queue.lock().unwrap().pop() else { return };
        let Ok(reply) = visitor.log_out(&person.access_token).await else { return };
        assert_eq!(reply.status, 204, "{reply:?}");
        ledger.lock().unwrap().signed_out.push(person);
    }
}

async fn refresh_until_killed(visitor: Visitor, ledger: Shared, mut person: Person) {
    loop {
        let Ok(reply) = visitor.refresh(&person.refresh_token).await else { return };
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.text("refresh_token").clone_into(&mut person.refresh_token);
        *ledger.lock().unwrap().refreshes.entry(person.email.clone()).or_default() += 1;
    }
}

/// Compares what was acknowledged with what is there.
pub(crate) async fn balance(ledger: &Ledger, visitor: &Visitor, database: &Database) {
    for (email, access_token) in &ledger.registered {
        let me = visitor.me(access_token).await.unwrap();
        assert_eq!((me.status, me.text("email")), (200, email.as_str()), "a registration was lost: {me:?}");
    }
    for person in &ledger.signed_out {
        let me = visitor.me(&person.access_token).await.unwrap();
        assert_eq!((me.status, me.text("code")), (401, "session_ended"), "a logout was lost: {me:?}");
    }
    for (email, granted) in &ledger.refreshes {
        let (generation, ended_at): (i64, Option<i64>) =
            database.one(&SESSION, &[email.as_str().into()]).await.unwrap();
        // One more may have been written whose answer the kill cut off.
        assert!((*granted..=granted + 1).contains(&generation), "{granted} granted, {generation} found: {email}");
        assert_eq!(ended_at, None, "{email}");
    }
    assert_eq!(database.one::<i64>(&HALF_MADE, &[]).await, Ok(0), "users by half");
    assert_eq!(database.one::<i64>(&STRAY_SESSIONS, &[]).await, Ok(0), "sessions of nobody");
}

pub(crate) fn integrity(file: &Path) -> String {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap()
}

//! Many strangers guess one password, and many strangers come once.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::database::{Engine, Reads, Statement};
use rstest::rstest;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::home::{Home, PASSWORD};
use crate::setting;
use crate::visitor::{Reply, Visitor};

/// Where the owner has signed in before.
const HOME_ADDRESS: &str = "192.0.2.7";
/// Guesses under way at once: as many as two cores hash.
const GUESSES_AT_ONCE: usize = 8;
/// Other requests under way at once.
const AT_ONCE: usize = 64;
/// Guesses while the owner signs in.
const FURTHER: usize = 120;
/// Wrong passwords that are looked at, however many addresses they come from (NIST SP 800-63B §3.2.2).
const MOST: usize = 100;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_guess_a_hundred_times_between_them_and_the_owner_signs_in(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (guesses, addresses) = (setting("FAULT_GUESSES", 300), setting("FAULT_ADDRESSES", 60));
    let home = Home::new(engine).with("COUNTERSIGN_LIMITS__LOGINS_PER_MINUTE", "1000");
    let owner = home.people(1).await.remove(0).email;
    let service = home.start();
    let visitor = service.visitor();
    assert_eq!(until_not_busy(&visitor, &owner, PASSWORD, HOME_ADDRESS).await.0.status, 200);

    let answers = guess(&visitor, &owner, 0..guesses, addresses).await;
    let lucky = visitor.log_in(&owner, PASSWORD, "203.0.113.1").await.unwrap();
    let (further, signed_in) = tokio::join!(
        guess(&visitor, &owner, guesses..guesses + FURTHER, addresses),
        until_not_busy(&visitor, &owner, PASSWORD, HOME_ADDRESS)
    );

    assert_eq!(answers.looked_at, MOST, "{answers:?}");
    assert_eq!(answers.looked_at + answers.refused, guesses, "{answers:?}");
    assert_eq!((lucky.status, lucky.text("code")), (429, "too_many_attempts"), "a right guess that comes too late");
    assert_eq!(signed_in.0.status, 200, "{signed_in:?}");
    assert!(further.looked_at <= MOST, "{further:?}");
    println!(
        "{engine}: {guesses} guesses from {addresses} addresses: {answers:?}; the owner signed in after {:?} among \
         {} more: {further:?}",
        signed_in.0.took, FURTHER
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_before_a_password_is_looked_at_holds_nobody_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    static FAILURES: Statement = Statement::new(
        "select count(*) + (select count(*) from account_failures where failures > 0)
                          from address_failures where failures > 0",
    );
    let home = Home::new(engine).with("COUNTERSIGN_PASSWORDS__HASHING_THREADS", "1");
    let people = home.people(17).await;
    let (owner, others) = people.split_first().unwrap();
    let owner = owner.email.clone();
    let service = home.start();
    let database = home.database().await;
    // They sign in, and keep all lanes busy for a second or more.
    let mut busy = JoinSet::new();
    for (number, person) in others.iter().enumerate() {
        let (visitor, email) = (service.visitor(), person.email.clone());
        busy.spawn(async move { until_not_busy(&visitor, &email, PASSWORD, &address(number)).await.0.status });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;

    for _ in 0..20 {
        let body = json!({"email": owner, "password": "a wrong guess"}).to_string();
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        let head = format!(
            "POST /auth/login HTTP/1.1\r\nhost: a\r\nx-forwarded-for: {HOME_ADDRESS}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Gone while the count is committed, or while the password waits for its turn.
        stream.shutdown().await.unwrap();
    }
    assert!(busy.join_all().await.into_iter().all(|status| status == 200));

    let nothing_left = async {
        // They may not have arrived yet.
        tokio::time::sleep(Duration::from_secs(1)).await;
        while database.one::<(i64,)>(&FAILURES, &[]).await.unwrap().0 > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), nothing_left).await.expect("no failure is left");
    let signed_in = until_not_busy(&service.visitor(), &owner, PASSWORD, HOME_ADDRESS).await.0;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
}

/// What became of guesses.
#[derive(Debug, Default)]
struct Answers {
    looked_at: usize,
    refused: usize,
    /// Answered 503 and made again.
    overloaded: usize,
}

async fn guess(visitor: &Visitor, email: &str, numbers: Range<usize>, addresses: usize) -> Answers {
    let email = email.to_owned();
    let act = move |visitor: Visitor, number: usize| {
        let email = email.clone();
        async move {
            let password = format!("guess number {number}");
            until_not_busy(&visitor, &email, &password, &address(number % addresses)).await
        }
    };
    let mut answers = Answers::default();
    for (reply, overloaded) in each(visitor, numbers, GUESSES_AT_ONCE, act).await {
        answers.overloaded += overloaded;
        match reply.status {
            401 => answers.looked_at += 1,
            429 => answers.refused += 1,
            other => panic!("a guess was answered {other}"),
        }
    }
    answers
}

/// Tries to sign in until the password is looked at or refused; says how often the service was too busy for either.
async fn until_not_busy(visitor: &Visitor, email: &str, password: &str, address: &str) -> (Reply, usize) {
    for overloaded in 0.. {
        let reply = visitor.log_in(email, password, address).await.unwrap();
        if reply.status != 503 {
            return (reply, overloaded);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("it is too busy for ever")
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_tables_do_not_grow_with_the_number_of_addresses_and_names(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    static ROWS: Statement = Statement::new("select count(*) from quotas");
    let keys = setting("FAULT_KEYS", 3_000);
    let service_home = Home::new(engine);
    let service = service_home.start();
    let visitor = service.visitor();
    each(&visitor, 0..200, AT_ONCE, come).await;
    let before = service.resident_kib();

    let statuses = each(&visitor, 200..keys, AT_ONCE, come).await;

    let after = service.resident_kib();
    assert!(statuses.iter().all(|status| matches!(status, 202 | 400 | 422)), "everyone is let through once");
    // Five limiters of 4 MiB are in use, and what is under way.
    assert!(after.saturating_sub(before) < 40 * 1024, "{before} KiB before, {after} KiB after");
    let rows: i64 = service_home.database().await.one(&ROWS, &[]).await.unwrap();
    println!("{engine}: {keys} addresses and names: {before} KiB before, {after} KiB after; {rows} rows left");
}

/// Somebody with a name and an address of their own: both are counted, and no password is hashed.
async fn come(visitor: Visitor, number: usize) -> u16 {
    let email = format!("{number}@example.com");
    let (path, body) = match number % 3 {
        0 => ("/auth/email/verify", json!({"email": email, "code": "K7QM-4XRT"})),
        1 => ("/auth/password/forgot", json!({"email": email})),
        _ => ("/auth/register", json!({"email": email})),
    };
    visitor.post_from(path, &body, &address(number)).await.unwrap().status
}

fn address(number: usize) -> String {
    let number = u32::try_from(number).unwrap();
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + number).to_string()
}

/// Does something for each number, so many at once.
async fn each<T, F>(
    visitor: &Visitor,
    numbers: Range<usize>,
    at_once: usize,
    act: impl Fn(Visitor, usize) -> F + Clone + Send + 'static,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send,
{
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let mut workers = JoinSet::new();
    for _ in 0..at_once {
        let (visitor, next, act) = (visitor.clone(), Arc::clone(&next), act.clone());
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return done;
                }
                done.push(act(visitor.clone(), number).await);
            }
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

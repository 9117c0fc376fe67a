//! Letters outlive the process that was to send them, wait for nobody's memory, and are read by nobody on the way.
//!
//! `LETTERS` says how many are drained at once (500 unless it is set).

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use countersign::database::{Database, Engine};
use countersign::models::job::{Job, State};
use rstest::rstest;
use rustix::process::Signal;

use crate::home::Home;
use crate::process::PATIENCE;
use crate::rounds;
use crate::smtp_sink::{Manner, Sink};

const TOKEN: &str = "marker-of-the-token-in-a-link-Z8";
const SMTP_PASSWORD: &str = "marker-of-the-smtp-password-U2";

/// Letters that wait when the killing begins, for each round.
const WAITING: usize = 40;
/// How many a node has in hand, at most.
const HANDS: usize = 4;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_loses_no_letter(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Dawdles(Duration::from_millis(5))).await;
    let home = Home::new(engine)
        .with("COUNTERSIGN_MAIL__SMTP_URL", &sink.url())
        // A lease lasts ten seconds longer.
        .with("COUNTERSIGN_MAIL__TIMEOUT_SECONDS", "1");
    let posted = WAITING * rounds();
    home.letters(posted, TOKEN).await;

    for round in 1..=rounds() {
        let service = home.start();
        sink.received(WAITING * round - WAITING / 2).await;
        service.kill();
    }
    let service = home.start();
    nothing_left(&home.database().await).await;
    drop(service);

    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for letter in sink.letters() {
        *copies.entry((letter.to.clone(), letter.header("Message-ID").to_owned())).or_default() += 1;
    }
    let repeated = copies.values().filter(|count| **count > 1).count();
    assert_eq!(copies.len(), posted, "every letter came, and each under one name");
    assert!(repeated <= HANDS * rounds(), "{repeated} letters came twice");
    println!("{engine}: {} kills, {posted} letters posted, 0 lost, {repeated} came twice", rounds());
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_letters_leave_in_little_memory(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    let home = Home::new(engine);
    // Before there is a letter: without a mail server it would begin to leave them in the development mailbox.
    let idle = home.start();
    let before = idle.resident_kib();
    drop(idle);
    let posted = letters();
    home.letters(posted, TOKEN).await;

    let home = home.with("COUNTERSIGN_MAIL__SMTP_URL", &sink.url());
    let service = home.start();
    let began = Instant::now();
    let mut most = before;
    while sink.count() < posted {
        assert!(began.elapsed() < PATIENCE * 10, "{} of {posted}", sink.count());
        most = most.max(service.resident_kib());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed();
    nothing_left(&home.database().await).await;

    assert_eq!(sink.count(), posted, "each once");
    assert!(most < before + 32 * 1024, "{before} KiB idle, {most} KiB at most");
    println!(
        "{engine}: {posted} letters in {took:.1?} ({:.0}/s), {before} KiB idle, {most} KiB at most",
        f64::from(u32::try_from(posted).unwrap()) / took.as_secs_f64(),
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_in_no_line_of_the_log_and_unsealed_nowhere(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let sink = Sink::new(Manner::Repeats).await;
    let home = Home::new(engine)
        .with("COUNTERSIGN_MAIL__SMTP_URL", &sink.url().replace("://", &format!("://ada:{SMTP_PASSWORD}@")))
        .with("COUNTERSIGN_LOGS__FILTER", "trace");
    home.letters(2, TOKEN).await;
    let service = home.start();
    let database = home.database().await;
    let dead = jobs_until(&database, |jobs| jobs.iter().all(|job| job.state == State::Dead)).await;
    assert!(dead.iter().all(|job| job.last_error.as_deref() == Some("554 5.7.1 (security or policy)")), "{dead:?}");
    let mut rows = format!("{dead:?}").into_bytes();
    for job in Job::sealed(&database, 0, 10).await.unwrap() {
        rows.extend(job.payload);
    }
    if engine == Engine::Sqlite {
        for name in ["countersign.db", "countersign.db-wal"] {
            rows.extend(fs::read(home.file().with_file_name(name)).unwrap());
        }
    }

    // And what is sent leaves nothing either.
    sink.behave(Manner::Takes);
    let now = countersign::clock::Clock::system().now();
    let again = (now, now + Duration::from_hours(1));
    assert_eq!(Job::retry_dead(&mut database.once(), again).await, Ok(2));
    nothing_left(&database).await;
    service.process.signal(Signal::TERM);
    let (status, said) = service.process.ended();

    assert_eq!(status.code(), Some(0), "{said}");
    assert!(sink.letters().iter().all(|letter| letter.decoded().contains(TOKEN)));
    assert_eq!(said.matches("a letter was sent").count(), 2, "{said}");
    for secret in [TOKEN, SMTP_PASSWORD, "reader-0@example.com", "not this"] {
        assert!(!said.contains(secret), "{}", said.lines().find(|line| line.contains(secret)).unwrap_or_default());
        let in_rows = rows.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!in_rows, "{secret} is in the database");
    }
    assert!(!said.contains("panicked"), "{said}");
}

async fn nothing_left(database: &Database) {
    jobs_until(database, <[Job]>::is_empty).await;
}

async fn jobs_until(database: &Database, is_so: impl Fn(&[Job]) -> bool) -> Vec<Job> {
    let waiting = async {
        loop {
            let jobs = Job::list(database, 0, 1000).await.unwrap();
            if is_so(&jobs) {
                return jobs;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the jobs as they should be")
}

/// How many letters to drain at once.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn letters() -> usize {
    std::env::var("LETTERS").map_or(500, |letters| letters.parse().expect("a number in LETTERS"))
}

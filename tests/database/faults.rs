//! What happens to the work when a process, a disk or a file fails. Nothing that was acknowledged is ever lost.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign::circuit_breaker::State;
use countersign::database::{Database, DatabaseError, DatabaseSettings, Engine, Fault, Reads, Statement, Writes};
use futures_util::FutureExt;
use rstest::rstest;
use rusqlite::Connection;

use crate::support::{ADD_NOTE, COUNT_NOTES, Fixture};

static IDS: Statement = Statement::new("select id from notes order by id");
static HALVES: Statement = Statement::new(
    "select count(*)
       from notes as first
      where first.id % 2 = 0
        and not exists (select 1 from notes as second where second.id = first.id + 1)",
);

/// More rounds: `KILL_ROUNDS=20`.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_has_lost_nothing_it_acknowledged(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    if let (Some(url), Some(round)) = (setting("CHILD_URL"), setting("CHILD_ROUND")) {
        return write_until_killed(url, round.parse().unwrap()).await;
    }
    let fixture = Fixture::notes(engine).await;
    let rounds = setting("KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let mut ledger = BTreeSet::new();

    for round in 0..rounds {
        // Either case will do: the address says which engine it writes to.
        let this = "faults::a_killed_process_has_lost_nothing_it_acknowledged::engine_1_Engine__Sqlite";
        let mut child = rerun(this, "", |command| {
            command.env("CHILD_URL", &fixture.url).env("CHILD_ROUND", round.to_string());
        });
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines.map_while(Result::ok).filter_map(|line| line.parse::<i64>().ok());
        for id in acknowledged {
            ledger.insert(id);
            if ledger.len() % 500 == 0 {
                child.kill().unwrap(); // SIGKILL; what it has already said is still in the pipe
            }
        }
        child.wait().unwrap();
    }

    assert!(ledger.len() >= rounds * 500, "only {} commits were acknowledged", ledger.len());
    let found: BTreeSet<i64> = fixture.database.all(&IDS, &[]).await.unwrap().into_iter().collect();
    let lost: Vec<&i64> = ledger.difference(&found).collect();
    assert!(lost.is_empty(), "lost {lost:?} of {}", ledger.len());
    assert_eq!(fixture.database.one::<i64>(&HALVES, &[]).await, Ok(0), "no half of a transaction");
    if let Some(path) = fixture.url.strip_prefix("sqlite://") {
        assert_eq!(integrity(path), "ok");
    }
}

/// What the child does.
async fn write_until_killed(url: String, round: i64) {
    let database = Database::connect(&DatabaseSettings::new(url)).await.unwrap();
    let base = round * 10_000_000;

    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..32 {
        let database = database.clone();
        writers.spawn(async move {
            for turn in 0.. {
                let id = base + writer * 100_000 + turn * 2;
                let mut transaction = database.begin().await.unwrap();
                for half in [id, id + 1] {
                    let body = half.to_string();
                    transaction.execute(&ADD_NOTE, &[half.into(), (&body).into()]).await.unwrap();
                }
                transaction.commit().await.unwrap();
                // One write, so that a line is whole or not there.
                std::io::stdout().write_all(format!("{id}\n").as_bytes()).unwrap();
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test]
async fn a_file_locked_by_another_process_is_waited_for() {
    let fixture = Fixture::notes(Engine::Sqlite).await;
    let Fixture { database, .. } = &fixture;
    let other = Connection::open(fixture.url.trim_start_matches("sqlite://")).unwrap();
    other.execute_batch("begin immediate").unwrap();

    let mut once = database.once();
    let arguments = [1.into(), "a".into()];
    let mut waiting = Box::pin(once.execute(&ADD_NOTE, &arguments));
    assert!((&mut waiting).now_or_never().is_none(), "it does not fail at once, nor stop its thread");
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(0), "reads go on");
    other.execute_batch("rollback").unwrap();

    assert_eq!(waiting.await, Ok(1));
}

#[tokio::test]
async fn a_file_that_stays_locked_is_an_outage_that_ends_with_the_lock() {
    let fixture = Fixture::notes_with(Engine::Sqlite, |settings| settings.lease = Duration::from_millis(50)).await;
    let Fixture { database, .. } = &fixture;
    let other = Connection::open(fixture.url.trim_start_matches("sqlite://")).unwrap();
    other.execute_batch("begin immediate").unwrap();

    for id in 0..3 {
        let refused = database.once().execute(&ADD_NOTE, &[id.into(), "a".into()]).await;
        assert!(matches!(refused, Err(DatabaseError::Unavailable { fault: Fault::Locked, .. })), "{refused:?}");
    }
    other.execute_batch("rollback").unwrap();

    database.once().execute(&ADD_NOTE, &[1.into(), "a".into()]).await.expect("no restart is needed");
    assert_eq!(database.one::<i64>(&COUNT_NOTES, &[]).await, Ok(1));
}

#[tokio::test]
async fn a_full_disk_is_an_outage_that_ends_with_it() {
    if let Some(url) = setting("CHILD_URL") {
        return fill_the_disk(url).await;
    }
    let fixture = Fixture::notes(Engine::Sqlite).await;

    // The limit on the size of a file stands for the disk: a MiB or two, by what the shell calls a block.
    let child =
        rerun("faults::a_full_disk_is_an_outage_that_ends_with_it", "trap '' XFSZ; ulimit -S -f 2048;", |command| {
            command.env("CHILD_URL", &fixture.url);
        });
    let output = child.wait_with_output().unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let acknowledged: BTreeSet<i64> = said.lines().filter_map(|line| line.parse().ok()).collect();
    let found: BTreeSet<i64> = fixture.database.all(&IDS, &[]).await.unwrap().into_iter().collect();
    assert!(acknowledged.contains(&999_999), "{said}");
    assert!(acknowledged.is_subset(&found), "{acknowledged:?} {found:?}");
    assert_eq!(integrity(fixture.url.trim_start_matches("sqlite://")), "ok");
}

/// What the child does.
async fn fill_the_disk(url: String) {
    let database = Database::connect(&DatabaseSettings::new(url)).await.unwrap();
    let big = "x".repeat(8000);

    let mut failures = Vec::new();
    for id in 0..400 {
        let body = format!("{id} {big}");
        match database.once().execute(&ADD_NOTE, &[id.into(), (&body).into()]).await {
            Ok(_) => println!("{id}"),
            Err(error) => failures.push(error),
        }
    }
    assert!(failures.len() > 10, "{} failures", failures.len());
    let is_honest = |error: &DatabaseError| error.is_outage() || matches!(error, DatabaseError::Refused { .. });
    assert!(failures.iter().all(is_honest), "{failures:?}");
    closed(&database).await;
    assert!(database.one::<i64>(&COUNT_NOTES, &[]).await.unwrap() > 10, "reads go on");

    let unlimited = rustix::process::Rlimit { current: None, maximum: None };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, unlimited).unwrap();
    closed(&database).await;
    database.once().execute(&ADD_NOTE, &[999_999.into(), "there is room again".into()]).await.unwrap();
    println!("999999");
}

/// Waits until the breaker lets calls through; it opens again only for other faults.
async fn closed(database: &Database) {
    while database.breaker().state != State::Closed {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("letter.txt");
    let letter = "Dear Ada, this is not a database. ".repeat(100);
    fs::write(&path, &letter).unwrap();

    let refused = Database::connect(&DatabaseSettings::new(format!("sqlite://{}", path.display()))).await;

    assert!(matches!(refused, Err(DatabaseError::Corrupt(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), letter);
}

#[tokio::test]
async fn nobody_else_can_read_the_file_or_its_log() {
    let fixture = Fixture::notes(Engine::Sqlite).await;

    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", fixture.url.trim_start_matches("sqlite://"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let refused = Database::connect(&"sqlite:///nowhere/to/be/found.db".into()).await;

    assert!(refused.unwrap_err().to_string().contains("/nowhere/to/be/found.db"));
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_the_rest_goes_on_once_repaired() {
    let fixture = Fixture::notes(Engine::Sqlite).await;
    let path = fixture.url.trim_start_matches("sqlite://");
    for id in 0..500 {
        let body = format!("{id} {}", "x".repeat(100));
        fixture.database.once().execute(&ADD_NOTE, &[id.into(), (&body).into()]).await.unwrap();
    }
    Connection::open(path).unwrap().execute_batch("pragma wal_checkpoint(truncate)").unwrap();
    let whole = fs::read(path).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xA5);

    overwrite(path, &damaged);
    let fresh = Database::connect(&fixture.url.as_str().into()).await.unwrap();
    let read = fresh.one::<i64>(&COUNT_NOTES, &[]).await;
    let write = fresh.once().execute(&ADD_NOTE, &[1000.into(), "a".into()]).await;
    overwrite(path, &whole);

    assert!(matches!(read, Err(DatabaseError::Corrupt(_))), "{read:?}");
    assert!(matches!(write, Err(DatabaseError::Corrupt(_))), "{write:?}");
    assert_eq!(fresh.one::<i64>(&COUNT_NOTES, &[]).await, Ok(500));
    fresh.once().execute(&ADD_NOTE, &[1000.into(), "a".into()]).await.expect("no restart is needed");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_does_not_end_is_cut_short(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static ENDLESS: Statement = Statement::new(
        "with recursive counted (n) as (select 1 union all select n + 1 from counted where n > 0)
         select count(*) from counted",
    );
    let fixture = Fixture::with(engine, |settings| settings.statement_timeout = Duration::from_millis(200)).await;

    let cut = fixture.database.one::<i64>(&ENDLESS, &[]).await;

    assert_eq!(cut, Err(DatabaseError::Timeout("statement")));
    fixture.database.ping().await.unwrap();
}

#[tokio::test]
async fn a_private_database_has_many_readers_and_goes_away() {
    let database = Database::connect(&"sqlite::memory:".into()).await.unwrap();
    let other = Database::connect(&"sqlite::memory:".into()).await.unwrap();
    database.migrate().await.unwrap();
    assert!(other.migrations().await.unwrap().iter().all(|step| step.applied_at.is_none()), "it is private");
    let ours = || {
        let prefix = format!("countersign-{}-", std::process::id());
        let entries = fs::read_dir("/dev/shm").unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)).count()
    };
    let before = ours();

    let transaction = database.begin().await.unwrap();
    for _ in 0..4 {
        database.ping().await.unwrap();
    }
    drop(transaction);
    drop(database);
    drop(other);

    assert_eq!(before - ours(), 2);
}

/// Starts this test binary again, for the test that asks, which then does its child's part.
fn rerun(test: &str, before: &str, prepare: impl FnOnce(&mut Command)) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]);
    prepare(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    command.spawn().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn integrity(path: &str) -> String {
    let connection = Connection::open(path).unwrap();
    connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap()
}

/// Replaces what a file holds, but not the file: other processes have it open.
fn overwrite(path: &str, content: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all(content).unwrap();
}

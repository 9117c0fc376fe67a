//! How many durable writes and how many reads a second, on the machine at hand.
//!
//! `cargo bench --bench database` makes a SQLite file in the directory for temporary files (`TMPDIR` names another
//! disk); `cargo bench --bench database -- postgres://…/an_empty_database` asks that server instead. Beside our
//! figures stands what the driver alone reaches on the same disk in the same run, one commit at a time.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing to say")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use countersign::database::{Database, DatabaseError, DatabaseSettings, Reads, Statement, Value, Writes};
use tokio::task::JoinSet;

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);
/// The length of a row: about that of a session.
const BODY: &str = "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567";

static MAKE: Statement = Statement::new("create table notes (id bigint not null primary key, body text not null)");
static ADD: Statement = Statement::new("insert into notes (id, body) values ($1, $2)");
static CHANGE: Statement = Statement::new("update notes set body = $2 where id = $1");
static FIND: Statement = Statement::new("select body from notes where id = $1");

#[derive(Clone, Copy)]
enum Work {
    /// One insert that commits itself.
    Insert,
    /// An insert, a look and an update in a transaction.
    Transaction,
    /// A look by primary key.
    Read,
}

fn main() {
    let address = std::env::args().skip(1).find(|argument| argument.contains("://"));
    let home = tempfile::tempdir().expect("a directory");
    let url = address.clone().unwrap_or_else(|| format!("sqlite://{}", home.path().join("bench.db").display()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");

    println!("{:<28}{:>8}{:>12}{:>14}{:>12}", "", "tasks", "per second", "µs CPU each", "per fsync");
    if address.is_none() {
        raw(home.path());
    }
    runtime.block_on(async {
        let database = Database::connect(&DatabaseSettings::new(url)).await.expect("a database");
        database.once().execute(&MAKE, &[]).await.expect("an empty database");
        let ids = Arc::new(AtomicI64::new(1));
        for (name, work) in [
            ("insert", Work::Insert),
            ("transaction of 3 statements", Work::Transaction),
            ("read by primary key", Work::Read),
        ] {
            for tasks in [1, 64] {
                measure(&database, &ids, (name, work), tasks).await;
            }
        }
    });
}

async fn measure(database: &Database, ids: &Arc<AtomicI64>, (name, work): (&str, Work), tasks: usize) {
    let before = database.stats();
    let (started, cpu) = (Instant::now(), cpu_ticks());
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let (database, ids) = (database.clone(), Arc::clone(ids));
        running.spawn(async move {
            let mut done = 0_u32;
            while started.elapsed() < SPAN {
                step(&database, &ids, work).await.expect("no outage");
                done += 1;
            }
            done
        });
    }
    let done: u32 = running.join_all().await.into_iter().sum();
    let (seconds, after) = (started.elapsed().as_secs_f64(), database.stats());
    let groups = u32::try_from(after.groups - before.groups).unwrap_or(u32::MAX);
    let per_fsync = if groups == 0 { String::new() } else { format!("{:.1}", f64::from(done) / f64::from(groups)) };
    report(name, tasks, (done, seconds, cpu_ticks() - cpu), &per_fsync);
}

async fn step(database: &Database, ids: &AtomicI64, work: Work) -> Result<(), DatabaseError> {
    let latest = ids.load(Ordering::Relaxed);
    match work {
        Work::Insert => {
            let id = ids.fetch_add(1, Ordering::Relaxed);
            database.once().execute(&ADD, &[id.into(), BODY.into()]).await?;
        }
        Work::Transaction => {
            let id = ids.fetch_add(1, Ordering::Relaxed);
            let mut transaction = database.begin().await?;
            transaction.execute(&ADD, &[id.into(), BODY.into()]).await?;
            let _body: String = transaction.one(&FIND, &[id.into()]).await?;
            transaction.execute(&CHANGE, &[id.into(), Value::from("changed")]).await?;
            transaction.commit().await?;
        }
        Work::Read => {
            let _body: Option<String> = database.optional(&FIND, &[(latest / 2).into()]).await?;
            tokio::task::yield_now().await; // a task that never waits would keep the others from their turn
        }
    }
    Ok(())
}

/// The driver alone: one connection, one thread, one commit after another.
fn raw(home: &Path) {
    let connection = rusqlite::Connection::open(home.join("raw.db")).expect("a file");
    connection
        .execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full; create table notes (id integer, body text)",
        )
        .expect("a table");
    let (started, cpu, mut done) = (Instant::now(), cpu_ticks(), 0_u32);
    while started.elapsed() < SPAN {
        let mut add = connection.prepare_cached("insert into notes (id, body) values (?1, ?2)").expect("a statement");
        add.execute((done, BODY)).expect("a row");
        done += 1;
    }
    report("insert, the driver alone", 1, (done, started.elapsed().as_secs_f64(), cpu_ticks() - cpu), "1.0");
}

fn report(name: &str, tasks: usize, (done, seconds, ticks): (u32, f64, u32), per_fsync: &str) {
    let rate = f64::from(done) / seconds;
    let each = f64::from(ticks) * 10_000.0 / f64::from(done);
    println!("{name:<28}{tasks:>8}{rate:>12.0}{each:>14.1}{per_fsync:>12}");
}

/// CPU time of this process in hundredths of a second: fields 14 and 15 of its `stat`, see proc(5).
fn cpu_ticks() -> u32 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum()
}

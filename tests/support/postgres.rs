//! PostgreSQL for tests: a real server from the machine's own binaries, and an empty database for each test.
//!
//! `TEST_POSTGRES_URL` names a server to use instead (its user must be allowed to create databases). Otherwise all
//! test processes of a user share one server that lives in memory and goes away some seconds after the last of them,
//! however it ended. A test that stops or freezes its server takes one of its own, from `postgres_server.rs`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its server has failed")]

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Seconds that a shared server waits for the next test process, as runners start one process for each test.
const GRACE: u32 = 10;
/// How long a server may take to come up on a busy machine.
const START: Duration = Duration::from_secs(90);
/// Bears the version of what it finds: change it with the settings of the server.
const SHARED: &str = "countersign-postgres-1";

/// An empty database of its own for one test, dropped with this value.
pub(crate) struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// Creates a database on the shared server.
    pub(crate) fn new() -> Self {
        Self::on(shared())
    }

    /// Creates a database on the server at `url`, an address without a database name: `postgres://user@host:port`.
    pub(crate) fn on(url: &str) -> Self {
        let name = format!("test_{}", unique());
        administer(url, format!("create database {name}")).expect("a new database");
        Self { server: url.to_owned(), name }
    }

    /// The address of this database.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A test may have stopped its server; then there is nothing left to drop.
        let _gone = administer(&self.server, format!("drop database if exists {} with (force)", self.name));
    }
}

/// The address of the server that all tests share, without a database name.
fn shared() -> &'static str {
    static URL: OnceLock<(String, Option<File>)> = OnceLock::new();
    let (url, _held_until_the_process_ends) = URL.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
        let given = std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        if let Some(url) = given {
            return (url.trim_end_matches('/').to_owned(), None);
        }
        let (lock, port) = join();
        (address(port), Some(lock))
    });
    url
}

/// Joins the shared server, or starts it.
fn join() -> (File, u16) {
    let user = if is_root() { "root" } else { "user" };
    let directory = memory().join(format!("{SHARED}-{user}"));
    let gate = File::create(directory.with_added_extension("gate")).expect("a gate");
    gate.lock().expect("the gate");

    if let Ok(port) = fs::read_to_string(directory.join("port")) {
        let port = port.trim().parse().expect("a port number");
        let lock = File::open(directory.join("lock")).expect("the lock");
        lock.lock_shared().expect("a share of the lock");
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return (lock, port);
        }
    }
    if directory.exists() {
        fs::remove_dir_all(&directory).expect("remains of a server that died are removed");
    }
    let (lock, port, _watchdog) = launch(&directory, GRACE);
    (lock, port)
}

/// Starts a server in `directory` with the watchdog that ends it. The caller holds the lock that keeps it alive.
pub(crate) fn launch(directory: &Path, grace: u32) -> (File, u16, Child) {
    fs::create_dir(directory).expect("a directory for the server");
    let lock = File::create(directory.join("lock")).expect("a lock");
    lock.lock_shared().expect("a share of the lock");
    let port = free_port();
    let mut watchdog = Command::new("setsid")
        .args(["sh", "-c", include_str!("postgres.sh"), "postgres.sh"])
        .arg(directory)
        .arg(binaries())
        .args([port.to_string(), grace.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the watchdog");

    let until = Instant::now() + START;
    while !directory.join("port").exists() {
        let failed = watchdog.try_wait().expect("the watchdog").is_some() || Instant::now() > until;
        assert!(!failed, "PostgreSQL did not start, see the logs in {}", directory.display());
        thread::park_timeout(Duration::from_millis(20));
    }
    (lock, port, watchdog)
}

/// Runs one statement on a connection of its own, from any context: the caller may or may not be inside a runtime.
pub(crate) fn administer(server: &str, sql: String) -> Result<(), tokio_postgres::Error> {
    let url = format!("{server}/postgres?connect_timeout=5");
    let work = async move {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        let outcome = client.batch_execute(&sql).await;
        connection.abort();
        outcome
    };
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work);
    thread::scope(|scope| scope.spawn(run).join().expect("no panic"))
}

pub(crate) fn address(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}")
}

/// The newest server binaries of the machine: Debian keeps them out of the path.
pub(crate) fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    newest.max().map_or_else(|| panic!("no PostgreSQL in /usr/lib/postgresql"), |(_, path)| path.join("bin"))
}

/// A directory in memory where there is one.
pub(crate) fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A name that no other process has used: process ids come round again.
pub(crate) fn unique() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);

    #[expect(clippy::disallowed_methods, reason = "for a name, not for a rule")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    format!("{}_{}_{}", std::process::id(), now.as_nanos(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

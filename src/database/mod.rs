//! The two database engines under one roof: an embedded SQLite file, or a PostgreSQL server.
//!
//! Callers write one SQL text ([`Statement::of_two_tables`] takes two) and never ask which engine runs it; only this
//! folder knows. It knows nothing of users or sessions, and it never tries again what may already have happened.
//!
//! Reads take `&Database`, writes take `&mut Transaction` or `&mut Once`: a write through `&Database` does not
//! type-check.
//!
//! ```
//! # use countersign::database::*;
//! static FIND: Statement = Statement::new("select version from schema_migrations where name = $1");
//! static RENAME: Statement = Statement::new("update schema_migrations set name = $2 where version = $1");
//!
//! # async fn example() -> Result<(), DatabaseError> {
//! let database = Database::connect(&DatabaseSettings::new("sqlite::memory:")).await?;
//! # database.migrate().await.map_err(|error| DatabaseError::Other(error.to_string()))?;
//! let version: Option<i64> = database.optional(&FIND, &["0001_users".into()]).await?;
//!
//! let mut transaction = database.begin().await?; // dropped = rolled back
//! transaction.execute(&RENAME, &[1.into(), "first".into()]).await?;
//! transaction.commit().await?;
//!
//! database.once().execute(&RENAME, &[1.into(), "0001_users".into()]).await?; // commits itself
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

mod backups;
mod clock;
mod document;
mod durability;
mod error;
mod migrate;
mod postgres;
mod queries;
mod relocation;
mod row;
mod settings;
mod sqlite;
mod statement;
mod trace;
mod transaction;
mod value;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::circuit_breaker::{self, Breaker, Tally};
use crate::metrics::{Counters, DatabaseOutcome};

use self::postgres::Postgres;
use self::queries::{Query, Visit};
use self::sqlite::Sqlite;
use self::trace::Step;

pub use self::backups::{BackupError, Copied, Restored, back_up, restore};
pub use self::document::schema as schema_document;
pub use self::error::{DatabaseError, Fault};
pub use self::migrate::{Applied, MigrateError, Migration};
pub use self::postgres::PostgresAddress;
pub use self::queries::{Reads, Writes};
pub use self::relocation::{MovedTable, RelocationError, relocate};
pub use self::row::{Column, FromRow, Row};
pub use self::settings::{DatabaseSettings, DatabaseUrl, Paging};
pub use self::statement::Statement;
pub use self::transaction::{Once, Transaction};
pub use self::value::Value;

/// A handle to the database. Cheap to clone; the last one to go closes it.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    breaker: Arc<Breaker>,
    calls: Counters<DatabaseOutcome>,
    /// Finds out when a database that had gone is back.
    monitor: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.monitor.abort();
    }
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Which engine runs the statements. For logs and documents; no rule may depend on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    /// A file beside the service.
    Sqlite,
    /// A server.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// A glance at the engine, for metrics. Counters run from the start of the process.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Which engine it is.
    pub engine: Engine,
    /// Open connections.
    pub connections: usize,
    /// Those of them that wait for work.
    pub idle: usize,
    /// Tasks that wait for a connection, or for their turn to write.
    pub waiting: usize,
    /// Transactions and single statements that were committed.
    pub commits: u64,
    /// Groups that SQLite committed or rolled back as one: `commits` over `groups` is what an fsync carried.
    pub groups: u64,
    /// Transactions that were rolled back because they lasted too long.
    pub revoked: u64,
}

impl Database {
    /// Connects, and waits for the database as long as the settings allow. Does not touch the schema.
    ///
    /// # Errors
    /// [`DatabaseError::Other`] when waiting would not help (an address that makes no sense, refused credentials);
    /// otherwise the last thing that kept it.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let url = settings.url.expose();
        let backend = if url.starts_with("sqlite:") {
            Backend::Sqlite(Sqlite::connect(settings).await?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Backend::Postgres(Box::pin(Postgres::connect(settings)).await?)
        } else {
            let expected = "the database address must begin with sqlite:// or postgres://";
            return Err(DatabaseError::Other(expected.to_owned()));
        };
        let started = Instant::now();
        let breaker = Arc::new(Breaker::new("database", settings.breaker, move || started.elapsed()));
        let deadline = settings.statement_timeout;
        let inner = Arc::new_cyclic(|inner: &Weak<Inner>| {
            let monitor = tokio::spawn(watch(Arc::clone(&breaker), inner.clone(), deadline)).abort_handle();
            Inner { backend, breaker, calls: Counters::default(), monitor }
        });
        Ok(Self { inner })
    }

    /// How the breaker before the database stands.
    #[must_use]
    pub fn breaker(&self) -> circuit_breaker::Snapshot {
        self.inner.breaker.snapshot()
    }

    /// All calls that went through the breaker, or did not.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        self.inner.breaker.tally()
    }

    /// All calls, by what the caller was told.
    #[must_use]
    pub fn calls(&self) -> &Counters<DatabaseOutcome> {
        &self.inner.calls
    }

    /// Opens a transaction. Dropped, it is rolled back.
    ///
    /// # Errors
    /// [`DatabaseError::Timeout`] when no turn or connection came free in time.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        self.call(Step::Begin, Transaction::begin(self)).await
    }

    /// One statement that commits itself: `database.once().execute(…)`.
    #[must_use]
    pub fn once(&self) -> Once {
        Once::new(self)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.call(Step::Ping, self.inner.backend.ping()).await
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &self.inner.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// Counters and gauges, cheap enough to read at every scrape.
    #[must_use]
    pub fn stats(&self) -> Stats {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.stats(),
            Backend::Postgres(postgres) => postgres.stats(),
        }
    }

    async fn run_read(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        if !query.statement.reads_only() {
            return Err(DatabaseError::Other("a statement that writes needs a transaction".to_owned()));
        }
        self.call(Step::Run(query.statement), self.inner.backend.read(query, visit)).await
    }

    /// Every call to an engine passes here, and so through the breaker.
    async fn call<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, DatabaseError>> + Send,
    ) -> Result<T, DatabaseError> {
        let span = trace::begin(step, self.engine());
        let outcome = self.inner.breaker.call(work).await.map_err(DatabaseError::from);
        let kind = outcome.as_ref().map_or_else(DatabaseError::kind, |_| DatabaseOutcome::Done);
        self.inner.calls.count(kind);
        trace::end(span, kind);
        outcome
    }
}

impl Backend {
    async fn read(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(query, visit).await,
            // Boxed: the future of the driver is large, and every caller would carry its size on SQLite too.
            Self::Postgres(postgres) => Box::pin(postgres.read(query, visit)).await,
        }
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        static PING: Statement = Statement::new("select 1");

        self.read(Query { statement: &PING, arguments: &[] }, &mut |_| Ok(())).await.map(|_| ())
    }
}

/// Asks a database whose breaker is open for a sign of life until there is one.
async fn watch(breaker: Arc<Breaker>, inner: Weak<Inner>, deadline: Duration) {
    let ping = || async {
        match inner.upgrade() {
            Some(inner) => inner.backend.ping().await,
            // Nobody is left to ask for: this task is about to be ended.
            None => Ok(()),
        }
    };
    breaker.monitor(deadline, ping).await;
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Database").field(&self.engine()).finish()
    }
}

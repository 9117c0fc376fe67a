//! PostgreSQL: a pool of connections, each used by one task at a time.
//!
//! Statements are prepared once for each connection. Every wait has a deadline here, and the server is told the same
//! ones; a connection that missed a deadline is closed, never cancelled: a cancel that arrives during a commit makes
//! a commit that waits for its standby answer success.

mod address;
mod again;
mod alone;
mod connect;
mod error;
mod schema;
mod statement;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Pool, PoolError, TimeoutType};
use tokio::time::{sleep, timeout};
use tracing::warn;

pub use self::address::PostgresAddress;
pub(super) use self::alone::Alone;
pub(super) use self::error::translate;
pub(super) use self::transaction::PostgresTransaction;

use self::again::Again;
use self::error::{after_commit, unanswered};
use super::error::{DatabaseError, Fault};
use super::settings::DatabaseSettings;
use super::{Engine, Query, Stats, Visit};

/// How long to leave an unreachable server alone at start.
const PAUSE: Duration = Duration::from_millis(200);

/// The engine.
pub(super) struct Postgres {
    shared: Arc<Shared>,
}

/// What transactions share with the engine.
struct Shared {
    pool: Pool,
    wait_timeout: Duration,
    statement_timeout: Duration,
    lease: Duration,
    commits: AtomicU64,
    revoked: AtomicU64,
}

impl Postgres {
    /// Connects once, so that a wrong address or password shows at start.
    pub(super) async fn connect(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let shared = Shared {
            pool: connect::pool(settings)?,
            wait_timeout: settings.wait_timeout,
            statement_timeout: settings.statement_timeout,
            lease: settings.lease,
            commits: AtomicU64::new(0),
            revoked: AtomicU64::new(0),
        };
        let postgres = Self { shared: Arc::new(shared) };
        let until = Instant::now() + settings.connect_timeout;
        let mut told = false;
        loop {
            match postgres.shared.client().await {
                // Whoever is not let in now will not be in a moment: that is told at once.
                Err(error @ DatabaseError::Unavailable { fault: Fault::Login, .. }) => return Err(error),
                Err(error) if error.is_outage() && Instant::now() + PAUSE < until => {
                    if !told {
                        warn!(%error, patience_seconds = settings.connect_timeout.as_secs(), "waiting for the database");
                        told = true;
                    }
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(_) => return Ok(postgres),
            }
        }
    }

    /// Runs a statement that only reads. Again on another connection, if the first one turns out to be broken: the pool
    /// does not ask a connection whether it lives before it hands it out.
    pub(super) async fn read(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let mut again = Again::within(self.shared.statement_timeout);
        loop {
            let mut visited = false;
            let mut watched = |row: &super::Row<'_>| {
                visited = true;
                visit(row)
            };
            match self.read_on(self.shared.client().await?, query, &mut watched).await {
                Err(error) if !visited && again.after(&error).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn read_on(&self, client: Object, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let work = async {
            let prepared = statement::prepare(&client, query).await?;
            statement::run(&client, &prepared, query, visit).await
        };
        let outcome = self.shared.in_time(work).await;
        self.shared.give_back(client, &outcome);
        outcome
    }

    /// Takes a connection; `begin` is sent with the first statement.
    pub(super) async fn begin(&self) -> Result<PostgresTransaction, DatabaseError> {
        Ok(PostgresTransaction::new(Arc::clone(&self.shared), self.shared.client().await?))
    }

    /// Runs one statement that commits itself. Again, if it was not sent, or if the server said that it took nothing.
    pub(super) async fn once(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let mut again = Again::within(self.shared.statement_timeout);
        loop {
            let mut visited = false;
            let mut watched = |row: &super::Row<'_>| {
                visited = true;
                visit(row)
            };
            match self.once_on(self.shared.client().await?, query, &mut watched).await {
                Err(error) if !visited && again.after(&error).await => {}
                outcome => return outcome.inspect(|_| self.shared.count_commit()),
            }
        }
    }

    async fn once_on(&self, client: Object, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let prepared = self.shared.in_time(statement::prepare(&client, query)).await;
        let outcome = match prepared {
            Ok(prepared) => {
                let sent = statement::send(&client, &prepared, query, visit);
                match timeout(self.shared.statement_timeout, sent).await {
                    Ok(Err(statement::Failure::Driver(error))) => Err(after_commit(&error)),
                    Ok(outcome) => outcome.map_err(DatabaseError::from),
                    Err(_) => Err(unanswered()),
                }
            }
            Err(error) => Err(error),
        };
        self.shared.give_back(client, &outcome);
        outcome
    }

    pub(super) fn stats(&self) -> Stats {
        let status = self.shared.pool.status();
        Stats {
            engine: Engine::Postgres,
            connections: status.size,
            idle: status.available,
            waiting: status.waiting,
            commits: self.shared.commits.load(Ordering::Relaxed),
            groups: 0,
            revoked: self.shared.revoked.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    /// A connection of the pool. Waiting for one and making one share a deadline, however often it is tried: the pool
    /// itself would allow each of them the whole of it.
    async fn client(&self) -> Result<Object, DatabaseError> {
        let mut again = Again::within(self.wait_timeout);
        let tries = async {
            loop {
                match self.pool.get().await.map_err(unpooled) {
                    Err(error) if again.after(&error).await => {}
                    outcome => return outcome,
                }
            }
        };
        timeout(self.wait_timeout, tries).await.unwrap_or(Err(DatabaseError::Timeout("connection of the pool")))
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
        timeout(self.statement_timeout, work).await.unwrap_or(Err(DatabaseError::Timeout("statement")))
    }

    /// Returns a connection to the pool, unless it has met a fault: then it is closed.
    fn give_back<T>(&self, client: Object, outcome: &Result<T, DatabaseError>) {
        match outcome {
            Err(DatabaseError::Unavailable { fault: Fault::ReadOnly, .. }) => {
                // The primary has moved: all connections lead to the wrong server.
                self.pool.retain(|_, _| false);
                drop(Object::take(client));
            }
            Err(error) if error.is_outage() => drop(Object::take(client)),
            Ok(_) | Err(_) => {}
        }
    }

    fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why the pool gave no connection.
fn unpooled(error: PoolError) -> DatabaseError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => DatabaseError::Timeout("connection of the pool"),
        PoolError::Backend(error) => translate(&error),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            DatabaseError::unavailable(Fault::Connection, "the server did not answer in time")
        }
        other @ (PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
            DatabaseError::Other(other.to_string())
        }
    }
}

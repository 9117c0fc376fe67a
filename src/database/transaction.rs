//! What writes go through.

use super::error::DatabaseError;
use super::postgres::PostgresTransaction;
use super::queries::{Query, Reads, Visit, Writes};
use super::sqlite::Turn;
use super::trace::Step;
use super::{Backend, Database};

/// An open transaction. Dropped, it is rolled back, without waiting.
///
/// Nothing slow belongs between `begin` and `commit`: on SQLite all other writers wait.
pub struct Transaction {
    // Before the handle: the engine must outlive what uses it.
    open: Open,
    database: Database,
    state: State,
    after_commit: Vec<Box<dyn FnOnce() + Send + Sync>>,
}

enum Open {
    Sqlite(Turn),
    Postgres(Box<PostgresTransaction>),
}

/// PostgreSQL answers a commit after an error with success and means a rollback; SQLite would commit the rest. So the
/// state is kept here: a statement that failed, or was abandoned while it ran, ends the transaction on both.
#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Untouched,
    Good,
    Failed,
}

impl Transaction {
    pub(super) async fn begin(database: &Database) -> Result<Self, DatabaseError> {
        let open = match &database.inner.backend {
            Backend::Sqlite(sqlite) => Open::Sqlite(sqlite.begin().await?),
            Backend::Postgres(postgres) => Open::Postgres(Box::new(Box::pin(postgres.begin()).await?)),
        };
        Ok(Self { open, database: database.clone(), state: State::Untouched, after_commit: Vec::new() })
    }

    /// Has this done once the work may be durable: after a commit, also one whose outcome is unknown. Never after a
    /// rollback. It must be quick and must not fail: to wake whoever waits for the work.
    pub fn after_commit(&mut self, then: impl FnOnce() + Send + Sync + 'static) {
        self.after_commit.push(Box::new(then));
    }

    /// Makes the work durable. Success is only answered when it is.
    ///
    /// # Errors
    /// [`DatabaseError::CommitUnknown`] when no answer came: the work may or may not be there.
    /// [`DatabaseError::Failed`] when a statement had failed; every other error means that nothing has changed.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        let Self { open, database, state, after_commit } = self;
        let outcome = match state {
            State::Untouched => Ok(()),
            State::Failed => Err(DatabaseError::Failed),
            State::Good => {
                database
                    .call(Step::Commit, async {
                        match open {
                            Open::Sqlite(turn) => turn.commit().await,
                            Open::Postgres(transaction) => Box::pin(transaction.commit()).await,
                        }
                    })
                    .await
            }
        };
        if matches!(outcome, Ok(()) | Err(DatabaseError::CommitUnknown(_))) {
            for then in after_commit {
                then();
            }
        }
        outcome
    }
}

impl Reads for &mut Transaction {
    async fn run(self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        if self.state == State::Failed {
            return Err(DatabaseError::Failed);
        }
        // Failed until proved good: this future may be dropped while the statement runs.
        self.state = State::Failed;
        let Transaction { open, database, state, .. } = self;
        let outcome = database
            .call(Step::Run(query.statement), async {
                match open {
                    Open::Sqlite(turn) => turn.run(query, visit).await,
                    Open::Postgres(transaction) => Box::pin(transaction.run(query, visit)).await,
                }
            })
            .await;
        if outcome.is_ok() {
            *state = State::Good;
        }
        outcome
    }
}

impl Writes for &mut Transaction {}

/// One statement that is a transaction of its own: success is answered when it is durable.
///
/// If its row cannot be read as the type that was asked for, the statement has been committed all the same.
pub struct Once {
    database: Database,
}

impl Once {
    pub(super) fn new(database: &Database) -> Self {
        Self { database: database.clone() }
    }
}

impl Reads for &mut Once {
    async fn run(self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        self.database
            .call(Step::Run(query.statement), async {
                match &self.database.inner.backend {
                    Backend::Sqlite(sqlite) => sqlite.once(query, visit).await,
                    Backend::Postgres(postgres) => Box::pin(postgres.once(query, visit)).await,
                }
            })
            .await
    }
}

impl Writes for &mut Once {}

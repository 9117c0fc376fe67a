//! Whether the database keeps what it has acknowledged.

use super::error::DatabaseError;
use super::queries::Reads;
use super::statement::Statement;
use super::{Database, Engine};

impl Database {
    /// The settings of the server that are off and without which an acknowledged write can be lost when it dies, by
    /// name. None on SQLite, whose settings are our own.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn careless_settings(&self) -> Result<Vec<String>, DatabaseError> {
        match self.engine() {
            Engine::Sqlite => Ok(Vec::new()),
            Engine::Postgres => self.all(&CARELESS, &[]).await,
        }
    }
}

/// What our own connections have, whoever set it: the file, the database, the role or the URL.
static CARELESS: Statement = Statement::new(
    "select name from pg_settings where name in ('fsync', 'synchronous_commit') and setting = 'off' order by name",
);

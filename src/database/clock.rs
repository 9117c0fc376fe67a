//! The clock of the database: the one that all nodes share.

use super::error::DatabaseError;
use super::queries::Reads;
use super::statement::Statement;
use super::{Database, Engine};

impl Database {
    /// What time it is there, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn unix_millis(&self) -> Result<i64, DatabaseError> {
        let question = match self.engine() {
            Engine::Sqlite => &NOW_ON_SQLITE,
            Engine::Postgres => &NOW_ON_POSTGRES,
        };
        self.one(question, &[]).await
    }
}

static NOW_ON_SQLITE: Statement = Statement::new("select cast(unixepoch('subsec') * 1000 as integer)");
static NOW_ON_POSTGRES: Statement = Statement::new("select (extract(epoch from clock_timestamp()) * 1000)::bigint");

//! Relocation: everything in an SQLite file, copied into an empty PostgreSQL database.
//!
//! It asks both schemas what there is to copy and knows no table by name, so that a migration needs no change here. All
//! is copied, read back, compared and committed in one transaction: there is never half a move.

mod datum;
mod source;
mod target;

use std::path::Path;
use std::sync::Arc;

use super::error::DatabaseError;
use super::migrate::MigrateError;
use super::settings::DatabaseSettings;
use super::sqlite;

use self::datum::Tally;

/// A table that was moved, and what was compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovedTable {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// A digest of all its rows, in hex, that does not depend on their order.
    pub digest: String,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum RelocationError {
    /// A server, or another program, has the file open.
    #[error("the SQLite database is in use: stop the server first, and whatever else has it open")]
    InUse,
    /// Somebody lives there.
    #[error("the PostgreSQL database is not empty: there are rows in {0}; give it one of its own")]
    NotEmpty(String),
    /// The two schemas differ where they must not.
    #[error("the two databases do not have the same {0}")]
    Different(String),
    /// What was read back is not what was written.
    #[error("{0} is not the same after it was copied; nothing has been moved")]
    Altered(String),
    /// One of the schemas cannot be brought up to date.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// One of the databases failed. Nothing was moved, unless the outcome of the commit is unknown.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Copies the SQLite database at `source` to the PostgreSQL database of `target`, and reads it back. Both are brought
/// to the schema of this program first. The file stays as it is, and nobody else can open it meanwhile. `progress` is
/// told of each table that is begun, and of rows as they go.
///
/// # Errors
/// See [`RelocationError`].
pub async fn relocate(
    source: &Path,
    target: &DatabaseSettings,
    progress: &mut (dyn FnMut(&str, u64) + Send),
) -> Result<Vec<MovedTable>, RelocationError> {
    let file = source.to_owned();
    let opened = tokio::task::spawn_blocking(move || source::Source::open(&file)).await;
    let source = Arc::new(opened.map_err(|error| DatabaseError::Other(error.to_string()))??);
    let mut target = target::Target::open(target).await?;
    target.refuse_inhabited(source.tables()).await?;

    let mut moved = Vec::new();
    for table in source.tables() {
        progress(&table.name, 0);
        let columns = target.columns(table).await?;
        let sent = target.fill(&source, table, &columns, progress).await?;
        let found = target.tally(table, &columns).await?;
        if sent != found {
            return Err(RelocationError::Altered(table.name.clone()));
        }
        target.continue_ids(table, &columns).await?;
        moved.push(MovedTable { name: table.name.clone(), rows: sent.rows(), digest: sent.digest() });
    }
    target.commit().await?;
    Ok(moved)
}

/// Whether an error of the file means that somebody has it open.
fn in_use(error: DatabaseError) -> RelocationError {
    if sqlite::is_in_use(&error) { RelocationError::InUse } else { error.into() }
}

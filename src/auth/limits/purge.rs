//! Purge: forget quotas that are full again; their rows say nothing.

use crate::{app::App, database::DatabaseError, models::quota::FullAt};

/// How many rows are deleted in one statement: a few milliseconds of the one writer of SQLite.
const STRETCH: u64 = 500;

/// Deletes the rows of quotas that are full again, a stretch at a time; says how many.
///
/// # Errors
/// Those of the database.
pub async fn purge(app: &App) -> Result<u64, DatabaseError> {
    let now = app.clock.now();
    let mut deleted = 0;
    loop {
        let stretch = FullAt::purge(&mut app.database.once(), now, STRETCH.cast_signed()).await?;
        deleted += stretch;
        if stretch < STRETCH {
            return Ok(deleted);
        }
    }
}

//! Purge: forget codes whose time is over. They are worth nothing already; this only makes room.

use crate::{app::App, database::DatabaseError, models::one_time_code::OneTimeCode};

/// How many rows are deleted in one statement: a few milliseconds of the one writer of SQLite.
const STRETCH: u16 = 500;

/// Deletes the codes whose time is over, a stretch at a time; says how many.
///
/// # Errors
/// Those of the database.
pub async fn purge(app: &App) -> Result<u64, DatabaseError> {
    let now = app.clock.now();
    let mut deleted = 0;
    loop {
        let stretch = OneTimeCode::purge(&mut app.database.once(), now, STRETCH.into()).await?;
        deleted += stretch;
        if stretch < STRETCH.into() {
            return Ok(deleted);
        }
    }
}

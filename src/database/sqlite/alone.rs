//! A database file that nobody else has open, for what must not happen under a running server.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::error::{DatabaseError, Fault};
use super::error::translate;

/// Opens a file that is there.
pub(super) fn open(path: &Path, flags: OpenFlags) -> Result<Connection, DatabaseError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let connection = connection.map_err(|error| translate(&error))?;
    connection.busy_timeout(Duration::ZERO).map_err(|error| translate(&error))?;
    Ok(connection)
}

/// A connection that keeps all others out, also those that would only read, until it is dropped.
///
/// Every connection to a file with a write-ahead log holds a shared lock on it while it is open, be it idle or not;
/// so a server that runs, or any other program that has the file open, is noticed here.
///
/// # Errors
/// [`Fault::Locked`] if somebody has it open.
pub(in super::super) fn alone(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let locked = connection.execute_batch("pragma locking_mode = exclusive; begin exclusive; commit;");
    locked.map_err(|error| translate(&error))?;
    Ok(connection)
}

/// Whether an error says that somebody else has the file open.
pub(in super::super) fn is_in_use(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Unavailable { fault: Fault::Locked, .. })
}

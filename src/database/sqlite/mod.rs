//! SQLite: many readers and one writer in this process, all on one file.
//!
//! Statements run in place, on the thread of the task that asks: a lookup takes microseconds, handing it to another
//! thread several times that. Only the waiting for the disk is done elsewhere ([`committer`]).

mod alone;
mod backup;
mod committer;
mod connection;
mod error;
mod group;
mod location;
mod queue;
mod readers;
mod restore;
mod schema;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

pub(super) use self::alone::{alone, is_in_use};
pub(super) use self::backup::back_up;
use self::committer::Committer;
pub(super) use self::error::translate;
use self::location::Location;
use self::readers::{PAUSE, Readers};
pub(super) use self::restore::restore;
pub(super) use self::writer::Turn;
use self::writer::Writer;
use super::error::{DatabaseError, Fault};
use super::migrate::{Applied, MigrateError};
use super::settings::DatabaseSettings;
use super::{Query, Stats, Visit};

/// The engine. Dropped with its last handle; the file is then closed and its log folded in.
pub(super) struct Sqlite {
    readers: Readers,
    // Before the location: a private database is removed when nobody holds its file any more.
    _committer: Committer,
    writer: Arc<Writer>,
    location: Arc<Location>,
    connect_timeout: Duration,
}

impl Sqlite {
    /// Opens the file, and makes it if there is none. Waits while another process holds it.
    pub(super) async fn connect(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let location = Arc::new(Location::parse(settings.url.expose(), settings.paging)?);
        let until = Instant::now() + settings.connect_timeout;
        loop {
            let (location, settings) = (Arc::clone(&location), settings.clone());
            match blocking(move || Self::open(location, &settings)).await {
                Err(DatabaseError::Unavailable { fault: Fault::Locked, .. }) if Instant::now() < until => {
                    sleep(PAUSE).await;
                }
                opened => return opened,
            }
        }
    }

    fn open(location: Arc<Location>, settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let writer = Arc::new(Writer::new(Arc::clone(&location), settings)?);
        let readers = Readers::new(Arc::clone(&location), settings.statement_timeout)?;
        let committer = Committer::start(&writer)?;
        Ok(Self { readers, _committer: committer, writer, location, connect_timeout: settings.connect_timeout })
    }

    /// Runs a statement that only reads, on a snapshot of its own.
    pub(super) async fn read(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        self.readers.run(query, visit).await
    }

    /// Waits for one's turn to write.
    pub(super) async fn begin(&self) -> Result<Turn, DatabaseError> {
        self.writer.turn().await
    }

    /// Runs one statement in a transaction of its own.
    pub(super) async fn once(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        self.writer.turn().await?.once(query, visit).await
    }

    /// Brings the schema up to date. Waits while another process holds the file, as long as at the start.
    pub(super) async fn migrate(&self) -> Result<Vec<Applied>, MigrateError> {
        let until = Instant::now() + self.connect_timeout;
        loop {
            let location = Arc::clone(&self.location);
            let work = tokio::task::spawn_blocking(move || schema::migrate(&location));
            match work.await.map_err(|error| DatabaseError::Other(error.to_string()))? {
                Err(MigrateError::Database(DatabaseError::Unavailable { fault: Fault::Locked, .. }))
                    if Instant::now() < until =>
                {
                    sleep(PAUSE).await;
                }
                migrated => return migrated,
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.writer.stats(self.readers.idle())
    }
}

/// Brings the schema of a file that is there up to date. Blocks its thread.
pub(super) fn migrate_file(file: &Path) -> Result<(), MigrateError> {
    schema::migrate(&Location::of_file(file)).map(drop)
}

/// Runs what may wait for the disk where it keeps nobody else waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| DatabaseError::Other(error.to_string()))?
}

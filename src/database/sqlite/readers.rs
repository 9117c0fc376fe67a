//! Read connections, used in place.
//!
//! A read runs to its end without giving up its thread, so there are never more connections at work than threads and
//! nobody waits for one. Scans that take longer than a statement may are cut short: they belong on a thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::time::sleep;

use super::super::error::{DatabaseError, Fault};
use super::super::{Query, Visit};
use super::connection;
use super::error::translate;
use super::location::Location;

/// Steps of SQLite's machine between two looks at the clock: about a millisecond.
const STEPS: i32 = 20_000;
/// How long to leave a locked file alone before the next try.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Readers {
    location: Arc<Location>,
    idle: Mutex<Vec<Reader>>,
    /// More than this many are closed instead of kept.
    kept: usize,
    timeout: Duration,
}

struct Reader {
    connection: Connection,
    /// Milliseconds after `epoch` at which the statement at hand is cut short.
    deadline: Arc<AtomicU64>,
    epoch: Instant,
}

impl Readers {
    pub(super) fn new(location: Arc<Location>, timeout: Duration) -> Result<Self, DatabaseError> {
        let kept = available_parallelism().map_or(4, |threads| threads.get() * 2);
        let readers = Self { location, idle: Mutex::default(), kept, timeout };
        let first = readers.open()?;
        readers.give_back(first);
        Ok(readers)
    }

    /// Reads; waits while another process keeps the file locked, as it does while it recovers it.
    pub(super) async fn run(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let until = Instant::now() + self.timeout;
        loop {
            let mut visited = false;
            let outcome = self.attempt(query, &mut |row| {
                visited = true;
                visit(row)
            });
            match outcome {
                Err(DatabaseError::Unavailable { fault: Fault::Locked, .. }) if !visited && Instant::now() < until => {
                    sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// How many connections wait for work.
    pub(super) fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn attempt(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = taken.map_or_else(|| self.open(), Ok)?;
        let deadline = reader.epoch.elapsed() + self.timeout;
        reader.deadline.store(milliseconds(deadline), Ordering::Relaxed);
        let outcome = connection::run(&reader.connection, query, visit);
        // After a fault the file may be another one than the connection has open.
        if !outcome.as_ref().is_err_and(DatabaseError::is_outage) {
            self.give_back(reader);
        }
        outcome
    }

    fn open(&self) -> Result<Reader, DatabaseError> {
        let mut connection = self.location.reader()?;
        let epoch = Instant::now();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let limit = Arc::clone(&deadline);
        let overdue = move || milliseconds(epoch.elapsed()) > limit.load(Ordering::Relaxed);
        connection.progress_handler(STEPS, Some(overdue)).map_err(|error| translate(&error))?;
        Ok(Reader { connection, deadline, epoch })
    }

    fn give_back(&self, reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.kept {
            idle.push(reader);
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

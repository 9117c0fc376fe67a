//! Threads that check foreign hashes, beside those that hash bcrypt and as nice as they are.
//!
//! They are threads of their own because such a check cannot be cut into slices: in a lane's thread it would keep
//! four logins waiting. The system shares the cores out among all of them, and either side measures its pace by the
//! clock, so neither promises what the other has taken.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::super::hash_queue::Overloaded;
use super::super::nice::be_nice;
use super::Foreign;
use super::line::{Line, Request, Running};
use crate::domain::Password;

/// The threads and their line. Dropping it lets the threads end after the check at hand.
pub(in super::super) struct ForeignPool(Arc<Shared>);

struct Shared {
    longest_wait: Duration,
    desk: Mutex<Desk>,
    /// Somebody has come, or memory has become free.
    changed: Condvar,
}

struct Desk {
    line: Line,
    is_closed: bool,
}

impl ForeignPool {
    /// Starts the threads, which sleep until somebody needs them.
    ///
    /// # Errors
    /// The operating system's, if it gives no thread.
    pub(in super::super) fn start(threads: u32, longest_wait: Duration) -> io::Result<Self> {
        let desk = Mutex::new(Desk { line: Line::new(threads, longest_wait), is_closed: false });
        let pool = Self(Arc::new(Shared { longest_wait, desk, changed: Condvar::new() }));
        for number in 0..threads {
            let shared = Arc::clone(&pool.0);
            thread::Builder::new().name(format!("foreign-hash-{number}")).spawn(move || work(&shared))?;
        }
        Ok(pool)
    }

    /// Waits in the line and for the answer. Dropping the future gives the place in the line away; a check that has
    /// begun goes on to its end.
    ///
    /// # Errors
    /// [`Overloaded`], at once, if it could not be checked within the longest wait.
    pub(in super::super) async fn check(&self, foreign: &Foreign, password: &Password) -> Result<bool, Overloaded> {
        let (reply, answer) = oneshot::channel();
        let password = Zeroizing::new(password.expose().as_bytes().to_vec());
        let ticket = self.0.desk().line.admit(Request { foreign: foreign.clone(), password, reply })?;
        self.0.changed.notify_one();
        let _place = Place { shared: &self.0, ticket };
        // The line estimates; this holds it to its word.
        let answer = tokio::time::timeout(self.0.longest_wait, answer).await;
        answer.ok().and_then(Result::ok).ok_or(Overloaded { retry_after: Overloaded::SHORTEST_RETRY })
    }
}

impl Drop for ForeignPool {
    fn drop(&mut self) {
        self.0.desk().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Every step under the lock leaves the line whole.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line, given away when its future is dropped.
struct Place<'a> {
    shared: &'a Shared,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.desk().line.leave(self.ticket);
    }
}

/// The life of a thread.
fn work(shared: &Shared) {
    be_nice();
    while let Some(Running { request, share }) = next(shared) {
        let Request { foreign, password, reply } = request;
        let began = Instant::now();
        let checked = (!reply.is_closed()).then(|| foreign.check(&password));
        shared.desk().line.done(share, checked.map(|_| began.elapsed()));
        shared.changed.notify_all();
        if let Some(is_right) = checked {
            // Whoever asked may have gone meanwhile: then nobody is to be told.
            let _ = reply.send(is_right);
        }
    }
}

/// Waits for the next check; ends once the pool is dropped.
fn next(shared: &Shared) -> Option<Running> {
    let mut desk = shared.desk();
    loop {
        if desk.is_closed {
            return None;
        }
        if let Some(running) = desk.line.next() {
            return Some(running);
        }
        desk = shared.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
}

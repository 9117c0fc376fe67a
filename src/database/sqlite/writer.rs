//! The one writer of the file: transactions are savepoints of a group, and the group is committed as one.
//!
//! A statement runs on the thread of its task, during its turn. Handing in ends the turn without waiting for the
//! disk; the answer comes when the group is committed. Never `interrupt` this connection: SQLite would roll back the
//! whole group.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::super::error::{DatabaseError, Fault};
use super::super::settings::DatabaseSettings;
use super::super::{Engine, Query, Stats, Visit};
use super::group::Group;
use super::location::Location;
use super::queue::{Queue, Ticket};
use super::readers::PAUSE;

pub(super) struct Writer {
    queue: Queue,
    // Taken before the queue's own lock, never after it.
    group: Mutex<Group>,
    wait_timeout: Duration,
    answer_timeout: Duration,
    groups: AtomicU64,
    commits: AtomicU64,
    revoked: AtomicU64,
}

impl Writer {
    pub(super) fn new(location: Arc<Location>, settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        Ok(Self {
            queue: Queue::new(settings.lease),
            group: Mutex::new(Group::new(location)?),
            wait_timeout: settings.wait_timeout,
            answer_timeout: settings.statement_timeout,
            groups: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            revoked: AtomicU64::new(0),
        })
    }

    /// Waits for a turn, as long as the settings allow.
    pub(super) async fn turn(self: &Arc<Self>) -> Result<Turn, DatabaseError> {
        let (ticket, granted) = self.queue.enter();
        // Made before waiting: if this future is dropped, so is the turn, be it granted or not.
        let turn = Turn { writer: Arc::clone(self), ticket };
        if let Some(granted) = granted {
            let answer = timeout(self.wait_timeout, granted).await;
            answer.ok().and_then(Result::ok).ok_or(DatabaseError::Timeout("turn to write"))?;
        }
        Ok(turn)
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Commits what has been handed in and answers. For the committing thread, during its turn.
    pub(super) fn end_group(&self) {
        let (outcome, answers) = self.lock().end();
        self.queue.leave_committer();
        self.groups.fetch_add(1, Ordering::Relaxed);
        if outcome.is_ok() {
            self.commits.fetch_add(u64::try_from(answers.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        for answer in answers {
            // Whoever has gone does not know the outcome; those who stayed do.
            let _gone = answer.send(outcome.clone());
        }
    }

    /// Takes a turn back that has lasted too long. For the committing thread.
    pub(super) fn revoke(&self, ticket: Ticket) {
        self.revoked.fetch_add(1, Ordering::Relaxed);
        self.give_back(ticket);
    }

    pub(super) fn stats(&self, idle_readers: usize) -> Stats {
        Stats {
            engine: Engine::Sqlite,
            connections: idle_readers + 1,
            idle: idle_readers,
            waiting: self.queue.len(),
            commits: self.commits.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            revoked: self.revoked.load(Ordering::Relaxed),
        }
    }

    /// Ends a turn without its work, if it has not ended yet.
    fn give_back(&self, ticket: Ticket) {
        // Looked at first, because the lock of the group is held while the disk is waited for.
        if self.queue.until(ticket).is_none() {
            return;
        }
        let mut group = self.lock();
        if self.queue.until(ticket).is_some() {
            group.roll_back(ticket);
        }
        let open = group.is_open();
        drop(group);
        self.queue.leave(ticket, open);
    }

    fn lock(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn to write, which is an open transaction. Dropped: rolled back.
pub(in super::super) struct Turn {
    writer: Arc<Writer>,
    ticket: Ticket,
}

impl Turn {
    /// Runs a statement of a transaction that may have several.
    pub(in super::super) async fn run(&self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        self.enter(true).await?;
        self.with_group(|group| group.run(query, visit))?
    }

    /// Runs the only statement of a transaction: atomic by itself, it needs no savepoint. Handed in under the same
    /// lock, because without a savepoint it could not be taken back.
    pub(super) async fn once(self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        self.enter(false).await?;
        let (answer, outcome) = oneshot::channel();
        let rows = self.with_group(|group| {
            let rows = group.run(query, visit)?;
            group.hand_in(self.ticket, answer).map(|()| rows)
        })??;
        self.outcome(outcome).await?;
        Ok(rows)
    }

    /// Hands the work in and waits for the disk. What has been handed in is committed even if nobody waits.
    pub(in super::super) async fn commit(self) -> Result<(), DatabaseError> {
        let (answer, outcome) = oneshot::channel();
        self.with_group(|group| group.hand_in(self.ticket, answer))??;
        self.outcome(outcome).await
    }

    /// Passes the turn on and waits for the group to be committed.
    async fn outcome(self, outcome: oneshot::Receiver<Result<(), DatabaseError>>) -> Result<(), DatabaseError> {
        self.writer.queue.leave(self.ticket, true);
        match timeout(self.writer.answer_timeout, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(DatabaseError::CommitUnknown("the commit was abandoned".to_owned())),
            Err(_) => Err(DatabaseError::CommitUnknown("the disk did not answer in time".to_owned())),
        }
    }

    /// Makes sure that a group is open, and waits while another process holds the lock of the file.
    async fn enter(&self, savepoint: bool) -> Result<(), DatabaseError> {
        let mut entered = self.with_group(|group| group.enter(self.ticket, savepoint))?;
        while let Err(DatabaseError::Unavailable { fault: Fault::Locked, .. }) = &entered {
            sleep(PAUSE).await;
            match self.with_group(|group| group.enter(self.ticket, savepoint)) {
                Ok(again) => entered = again,
                // The turn is over: say why nothing came of it.
                Err(_) => break,
            }
        }
        entered
    }

    /// Works on the group, if it is still this one's turn: a turn is only taken back under the same lock.
    fn with_group<T>(&self, work: impl FnOnce(&mut Group) -> T) -> Result<T, DatabaseError> {
        const OVER: DatabaseError = DatabaseError::Timeout("transaction");
        self.writer.queue.until(self.ticket).ok_or(OVER)?;
        let mut group = self.writer.lock();
        self.writer.queue.until(self.ticket).ok_or(OVER)?;
        Ok(work(&mut group))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.writer.give_back(self.ticket);
    }
}

//! The transactions between two commits.
//!
//! SQLite sees one transaction; each of ours is a savepoint in it, so that one can fail without its neighbours. Some
//! errors (a full disk, a failing one) make SQLite roll back everything: after each error the group looks whether
//! it still exists, and if not, tells those who have handed in.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::error::{DatabaseError, Fault};
use super::super::{Query, Visit};
use super::connection::{self, command};
use super::location::Location;
use super::queue::Ticket;

/// Whoever has handed in waits at the other end.
pub(super) type Answer = oneshot::Sender<Result<(), DatabaseError>>;

pub(super) struct Group {
    location: Arc<Location>,
    connection: Connection,
    answers: Vec<Answer>,
    /// `begin immediate` has been done and not been ended.
    open: bool,
    /// Whose savepoint is open.
    savepoint: Option<Ticket>,
    /// The connection has met a fault that may be of its own: take another one for the next group.
    stale: bool,
}

impl Group {
    pub(super) fn new(location: Arc<Location>) -> Result<Self, DatabaseError> {
        let connection = location.writer()?;
        Ok(Self { location, connection, answers: Vec::new(), open: false, savepoint: None, stale: false })
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Opens the group, unless it is, and the savepoint of this turn, unless it is or none is wanted.
    pub(super) fn enter(&mut self, ticket: Ticket, savepoint: bool) -> Result<(), DatabaseError> {
        if !self.open {
            if self.stale {
                self.connection = self.location.writer()?;
                self.stale = false;
            }
            self.command("begin immediate")?;
            self.open = true;
        }
        if savepoint && self.savepoint != Some(ticket) {
            self.command("savepoint turn")?;
            self.savepoint = Some(ticket);
        }
        Ok(())
    }

    /// Runs a statement of the turn that has entered.
    pub(super) fn run(&mut self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let outcome = connection::run(&self.connection, query, visit);
        self.look_after(outcome)
    }

    /// Ends the turn's savepoint: from here on its work shares the fate of the group.
    pub(super) fn hand_in(&mut self, ticket: Ticket, answer: Answer) -> Result<(), DatabaseError> {
        if !self.open {
            return Err(DatabaseError::Failed);
        }
        if self.savepoint == Some(ticket) {
            self.command("release turn")?;
            self.savepoint = None;
        }
        self.answers.push(answer);
        Ok(())
    }

    /// Takes back what the turn has done.
    pub(super) fn roll_back(&mut self, ticket: Ticket) {
        if self.savepoint != Some(ticket) {
            return;
        }
        self.savepoint = None;
        let undone = self.command("rollback to turn").and_then(|()| self.command("release turn"));
        if let Err(error) = undone {
            // Half a transaction must not be committed with the others.
            self.abandon(&error);
        }
    }

    /// Ends the group: commits if anyone has handed in.
    pub(super) fn end(&mut self) -> (Result<(), DatabaseError>, Vec<Answer>) {
        let answers = std::mem::take(&mut self.answers);
        if !self.open {
            // Who is still there has been rolled back with the group, whatever else went wrong.
            return (Err(DatabaseError::unavailable(Fault::Io, "rolled back with its group")), answers);
        }
        let ended = command(&self.connection, if answers.is_empty() { "rollback" } else { "commit" });
        self.open = false;
        if let Err(error) = &ended {
            self.stale |= error.is_outage();
            self.close();
        }
        (ended.map_err(unless_certain), answers)
    }

    fn command(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let outcome = command(&self.connection, sql);
        self.look_after(outcome)
    }

    /// After an error: is the group still there, and is the connection still good?
    fn look_after<T>(&mut self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if let Err(error) = &outcome {
            self.stale |=
                error.is_outage() && !matches!(error, DatabaseError::Unavailable { fault: Fault::Locked, .. });
            if self.open && self.connection.is_autocommit() {
                self.lose(error);
            }
        }
        outcome
    }

    /// Rolls everything back and tells those who have handed in.
    fn abandon(&mut self, error: &DatabaseError) {
        self.close();
        self.lose(error);
    }

    /// Ends whatever is open; a connection that cannot even roll back is replaced, which rolls back as well.
    fn close(&mut self) {
        if !self.connection.is_autocommit() && command(&self.connection, "rollback").is_err() {
            self.stale = true;
        }
    }

    fn lose(&mut self, error: &DatabaseError) {
        self.open = false;
        self.savepoint = None;
        let cause = match error {
            DatabaseError::Unavailable { .. } => error.clone(),
            other => DatabaseError::unavailable(Fault::Io, format!("rolled back with its group: {other}")),
        };
        for answer in self.answers.drain(..) {
            let _gone = answer.send(Err(cause.clone()));
        }
    }
}

/// What a failed `commit` means. A full disk or a lock kept it from being written; after any other failure the log
/// may hold it, and the next process to open the file may find it there.
fn unless_certain(error: DatabaseError) -> DatabaseError {
    match error {
        DatabaseError::Unavailable { fault: Fault::DiskFull | Fault::Locked, .. } => error,
        other => DatabaseError::CommitUnknown(other.to_string()),
    }
}

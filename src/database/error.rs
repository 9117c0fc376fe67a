//! What can go wrong between the service and its database, in words that both engines share.
//!
//! Holds no values: what a driver says about a row may contain an address or a hash, so its details are left out.

use std::fmt;
use std::time::Duration;

use crate::circuit_breaker::{CallError, Outage};
use crate::metrics::DatabaseOutcome;

/// Why a statement or a transaction did not do its work.
///
/// Until `commit` (or a [`Once`](super::Once)) was sent, every error means that nothing has changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DatabaseError {
    /// A row with this key exists. An answer, not a failure: never counts against the database.
    #[error("a row with this key exists ({constraint})")]
    Unique {
        /// `<table>_<column>_key`, or `<table>_pkey` for a primary key.
        constraint: String,
    },
    /// The row refers to one that does not exist, or others still refer to it. An answer, not a failure.
    #[error("a row that this one refers to is missing, or it is referred to")]
    ForeignKey,
    /// `one` found no row. An answer, not a failure.
    #[error("no row")]
    NoRow,
    /// The database cannot do it now; nothing has changed, and it may be tried again.
    #[error("the database is unavailable: {fault} ({detail})")]
    Unavailable {
        /// What keeps it.
        fault: Fault,
        /// What the engine said, without values.
        detail: String,
    },
    /// The time was over: for a connection, a turn, a statement or the whole transaction. Nothing has changed.
    #[error("the database took too long: {0}")]
    Timeout(&'static str),
    /// It was not asked: it has not answered for a while, and its breaker is open. Nothing has changed.
    #[error("the database has not answered for a while; it is asked again in {retry_after:?}")]
    Refused {
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// The commit was sent and no answer came: it may or may not have happened. Never a success, never a conflict.
    #[error("the outcome of the commit is unknown ({0})")]
    CommitUnknown(String),
    /// The file is damaged, or is no database.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// An earlier statement of this transaction failed or was abandoned: it can only be rolled back.
    #[error("the transaction has failed before and can only be rolled back")]
    Failed,
    /// A mistake in the service or its schema, or a setting that cannot work.
    #[error("{0}")]
    Other(String),
}

impl DatabaseError {
    /// The constraint that refused a duplicate, if that is what happened.
    #[must_use]
    pub fn violated_constraint(&self) -> Option<&str> {
        match self {
            Self::Unique { constraint } => Some(constraint),
            _ => None,
        }
    }

    /// Whether the database itself was at fault, as a circuit breaker counts it: answers and mistakes of ours are not.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Timeout(_) | Self::CommitUnknown(_) | Self::Corrupt(_) => true,
            Self::Unique { .. }
            | Self::ForeignKey
            | Self::NoRow
            | Self::Refused { .. }
            | Self::Failed
            | Self::Other(_) => false,
        }
    }

    /// Whether the same may well succeed in a moment, on another connection. Says nothing about whether it may be done
    /// twice.
    pub(super) fn is_transient(&self) -> bool {
        let Self::Unavailable { fault, .. } = self else { return false };
        match fault {
            // Read-only: the primary has moved, and another connection leads to it.
            Fault::Connection | Fault::Server | Fault::Conflict | Fault::ReadOnly => true,
            Fault::Login | Fault::Locked | Fault::DiskFull | Fault::Io => false,
        }
    }

    /// As what it is counted.
    pub(super) fn kind(&self) -> DatabaseOutcome {
        match self {
            Self::Unique { .. } | Self::ForeignKey | Self::NoRow => DatabaseOutcome::Answered,
            Self::Unavailable { .. } => DatabaseOutcome::Unavailable,
            Self::Timeout(_) => DatabaseOutcome::TimedOut,
            Self::Refused { .. } => DatabaseOutcome::Refused,
            Self::CommitUnknown(_) => DatabaseOutcome::CommitUnknown,
            Self::Corrupt(_) => DatabaseOutcome::Corrupt,
            Self::Failed | Self::Other(_) => DatabaseOutcome::Mistake,
        }
    }

    pub(super) fn unavailable(fault: Fault, detail: impl Into<String>) -> Self {
        Self::Unavailable { fault, detail: detail.into() }
    }
}

impl Outage for DatabaseError {
    /// What the breaker counts. A full or read-only disk is not: such errors come at once, and reads go on. Nor are
    /// transactions that stood in each other's way: the server had time for both.
    fn is_outage(&self) -> bool {
        let is_local =
            matches!(self, Self::Unavailable { fault: Fault::DiskFull | Fault::ReadOnly | Fault::Conflict, .. });
        self.is_outage() && !is_local
    }
}

impl From<CallError<Self>> for DatabaseError {
    fn from(error: CallError<Self>) -> Self {
        match error {
            CallError::Rejected(rejected) => Self::Refused { retry_after: rejected.retry_after },
            CallError::TimedOut { .. } => Self::Timeout("the whole call"),
            CallError::Failed(error) => error,
        }
    }
}

/// What keeps the database from working.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// No connection, or it broke.
    Connection,
    /// The server does not let this role in, or has no such database. A wrong address at the start; later, somebody has
    /// changed the password of the role.
    Login,
    /// The server has no room for it: connections or memory.
    Server,
    /// Two transactions stood in each other's way, and this one was ended for the other's sake.
    Conflict,
    /// Another process holds the lock of the SQLite file.
    Locked,
    /// The disk is full.
    DiskFull,
    /// The file or its disk may only be read, or the server is not the primary any more.
    ReadOnly,
    /// The disk failed to read or write.
    Io,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connection => "no connection",
            Self::Login => "the server does not let us in",
            Self::Server => "the server cannot take the statement",
            Self::Conflict => "another transaction stood in its way",
            Self::Locked => "another process holds its lock",
            Self::DiskFull => "the disk is full",
            Self::ReadOnly => "it may only be read",
            Self::Io => "the disk failed",
        })
    }
}

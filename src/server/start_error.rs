//! What keeps a server from starting, each in one line that says what to do.

use std::{io, net::SocketAddr};

use super::TlsError;
use crate::{
    crypto::seal::SealError,
    database::{DatabaseError, Fault, MigrateError},
    keys::KeysError,
    mail::MailError,
    traces::TracesError,
};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {source}. Choose another address with COUNTERSIGN_LISTEN or --listen")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The address for metrics cannot be listened on.
    #[error("cannot listen for metrics on {listen}: {source}. Choose another address with COUNTERSIGN_METRICS__LISTEN")]
    BindMetrics {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The root secrets make no key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database cannot be opened.
    #[error("the database {url} cannot be opened: {source}. {}", remedy(source))]
    Database {
        /// The database, without credentials.
        url: String,
        /// Why not.
        source: DatabaseError,
    },
    /// The schema does not fit.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// Mail cannot be set up.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The list of breached passwords cannot be asked.
    #[error("passwords.breach_check_url cannot be asked: {0}")]
    Breaches(#[source] reqwest::Error),
    /// Traces cannot be sent.
    #[error("traces cannot be sent to traces.endpoint: {0}")]
    Traces(#[source] TracesError),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// What to do about a database that cannot be opened.
fn remedy(error: &DatabaseError) -> &'static str {
    match error {
        DatabaseError::Corrupt(_) => "Restore a backup, or name another database with DATABASE_URL",
        DatabaseError::Unavailable { fault: Fault::Connection | Fault::Server | Fault::Conflict, .. }
        | DatabaseError::Timeout(_) => "Start it, or name another one with DATABASE_URL",
        DatabaseError::Unavailable { fault: Fault::Login, .. } => {
            "Correct the user, the password and the name of the database in DATABASE_URL"
        }
        DatabaseError::Unavailable { fault: Fault::Locked, .. } => "End the process that holds it",
        DatabaseError::Unavailable { fault: Fault::DiskFull, .. } => "Make room on the disk",
        DatabaseError::Unavailable { fault: Fault::ReadOnly | Fault::Io, .. } => {
            "Let this user write to it and to its directory, or name another one with DATABASE_URL"
        }
        DatabaseError::Unique { .. }
        | DatabaseError::ForeignKey
        | DatabaseError::NoRow
        | DatabaseError::Refused { .. }
        | DatabaseError::CommitUnknown(_)
        | DatabaseError::Failed
        | DatabaseError::Other(_) => "Check DATABASE_URL",
    }
}

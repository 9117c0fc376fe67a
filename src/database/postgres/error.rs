//! PostgreSQL's errors in the words of the house.

use std::error::Error as _;

use tokio_postgres::error::{DbError, Severity, SqlState};

use super::super::error::{DatabaseError, Fault};

/// Translates an error of the driver. The server's *detail* and *hint* quote rows, so only its message is kept.
pub(in super::super) fn translate(error: &tokio_postgres::Error) -> DatabaseError {
    if let Some(answer) = error.as_db_error() {
        return from_server(answer);
    }
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    DatabaseError::unavailable(Fault::Connection, format!("{error}{cause}"))
}

/// Translates an error of a commit, or of a statement that carried one. Unknown, unless the server says that it did
/// not happen: a backend that is ended while it waits for its standby has committed here.
pub(super) fn after_commit(error: &tokio_postgres::Error) -> DatabaseError {
    let refused = error.as_db_error().is_some_and(|answer| {
        matches!(answer.parsed_severity(), Some(Severity::Error))
            && fault(answer.code().code()) != Some(Fault::Connection)
    });
    let error = translate(error);
    if refused { error } else { DatabaseError::CommitUnknown(error.to_string()) }
}

/// A commit that was sent and got no answer in time.
pub(super) fn unanswered() -> DatabaseError {
    DatabaseError::CommitUnknown("the server did not answer in time".to_owned())
}

fn from_server(answer: &DbError) -> DatabaseError {
    let code = answer.code();
    let detail = format!("{}: {}", code.code(), answer.message());
    if *code == SqlState::UNIQUE_VIOLATION {
        return DatabaseError::Unique { constraint: answer.constraint().unwrap_or_default().to_owned() };
    }
    if *code == SqlState::FOREIGN_KEY_VIOLATION {
        return DatabaseError::ForeignKey;
    }
    if let Some(fault) = fault(code.code()) {
        return DatabaseError::unavailable(fault, detail);
    }
    match code.code() {
        "57014" => DatabaseError::Timeout("statement"),
        "25P03" | "25P04" => DatabaseError::Timeout("transaction"),
        "55P03" => DatabaseError::Timeout("lock"),
        "XX001" | "XX002" => DatabaseError::Corrupt(detail),
        _ => DatabaseError::Other(detail),
    }
}

/// What keeps the server from working, if this code says that something does (appendix A of its manual).
fn fault(code: &str) -> Option<Fault> {
    match code {
        // The session was ended: by an administrator, a crash, or because it idled. Or it cannot begin yet.
        "57P01" | "57P02" | "57P03" | "57P05" => Some(Fault::Connection),
        "25006" => Some(Fault::ReadOnly),
        "40001" | "40P01" => Some(Fault::Conflict),
        "53100" => Some(Fault::DiskFull),
        "58030" => Some(Fault::Io),
        "3D000" => Some(Fault::Login),
        // Classes: invalid authorization, connection exception, insufficient resources (too many connections, out of memory).
        other if other.starts_with("28") => Some(Fault::Login),
        other if other.starts_with("08") => Some(Fault::Connection),
        other if other.starts_with("53") => Some(Fault::Server),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_lasts() {
        let transient = |code| fault(code).is_some_and(|fault| DatabaseError::unavailable(fault, code).is_transient());

        for code in ["08000", "08003", "08006", "57P01", "57P02", "57P03", "53300", "40001", "40P01", "25006"] {
            assert!(transient(code), "{code}");
        }
        for code in ["53100", "58030", "57014", "23505", "42601", "28P01", "3D000", "XX000"] {
            assert!(!transient(code), "{code}");
        }
    }
}

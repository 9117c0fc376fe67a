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
        matches!(answer.parsed_severity(), Some(Severity::Error)) && !is_connection(answer.code())
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
    if is_connection(code) {
        return DatabaseError::unavailable(Fault::Connection, detail);
    }
    // Appendix A of its manual. Classes: 53 insufficient resources, 40 transaction rollback, 58 system error.
    match code.code() {
        "25006" => DatabaseError::unavailable(Fault::ReadOnly, detail),
        "53100" => DatabaseError::unavailable(Fault::DiskFull, detail),
        "58030" => DatabaseError::unavailable(Fault::Io, detail),
        "57014" => DatabaseError::Timeout("statement"),
        "25P03" | "25P04" => DatabaseError::Timeout("transaction"),
        "55P03" => DatabaseError::Timeout("lock"),
        "XX001" | "XX002" => DatabaseError::Corrupt(detail),
        other if other.starts_with("53") || other == "40001" || other == "40P01" => {
            DatabaseError::unavailable(Fault::Server, detail)
        }
        _ => DatabaseError::Other(detail),
    }
}

/// Connection exceptions, and a server that starts or stops.
fn is_connection(code: &SqlState) -> bool {
    code.code().starts_with("08") || ["57P01", "57P02", "57P03", "57P05"].contains(&code.code())
}

//! SQLite's errors in the words of the house.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use super::super::error::{DatabaseError, Fault};

/// Translates an error of a statement. Values never appear in SQLite's messages, names of columns do.
pub(in super::super) fn translate(error: &rusqlite::Error) -> DatabaseError {
    let rusqlite::Error::SqliteFailure(code, message) = error else {
        return DatabaseError::Other(error.to_string());
    };
    let detail = message.clone().unwrap_or_else(|| code.to_string());
    match code.code {
        ErrorCode::ConstraintViolation => constraint(code.extended_code, detail),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            DatabaseError::unavailable(Fault::Locked, detail)
        }
        ErrorCode::DiskFull => DatabaseError::unavailable(Fault::DiskFull, detail),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => DatabaseError::unavailable(Fault::ReadOnly, detail),
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OutOfMemory => {
            DatabaseError::unavailable(Fault::Io, detail)
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DatabaseError::Corrupt(detail),
        ErrorCode::OperationInterrupted => DatabaseError::Timeout("statement"),
        _ => DatabaseError::Other(detail),
    }
}

fn constraint(extended: i32, detail: String) -> DatabaseError {
    let subject = detail.split_once(": ").map_or(detail.as_str(), |(_, subject)| subject);
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE => DatabaseError::Unique { constraint: unique_name(subject) },
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let table = subject.split_once('.').map_or(subject, |(table, _)| table);
            DatabaseError::Unique { constraint: format!("{table}_pkey") }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DatabaseError::ForeignKey,
        _ => DatabaseError::Other(detail),
    }
}

/// The name PostgreSQL would give: SQLite says `users.email` or `t.a, t.b` for a constraint, and `index 'name'`
/// for an index on an expression.
fn unique_name(subject: &str) -> String {
    if let Some(index) = subject.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')) {
        return index.to_owned();
    }
    let table = subject.split_once('.').map_or(subject, |(table, _)| table);
    let mut name = table.to_owned();
    for column in subject.split(", ") {
        name.push('_');
        name.push_str(column.split_once('.').map_or(column, |(_, column)| column));
    }
    name.push_str("_key");
    name
}

#[cfg(test)]
mod tests {
    use super::unique_name;

    #[test]
    fn a_unique_violation_has_the_name_postgresql_gives_it() {
        assert_eq!(unique_name("users.email"), "users_email_key");
        assert_eq!(unique_name("members.team_id, members.user_id"), "members_team_id_user_id_key");
        assert_eq!(unique_name("index 'users_username_key'"), "users_username_key");
    }
}

//! Words on their way into a statement and out of a row.

use crate::{
    crypto::PasswordHash,
    database::{Column, DatabaseError, FromRow, Row, Value},
    domain::{Email, Roles, SessionId, Timestamp, UserId, Username},
};

impl From<UserId> for Value<'_> {
    fn from(id: UserId) -> Self {
        id.get().into()
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(instant: Timestamp) -> Self {
        instant.as_unix_millis().into()
    }
}

impl<'a> From<&'a SessionId> for Value<'a> {
    fn from(id: &'a SessionId) -> Self {
        id.as_bytes().into()
    }
}

/// A word that a column holds in the form `Stored`.
pub(super) trait Word: Sized {
    /// How it is stored.
    type Stored: Column;

    /// Reads it; `None` if it could not have been written by this service.
    fn read(stored: Self::Stored) -> Option<Self>;
}

/// Reads a column that holds a word.
pub(super) fn word<T: Word>(row: &Row<'_>, index: usize) -> Result<T, DatabaseError> {
    let stored = row.get(index)?;
    T::read(stored).ok_or_else(|| DatabaseError::Other(format!("column {index} of the answer holds no such word")))
}

/// Reads a column that may be null.
pub(super) fn optional_word<T: Word>(row: &Row<'_>, index: usize) -> Result<Option<T>, DatabaseError> {
    match row.get::<Option<T::Stored>>(index)? {
        None => Ok(None),
        Some(_) => word(row, index).map(Some),
    }
}

macro_rules! words {
    ($($word:ty, $stored:ty, $value:ident => $read:expr;)+) => {
        $(impl Word for $word {
            type Stored = $stored;

            fn read($value: $stored) -> Option<Self> {
                $read
            }
        })+
    };
}

words! {
    UserId, i64, number => Self::new(number).ok();
    SessionId, [u8; 16], bytes => Self::from_bytes(&bytes).ok();
    Timestamp, i64, millis => Some(Self::from_unix_millis(millis));
    Email, String, text => Some(Self::from_stored(text));
    Username, String, text => Some(Self::from_stored(text));
    Roles, String, text => Self::from_stored(&text).ok();
    PasswordHash, String, text => Some(Self::from_stored(text));
}

impl FromRow for SessionId {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        word(row, 0)
    }
}

//! What comes out of a statement.

use rusqlite::types::ValueRef;

use super::error::DatabaseError;

/// One row of an answer, read where the engine left it.
pub struct Row<'a>(pub(super) Source<'a>);

pub(super) enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The column at `index`, counted from 0.
    ///
    /// # Errors
    /// [`DatabaseError::Other`] when the statement has no such column or it is of another type: the statement and
    /// the code that reads it disagree.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, DatabaseError> {
        match &self.0 {
            Source::Sqlite(row) => {
                let value = row.get_ref(index).map_err(|_| mismatch(index, "there"))?;
                T::from_sqlite(value).ok_or_else(|| mismatch(index, T::EXPECTED))
            }
            Source::Postgres(row) => T::from_postgres(row, index).ok_or_else(|| mismatch(index, T::EXPECTED)),
        }
    }
}

fn mismatch(index: usize, expected: &str) -> DatabaseError {
    DatabaseError::Other(format!("column {index} of the answer is not {expected}"))
}

/// What can be made of a row: `row.get(0)?`, `row.get(1)?` …
pub trait FromRow: Sized + Send {
    /// Reads the columns in the order in which the statement lists them.
    ///
    /// # Errors
    /// Those of [`Row::get`]; a value that the type refuses is [`DatabaseError::Other`].
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError>;
}

/// A type that a column can be read as: text, bigint, boolean, bytes (also of a fixed length), or an option of one.
pub trait Column: Sized + sealed::Sealed {
    #[doc(hidden)]
    const EXPECTED: &'static str;
    #[doc(hidden)]
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self>;
    #[doc(hidden)]
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! column {
    ($type:ty, $expected:literal, $value:ident => $read:expr) => {
        impl sealed::Sealed for $type {}
        impl Column for $type {
            const EXPECTED: &'static str = $expected;
            fn from_sqlite($value: ValueRef<'_>) -> Option<Self> {
                $read
            }
            fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Option<Self> {
                row.try_get(index).ok()
            }
        }
        impl FromRow for $type {
            fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
                row.get(0)
            }
        }
    };
}

column!(String, "text", value => value.as_str().ok().map(str::to_owned));
column!(i64, "a bigint", value => value.as_i64().ok());
column!(Vec<u8>, "bytes", value => value.as_blob().ok().map(<[u8]>::to_vec));
// SQLite has no boolean: its tables keep 0 and 1.
column!(bool, "a boolean", value => match value {
    ValueRef::Integer(0) => Some(false),
    ValueRef::Integer(1) => Some(true),
    _ => None,
});

impl<const N: usize> sealed::Sealed for [u8; N] {}
impl<const N: usize> Column for [u8; N] {
    const EXPECTED: &'static str = "bytes of the right length";
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        value.as_blob().ok()?.try_into().ok()
    }
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Option<Self> {
        row.try_get::<_, &[u8]>(index).ok()?.try_into().ok()
    }
}

impl<T: Column> sealed::Sealed for Option<T> {}
impl<T: Column> Column for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            value => T::from_sqlite(value).map(Some),
        }
    }
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Option<Self> {
        match row.try_get::<_, Option<Anything>>(index) {
            Ok(None) => Some(None),
            Ok(Some(Anything)) => T::from_postgres(row, index).map(Some),
            Err(_) => None,
        }
    }
}

/// Tells a null from a value of whatever type.
struct Anything;

impl<'a> tokio_postgres::types::FromSql<'a> for Anything {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        _: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}

macro_rules! tuple {
    ($($name:ident $index:literal),+) => {
        impl<$($name: Column + Send),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
                Ok(($(row.get::<$name>($index)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);

//! How a statement is run and its rows are read, wherever it runs.

use std::future::Future;

use super::Database;
use super::error::DatabaseError;
use super::row::{FromRow, Row};
use super::statement::Statement;
use super::value::Value;

/// A statement with its arguments.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    pub(super) statement: &'static Statement,
    pub(super) arguments: &'a [Value<'a>],
}

impl<'a> Query<'a> {
    /// Counts the arguments: SQLite would read a missing one as null, PostgreSQL would pass over one too many.
    fn new(statement: &'static Statement, arguments: &'a [Value<'a>]) -> Result<Self, DatabaseError> {
        let (expected, given) = (statement.parameters(), arguments.len());
        if expected == given {
            Ok(Self { statement, arguments })
        } else {
            Err(DatabaseError::Other(format!("the statement takes {expected} arguments, {given} were given")))
        }
    }
}

/// Sees each row while the engine holds it.
pub(super) type Visit<'a> = dyn FnMut(&Row<'_>) -> Result<(), DatabaseError> + Send + 'a;

/// Where statements can be run: `&Database`, `&mut Transaction` or `&mut Once`.
///
/// A function that only reads takes `impl Reads`, so that it runs outside of a transaction and inside one:
/// `User::find(&database, …)`, `User::find(&mut transaction, …)`.
pub trait Reads: Sized + Send {
    #[doc(hidden)]
    fn run(self, query: Query<'_>, visit: &mut Visit<'_>) -> impl Future<Output = Result<u64, DatabaseError>> + Send;

    /// The only row.
    ///
    /// # Errors
    /// [`DatabaseError::NoRow`] when there is none; [`DatabaseError::Other`] when there are several.
    fn one<T: FromRow>(
        self,
        statement: &'static Statement,
        arguments: &[Value<'_>],
    ) -> impl Future<Output = Result<T, DatabaseError>> + Send {
        async move { self.optional(statement, arguments).await?.ok_or(DatabaseError::NoRow) }
    }

    /// The only row, or none.
    ///
    /// # Errors
    /// [`DatabaseError::Other`] when there are several.
    fn optional<T: FromRow>(
        self,
        statement: &'static Statement,
        arguments: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<T>, DatabaseError>> + Send {
        async move {
            let mut found = None;
            let mut visit = |row: &Row<'_>| match found.replace(T::from_row(row)?) {
                None => Ok(()),
                Some(_) => Err(DatabaseError::Other("several rows where at most one was expected".to_owned())),
            };
            self.run(Query::new(statement, arguments)?, &mut visit).await?;
            Ok(found)
        }
    }

    /// All rows, in the order of the answer. Give the statement a limit.
    fn all<T: FromRow>(
        self,
        statement: &'static Statement,
        arguments: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<T>, DatabaseError>> + Send {
        async move {
            let mut rows = Vec::new();
            let mut visit = |row: &Row<'_>| {
                rows.push(T::from_row(row)?);
                Ok(())
            };
            self.run(Query::new(statement, arguments)?, &mut visit).await?;
            Ok(rows)
        }
    }
}

/// Where statements that change something can be run: `&mut Transaction`, or `&mut Once` for a single one.
pub trait Writes: Reads {
    /// Runs a statement and answers how many rows it changed.
    ///
    /// # Errors
    /// [`DatabaseError::Unique`] and [`DatabaseError::ForeignKey`] are answers; after any error a transaction can
    /// only be rolled back.
    fn execute(
        self,
        statement: &'static Statement,
        arguments: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send {
        async move { self.run(Query::new(statement, arguments)?, &mut |_| Ok(())).await }
    }
}

impl Reads for &Database {
    async fn run(self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        self.run_read(query, visit).await
    }
}

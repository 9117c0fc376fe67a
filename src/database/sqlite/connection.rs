//! One statement on one connection.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::super::error::DatabaseError;
use super::super::row::{Row, Source};
use super::super::value::Value;
use super::super::{Query, Visit};
use super::error::translate;

/// Runs a statement to its end and shows each row to `visit`. Answers how many rows were changed, or seen by a read.
pub(super) fn run(connection: &Connection, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
    let mut prepared = connection.prepare_cached(query.statement.sqlite()).map_err(|error| translate(&error))?;
    for (index, argument) in query.arguments.iter().enumerate() {
        prepared.raw_bind_parameter(index + 1, argument).map_err(|error| translate(&error))?;
    }
    let mut seen = 0;
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(|error| translate(&error))? {
        seen += 1;
        visit(&Row(Source::Sqlite(row)))?;
    }
    Ok(if query.statement.reads_only() { seen } else { connection.changes() })
}

/// Runs one of the engine's own commands, kept prepared.
pub(super) fn command(connection: &Connection, sql: &str) -> Result<(), DatabaseError> {
    let done = connection.prepare_cached(sql).and_then(|mut prepared| prepared.execute([]));
    done.map(|_| ()).map_err(|error| translate(&error))
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Value::BigInt(Some(number)) => ValueRef::Integer(number),
            Value::Bool(Some(truth)) => ValueRef::Integer(i64::from(truth)),
            Value::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Value::Text(None) | Value::BigInt(None) | Value::Bool(None) | Value::Bytes(None) => ValueRef::Null,
        }))
    }
}

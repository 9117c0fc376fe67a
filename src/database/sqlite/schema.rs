//! Migrations on SQLite: one transaction that holds the write lock from its beginning.

use rusqlite::Connection;

use super::super::Query;
use super::super::error::DatabaseError;
use super::super::migrate::{self, Applied, MigrateError, Recorded, Script};
use super::super::row::FromRow;
use super::super::value::Value;
use super::connection::{command, run};
use super::error::translate;
use super::location::Location;

/// Applies what is outstanding. A failure, or the end of the process, leaves the schema as it was.
pub(super) fn migrate(location: &Location) -> Result<Vec<Applied>, MigrateError> {
    // Of its own: the writer's connection belongs to the tasks. Closed on any way out, which rolls back.
    let connection = location.writer()?;
    command(&connection, "begin immediate")?;
    batch(&connection, migrate::TABLE)?;
    let outstanding = migrate::outstanding(&migrate::SQLITE, &recorded(&connection)?)?;
    for script in &outstanding {
        apply(&connection, script)?;
    }
    command(&connection, "commit")?;
    Ok(outstanding.into_iter().map(Applied::from).collect())
}

pub(super) fn recorded(connection: &Connection) -> Result<Vec<Recorded>, DatabaseError> {
    let mut recorded = Vec::new();
    let query = Query { statement: &migrate::RECORDED, arguments: &[] };
    run(connection, query, &mut |row| {
        recorded.push(Recorded::from_row(row)?);
        Ok(())
    })?;
    Ok(recorded)
}

fn apply(connection: &Connection, script: &Script) -> Result<(), DatabaseError> {
    batch(connection, script.sql)?;
    let checksum = script.checksum();
    let arguments: [Value<'_>; 3] = [script.version.into(), script.name.into(), (&checksum).into()];
    run(connection, Query { statement: &migrate::RECORD_ON_SQLITE, arguments: &arguments }, &mut |_| Ok(()))?;
    Ok(())
}

fn batch(connection: &Connection, sql: &str) -> Result<(), DatabaseError> {
    connection.execute_batch(sql).map_err(|error| translate(&error))
}

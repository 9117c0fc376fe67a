//! The SQLite file that is left: its tables in an order in which they can be filled, and their rows.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::mpsc;

use super::super::error::DatabaseError;
use super::super::sqlite;
use super::datum::{Datum, Kind};
use super::{RelocationError, in_use};

/// The file, which nobody else can open.
pub(super) struct Source {
    connection: Mutex<Connection>,
    tables: Vec<Table>,
}

/// A table as SQLite knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Columns that have values of their own.
    pub(super) columns: Vec<String>,
    /// The last number that was given out, of a table that never gives one twice.
    pub(super) last_id: Option<i64>,
    /// Tables that its rows refer to.
    parents: Vec<String>,
}

impl Source {
    /// Brings the schema up to date and keeps everybody else out.
    pub(super) fn open(file: &Path) -> Result<Self, RelocationError> {
        // Asked first: a migration would wait for those who are there.
        drop(sqlite::alone(file).map_err(in_use)?);
        sqlite::migrate_file(file)?;
        let connection = sqlite::alone(file).map_err(in_use)?;
        let tables = in_order(tables(&connection).map_err(|error| sqlite::translate(&error))?)?;
        Ok(Self { connection: Mutex::new(connection), tables })
    }

    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Sends all rows of a table, some at a time. Ends early when nobody takes them.
    pub(super) fn send(
        &self,
        table: &Table,
        kinds: &[Kind],
        sender: &mpsc::Sender<Vec<Vec<Datum>>>,
    ) -> Result<(), DatabaseError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let columns = quoted(&table.columns);
        let select = format!("select {columns} from {}", quote(&table.name));
        let mut statement = connection.prepare(&select).map_err(|error| sqlite::translate(&error))?;
        let mut rows = statement.raw_query();
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = rows.next().map_err(|error| sqlite::translate(&error))? {
            let mut read = Vec::with_capacity(kinds.len());
            for (index, kind) in kinds.iter().enumerate() {
                let value = row.get_ref(index).map_err(|error| sqlite::translate(&error))?;
                read.push(kind.read_sqlite(value).ok_or_else(|| strange(table, index))?);
            }
            batch.push(read);
            if batch.len() == BATCH && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        // Whoever has gone has a reason of their own.
        let _gone = sender.blocking_send(batch);
        Ok(())
    }
}

/// Rows that are held at once, beside those that the channel holds.
const BATCH: usize = 256;

/// A column's value is of another type than the column.
fn strange(table: &Table, index: usize) -> DatabaseError {
    let column = table.columns.get(index).map_or("?", String::as_str);
    DatabaseError::Other(format!("a row of {} has a value in {column} that is not of its type", table.name))
}

/// A name as both engines take it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

/// All tables but the record of migrations, which the other side has of its own.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let names = texts(
        connection,
        "select name from sqlite_schema
          where type = 'table' and name not like 'sqlite\\_%' escape '\\' and name <> 'schema_migrations'
          order by name",
        "",
    )?;
    names.into_iter().map(|name| table(connection, name)).collect()
}

fn table(connection: &Connection, name: String) -> rusqlite::Result<Table> {
    // Hidden 2 and 3 are columns that are computed.
    let columns = texts(connection, "select name from pragma_table_xinfo(?1) where hidden = 0 order by cid", &name)?;
    let parents = texts(connection, "select distinct \"table\" from pragma_foreign_key_list(?1)", &name)?;
    let has_sequences =
        !texts(connection, "select name from sqlite_schema where name = 'sqlite_sequence'", "")?.is_empty();
    let last_id = if has_sequences {
        let question = "select seq from sqlite_sequence where name = ?1";
        connection.query_row(question, [&name], |row| row.get(0)).optional()?
    } else {
        None
    };
    Ok(Table { name, columns, last_id, parents })
}

fn texts(connection: &Connection, question: &str, argument: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(question)?;
    if statement.parameter_count() > 0 {
        statement.raw_bind_parameter(1, argument)?;
    }
    statement.raw_query().mapped(|row| row.get(0)).collect()
}

/// Those that are referred to first; a table may refer to itself.
fn in_order(mut left: Vec<Table>) -> Result<Vec<Table>, RelocationError> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table| {
            table.parents.iter().any(|parent| *parent != table.name && left.iter().any(|one| one.name == *parent))
        };
        let Some(next) = left.iter().position(|table| !waits(table)) else {
            return Err(RelocationError::Different(
                "order of tables: they refer to one another in a circle".to_owned(),
            ));
        };
        ordered.push(left.remove(next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_with_whatever_a_migration_gave_them() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "create table schema_migrations (version bigint);
                 create table a_child (id integer primary key autoincrement, parent bigint references parents (id),
                                       twice bigint generated always as (parent * 2));
                 create table parents (id bigint primary key, above bigint references parents (id));
                 create table sqliteish (name text);
                 insert into parents values (7, 7);
                 insert into a_child (id, parent) values (41, 7);
                 delete from a_child;",
            )
            .unwrap();

        let tables = in_order(tables(&connection).unwrap()).unwrap();

        let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["parents", "a_child", "sqliteish"]);
        assert_eq!(tables[1].columns, ["id", "parent"], "what is computed is not copied");
        assert_eq!(tables[1].last_id, Some(41), "a number that was given out is not given again");
    }
}

//! The PostgreSQL database that is moved into, in one transaction.

use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::ToSql;

use super::super::error::DatabaseError;
use super::super::postgres::{Alone, translate};
use super::super::settings::DatabaseSettings;
use super::datum::{Datum, Kind};
use super::source::{Source, Table, quote, quoted};
use super::{RelocationError, Tally};

/// A connection inside the one transaction. Dropped, nothing has happened.
pub(super) struct Target {
    alone: Alone,
}

/// A column of a table as PostgreSQL knows it, in the order of SQLite's.
pub(super) struct Columns {
    names: Vec<String>,
    kinds: Vec<Kind>,
    /// The column that numbers are given out for.
    identity: Option<String>,
}

impl Target {
    /// Brings the schema up to date and begins.
    pub(super) async fn open(settings: &DatabaseSettings) -> Result<Self, RelocationError> {
        Ok(Self { alone: Alone::begin(settings).await? })
    }

    /// Takes all tables for itself and makes sure that nobody lives there.
    pub(super) async fn refuse_inhabited(&mut self, tables: &[Table]) -> Result<(), RelocationError> {
        for table in tables {
            let name = quote(&table.name);
            self.run(&format!("lock table {name} in access exclusive mode")).await?;
            let question = format!("select exists (select 1 from {name})");
            let row = self.alone.client().query_one(&question, &[]).await.map_err(|error| translate(&error))?;
            if row.try_get(0).map_err(|error| translate(&error))? {
                return Err(RelocationError::NotEmpty(table.name.clone()));
            }
        }
        Ok(())
    }

    /// Finds SQLite's columns here; there must be no other.
    pub(super) async fn columns(&self, table: &Table) -> Result<Columns, RelocationError> {
        let question = "select column_name::text, udt_name::text, is_identity = 'YES'
                          from information_schema.columns
                         where table_schema = current_schema() and table_name = $1 and is_generated = 'NEVER'";
        let rows = self.alone.client().query(question, &[&table.name]).await.map_err(|error| translate(&error))?;
        let mut here = Vec::with_capacity(rows.len());
        for row in &rows {
            let read = || -> Result<(String, String, bool), tokio_postgres::Error> {
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
            };
            here.push(read().map_err(|error| translate(&error))?);
        }
        let differ = || RelocationError::Different(format!("columns in {}", table.name));
        if here.len() != table.columns.len() {
            return Err(differ());
        }
        let mut columns = Columns { names: table.columns.clone(), kinds: Vec::new(), identity: None };
        for name in &table.columns {
            let (_, kind, is_identity) = here.iter().find(|(here, ..)| here == name).ok_or_else(differ)?;
            columns.kinds.push(Kind::named(kind).ok_or_else(differ)?);
            if *is_identity {
                columns.identity = Some(name.clone());
            }
        }
        Ok(columns)
    }

    /// Copies a table, and answers what was sent.
    pub(super) async fn fill(
        &self,
        source: &Arc<Source>,
        table: &Table,
        columns: &Columns,
        progress: &mut (dyn FnMut(&str, u64) + Send),
    ) -> Result<Tally, RelocationError> {
        let statement = format!("copy {} ({}) from stdin (format binary)", quote(&table.name), quoted(&columns.names));
        let sink = self.alone.client().copy_in(&statement).await.map_err(|error| translate(&error))?;
        let types: Vec<_> = columns.kinds.iter().map(|kind| kind.of_postgres()).collect();
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        let mut tally = Tally::default();
        let (sender, batches) = tokio::sync::mpsc::channel(2);
        let reader = {
            let (source, table, kinds) = (Arc::clone(source), table.clone(), columns.kinds.clone());
            tokio::task::spawn_blocking(move || source.send(&table, &kinds, &sender))
        };
        let write = async {
            // Dropped with this block: the reader then has nobody to send to, and ends.
            let mut batches = batches;
            while let Some(batch) = batches.recv().await {
                for row in &batch {
                    tally.add(row);
                    writer.as_mut().write_raw(row.iter().map(as_argument)).await.map_err(|error| translate(&error))?;
                }
                progress(&table.name, tally.rows());
            }
            Ok::<_, DatabaseError>(())
        };
        let (read, written) = tokio::join!(reader, write);
        // What could not be read is the better reason.
        read.map_err(|error| DatabaseError::Other(error.to_string()))??;
        written?;
        writer.finish().await.map_err(|error| translate(&error))?;
        Ok(tally)
    }

    /// Reads a table back.
    pub(super) async fn tally(&self, table: &Table, columns: &Columns) -> Result<Tally, RelocationError> {
        let question = format!("select {} from {}", quoted(&columns.names), quote(&table.name));
        let arguments: [&(dyn ToSql + Sync); 0] = [];
        let rows = self.alone.client().query_raw(&question, arguments).await.map_err(|error| translate(&error))?;
        let mut rows = pin!(rows);
        let mut tally = Tally::default();
        while let Some(row) = rows.try_next().await.map_err(|error| translate(&error))? {
            let read = columns.kinds.iter().enumerate().map(|(index, kind)| kind.read_postgres(&row, index));
            let read: Option<Vec<Datum>> = read.collect();
            tally.add(&read.ok_or_else(|| RelocationError::Different(format!("types in {}", table.name)))?);
        }
        Ok(tally)
    }

    /// Numbers that were given out there are not given again here.
    pub(super) async fn continue_ids(&self, table: &Table, columns: &Columns) -> Result<(), RelocationError> {
        let (Some(column), Some(last)) = (&columns.identity, table.last_id.filter(|last| *last > 0)) else {
            return Ok(());
        };
        let statement = "select setval(pg_get_serial_sequence($1, $2), $3, true)";
        let arguments: [&(dyn ToSql + Sync); 3] = [&quote(&table.name), column, &last];
        self.alone.client().query_one(statement, &arguments).await.map_err(|error| translate(&error))?;
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), RelocationError> {
        Ok(self.alone.commit().await?)
    }

    async fn run(&self, sql: &str) -> Result<(), DatabaseError> {
        self.alone.client().batch_execute(sql).await.map_err(|error| translate(&error))
    }
}

fn as_argument(datum: &Datum) -> &(dyn ToSql + Sync) {
    datum
}

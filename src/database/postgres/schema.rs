//! Migrations on PostgreSQL: one transaction behind an advisory lock.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio::time::timeout;

use super::super::Query;
use super::super::error::DatabaseError;
use super::super::migrate::{self, Applied, MigrateError, Recorded, Script};
use super::super::row::FromRow;
use super::super::value::Value;
use super::error::{after_commit, translate, unanswered};
use super::{Postgres, statement};

/// Takes the lock that lets one node migrate. The number is arbitrary and must never change; the limits for ordinary
/// statements do not hold here.
const LOCK: &str = "
    begin;
    set local statement_timeout = 0;
    set local idle_in_transaction_session_timeout = 0;
    select pg_advisory_xact_lock(5413216901244829);";

/// How long to wait for the answer to the commit: longer than for others, as the start depends on it.
const COMMIT: Duration = Duration::from_mins(1);

impl Postgres {
    /// Brings the schema up to date. A failure, or the end of the process, leaves it as it was.
    pub(in super::super) async fn migrate(&self) -> Result<Vec<Applied>, MigrateError> {
        let client = self.shared.client().await?;
        let migrated = timeout(migrate::PATIENCE, migrate_on(&client)).await;
        // With its limits taken off and perhaps inside a transaction: not for the pool.
        drop(Object::take(client));
        migrated.unwrap_or(Err(MigrateError::Database(DatabaseError::Timeout("migration"))))
    }
}

async fn migrate_on(client: &Object) -> Result<Vec<Applied>, MigrateError> {
    batch(client, LOCK).await?;
    if is_empty(client).await? {
        batch(client, migrate::TABLE).await?;
    }
    let outstanding = migrate::outstanding(&migrate::POSTGRES, &recorded(client).await?)?;
    for script in &outstanding {
        apply(client, script).await?;
    }
    let answer = timeout(COMMIT, client.batch_execute("commit")).await;
    answer.map_or_else(|_| Err(unanswered()), |answer| answer.map_err(|error| after_commit(&error)))?;
    Ok(outstanding.into_iter().map(Applied::from).collect())
}

/// Whether no step was ever taken. Asked, because `create table if not exists` wants the right to create before it looks,
/// and a role that serves need not have it.
async fn is_empty(client: &Object) -> Result<bool, DatabaseError> {
    let row = client.query_one("select to_regclass('schema_migrations') is null", &[]).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| translate(&error))
}

async fn recorded(client: &Object) -> Result<Vec<Recorded>, DatabaseError> {
    let mut recorded = Vec::new();
    let query = Query { statement: &migrate::RECORDED, arguments: &[] };
    let prepared = statement::prepare(client, query).await?;
    statement::run(client, &prepared, query, &mut |row| {
        recorded.push(Recorded::from_row(row)?);
        Ok(())
    })
    .await?;
    Ok(recorded)
}

async fn apply(client: &Object, script: &Script) -> Result<(), DatabaseError> {
    batch(client, script.sql).await?;
    let checksum = script.checksum();
    let arguments: [Value<'_>; 3] = [script.version.into(), script.name.into(), (&checksum).into()];
    let query = Query { statement: &migrate::RECORD_ON_POSTGRES, arguments: &arguments };
    let prepared = statement::prepare(client, query).await?;
    statement::run(client, &prepared, query, &mut |_| Ok(())).await?;
    Ok(())
}

async fn batch(client: &Object, sql: &str) -> Result<(), DatabaseError> {
    client.batch_execute(sql).await.map_err(|error| translate(&error))
}

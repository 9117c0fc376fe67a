//! The schema, step by step.
//!
//! Every step is a pair of files of one name, one for each engine. A step that has been released is never edited:
//! its checksum is kept beside it, and a difference is refused. Steps only go forward; a schema that is newer than
//! the binary is refused as well, because an older binary cannot know what the newer one promised.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::error::DatabaseError;
use super::row::{FromRow, Row};
use super::statement::Statement;
use super::{Database, Engine};

/// How long the steps may take, on a server, with the wait for another node that is taking them.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

macro_rules! scripts {
    ($engine:literal: $($version:literal $name:literal),+ $(,)?) => {
        [$(Script {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../migrations/", $engine, "/", $name, ".sql")),
        }),+]
    };
}

macro_rules! steps {
    ($($version:literal $name:literal),+ $(,)?) => {
        pub(super) static SQLITE: [Script; [$($version),+].len()] = scripts!("sqlite": $($version $name),+);
        pub(super) static POSTGRES: [Script; [$($version),+].len()] = scripts!("postgres": $($version $name),+);
    };
}

steps! {
    1 "0001_users",
    2 "0002_sessions",
    3 "0003_signing_keys",
    4 "0004_limits",
    5 "0005_jobs",
    6 "0006_one_time_codes",
    7 "0007_audit_events",
}

/// One step for one engine.
#[derive(Clone, Copy)]
pub(super) struct Script {
    pub(super) version: i64,
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

impl Script {
    pub(super) fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql))
    }
}

/// A step that has just been applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Applied {
    /// Its number, from 1.
    pub version: i64,
    /// The name of its files, without the extension.
    pub name: &'static str,
}

impl From<Script> for Applied {
    fn from(script: Script) -> Self {
        Self { version: script.version, name: script.name }
    }
}

/// A step that this binary knows, and whether the database has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Migration {
    /// Its number, from 1.
    pub version: i64,
    /// The name of its files, without the extension.
    pub name: &'static str,
    /// When it was applied, in milliseconds since the Unix epoch by the database's clock; `None` when it is pending.
    pub applied_at: Option<i64>,
}

/// Why the schema is not that of this binary.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer release has been here.
    #[error(
        "the database has schema {schema}, this program knows {known}: start the newer release, or restore a backup \
         from before the upgrade"
    )]
    Newer {
        /// The highest step of the database.
        schema: i64,
        /// The highest step of this binary.
        known: i64,
    },
    /// A step is not the one that was applied: the files of a release have been edited.
    #[error("migration {version} ({name}) is not the one that was applied to this database; use an unaltered release")]
    Changed {
        /// The number of the step.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// The database failed; nothing has changed, unless the outcome of the commit is unknown.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Database {
    /// Brings the schema up to date: all outstanding steps in one transaction, under a lock that lets one node do it
    /// while the others wait. Answers what was applied.
    ///
    /// # Errors
    /// See [`MigrateError`]; the service must not start.
    pub async fn migrate(&self) -> Result<Vec<Applied>, MigrateError> {
        match &self.inner.backend {
            super::Backend::Sqlite(sqlite) => sqlite.migrate().await,
            super::Backend::Postgres(postgres) => Box::pin(postgres.migrate()).await,
        }
    }

    /// All steps of this binary and which of them the database has. Changes nothing.
    ///
    /// # Errors
    /// Those of [`Database::migrate`].
    pub async fn migrations(&self) -> Result<Vec<Migration>, MigrateError> {
        let (scripts, exists) = match self.engine() {
            Engine::Sqlite => (&SQLITE, &EXISTS_ON_SQLITE),
            Engine::Postgres => (&POSTGRES, &EXISTS_ON_POSTGRES),
        };
        let exists: i64 = super::Reads::one(self, exists, &[]).await?;
        let recorded: Vec<Recorded> =
            if exists == 0 { Vec::new() } else { super::Reads::all(self, &RECORDED, &[]).await? };
        outstanding(scripts, &recorded)?;
        let applied_at =
            |version| recorded.iter().find(|record| record.version == version).map(|record| record.applied_at);
        let migration = |script: &Script| Migration {
            version: script.version,
            name: script.name,
            applied_at: applied_at(script.version),
        };
        Ok(scripts.iter().map(migration).collect())
    }
}

/// What the database remembers of a step.
pub(super) struct Recorded {
    version: i64,
    checksum: String,
    applied_at: i64,
}

impl FromRow for Recorded {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self { version: row.get(0)?, checksum: row.get(1)?, applied_at: row.get(2)? })
    }
}

/// The steps that are missing, in order; refuses a database that does not fit.
pub(super) fn outstanding(scripts: &[Script], recorded: &[Recorded]) -> Result<Vec<Script>, MigrateError> {
    let known = scripts.iter().map(|script| script.version).max().unwrap_or(0);
    let schema = recorded.iter().map(|record| record.version).max().unwrap_or(0);
    if schema > known {
        return Err(MigrateError::Newer { schema, known });
    }
    let mut outstanding = Vec::new();
    for script in scripts {
        match recorded.iter().find(|record| record.version == script.version) {
            None => outstanding.push(*script),
            Some(record) if record.checksum == script.checksum() => {}
            Some(_) => return Err(MigrateError::Changed { version: script.version, name: script.name }),
        }
    }
    Ok(outstanding)
}

pub(super) const TABLE: &str = "
    create table if not exists schema_migrations (
        version bigint not null primary key,
        name text not null,
        checksum text not null, -- SHA-256 of the step as it was applied, in hex
        applied_at bigint not null
    )";

pub(super) static RECORDED: Statement = Statement::new(
    "select version, checksum, applied_at
       from schema_migrations
      order by version",
);

// The clock of the database: the one that all nodes share.
pub(super) static RECORD_ON_SQLITE: Statement = Statement::new(
    "insert into schema_migrations (version, name, checksum, applied_at)
     values ($1, $2, $3, cast(unixepoch('subsec') * 1000 as integer))",
);
pub(super) static RECORD_ON_POSTGRES: Statement = Statement::new(
    "insert into schema_migrations (version, name, checksum, applied_at)
     values ($1, $2, $3, (extract(epoch from clock_timestamp()) * 1000)::bigint)",
);

static EXISTS_ON_SQLITE: Statement = Statement::new(
    "select count(*)
       from sqlite_schema
      where type = 'table'
        and name = 'schema_migrations'",
);
static EXISTS_ON_POSTGRES: Statement = Statement::new(
    "select count(*)
       from pg_catalog.pg_class
      where oid = to_regclass('schema_migrations')",
);

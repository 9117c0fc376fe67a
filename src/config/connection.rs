//! From settings to a connection: what `database` is to be told.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Config, DatabaseUrl};
use crate::database::{self, DatabaseSettings};

impl From<&Config> for DatabaseSettings {
    fn from(config: &Config) -> Self {
        let Config { database, .. } = config;
        Self {
            max_connections: usize::try_from(database.max_connections).unwrap_or(usize::MAX),
            statement_timeout: Duration::from_secs(database.statement_timeout_seconds.into()),
            connect_timeout: Duration::from_secs(database.connect_timeout_seconds.into()),
            breaker: (&config.database_breaker).into(),
            ..Self::new(config.database_url())
        }
    }
}

impl From<DatabaseUrl> for database::DatabaseUrl {
    fn from(url: DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()).into(),
            DatabaseUrl::SqliteInMemory => "sqlite::memory:".into(),
            DatabaseUrl::Postgres(url) => url.expose_secret().into(),
        }
    }
}

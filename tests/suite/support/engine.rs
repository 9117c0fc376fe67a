//! The two engines, and an empty database on either.

use countersign::config::DatabaseUrl;
use tempfile::TempDir;

use super::postgres::TestDatabase;

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty database that goes away with this value.
pub(crate) enum Storage {
    Sqlite(TempDir),
    Postgres(TestDatabase),
}

impl Storage {
    pub(crate) fn empty(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite(TempDir::new().expect("a directory")),
            Engine::Postgres => Self::Postgres(TestDatabase::new()),
        }
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        let url = match self {
            Self::Sqlite(directory) => format!("sqlite://{}", directory.path().join("countersign.db").display()),
            Self::Postgres(database) => database.url(),
        };
        url.parse().expect("the address of a database")
    }
}

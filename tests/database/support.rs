//! An empty database on either engine, for one test.

use countersign::database::{Database, DatabaseSettings, Engine, Statement, Writes};
use tempfile::TempDir;

use crate::postgres::TestDatabase;

/// A database with a table to play with, and what must live as long.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) url: String,
    _home: Home,
}

enum Home {
    Directory { _directory: TempDir },
    Server { _database: TestDatabase },
}

impl Fixture {
    /// A database without any table.
    pub(crate) async fn empty(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// A database without any table, with settings of its own.
    pub(crate) async fn with(engine: Engine, change: impl FnOnce(&mut DatabaseSettings)) -> Self {
        let (url, home) = match engine {
            Engine::Sqlite => {
                let directory = TempDir::new().expect("a directory");
                let url = format!("sqlite://{}", directory.path().join("test.db").display());
                (url, Home::Directory { _directory: directory })
            }
            Engine::Postgres => {
                let database = TestDatabase::new();
                (database.url(), Home::Server { _database: database })
            }
        };
        let mut settings = DatabaseSettings::new(url.as_str());
        change(&mut settings);
        let database = Database::connect(&settings).await.expect("a database");
        Self { database, url, _home: home }
    }

    /// A database with the table `notes`.
    pub(crate) async fn notes(engine: Engine) -> Self {
        Self::notes_with(engine, |_| {}).await
    }

    /// A database with the table `notes` and settings of its own.
    pub(crate) async fn notes_with(engine: Engine, change: impl FnOnce(&mut DatabaseSettings)) -> Self {
        let fixture = Self::with(engine, change).await;
        fixture.database.once().execute(&MAKE_NOTES, &[]).await.expect("a table");
        fixture
    }
}

pub(crate) static MAKE_NOTES: Statement = Statement::new(
    "create table notes (id bigint not null primary key, body text, constraint notes_body_key unique (body))",
);

pub(crate) static ADD_NOTE: Statement = Statement::new("insert into notes (id, body) values ($1, $2)");
pub(crate) static COUNT_NOTES: Statement = Statement::new("select count(*) from notes");

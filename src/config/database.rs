//! The database: which one, and how hard it may be worked.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

use super::section::section;
use super::setting::{Rejected, Setting, Shown};
use crate::database::PostgresAddress;

section! {
    /// The database, which is embedded (SQLite) or a PostgreSQL server.
    pub struct Database in "database" {
        /// The database to use: `sqlite://PATH`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST/NAME`.
        ///
        /// Default: `sqlite://` and `countersign.db` in the data directory. The variable `DATABASE_URL` sets it too.
        /// A PostgreSQL URL may name several hosts, of which the one that takes writes is used. To a host elsewhere it
        /// should end with `?sslmode=verify-full`: without `sslmode` the connection is in the clear, and warned of.
        pub url: Option<DatabaseUrl> = None;

        /// The most connections to keep open.
        ///
        /// PostgreSQL answers best with about twice as many as it has cores, over all nodes; SQLite uses them for
        /// reads, and has one writer besides.
        pub max_connections: u32 = 16, in 1..=1000;

        /// How long one statement may run before it is given up, in seconds.
        ///
        /// Shorter than `http.request_timeout_seconds`, so that a request that waits for the database is answered.
        pub statement_timeout_seconds: u32 = 2, in 1..=300;

        /// How long to wait at the start for a database that does not answer yet, in seconds.
        ///
        /// After that the service ends with exit code 2, so that a service manager sees it.
        pub connect_timeout_seconds: u32 = 30, in 1..=3600;
    }
}

/// Which database to use.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// An SQLite file, created where it is missing.
    Sqlite(PathBuf),
    /// An SQLite database that lives as long as the process.
    SqliteInMemory,
    /// A PostgreSQL server, by its URL, which may hold a password.
    Postgres(SecretString),
}

impl DatabaseUrl {
    /// Whether a database on another machine is spoken with in the clear because the URL does not say `sslmode`. Where it
    /// says `disable`, somebody has decided that.
    #[must_use]
    pub fn is_in_the_clear_unasked(&self) -> bool {
        let Self::Postgres(url) = self else { return false };
        PostgresAddress::parse(url.expose_secret()).is_ok_and(|address| address.is_in_the_clear_unasked())
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return sqlite(rest.strip_prefix("//").unwrap_or(rest));
        }
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(DatabaseUrlError::UnknownKind);
        }
        PostgresAddress::parse(text).map_err(DatabaseUrlError::Postgres)?;
        Ok(Self::Postgres(SecretString::from(text)))
    }
}

/// Why a text names no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseUrlError {
    /// It begins with another scheme.
    #[error("must begin with sqlite: or postgres://")]
    UnknownKind,
    /// There is no path after `sqlite:`.
    #[error("must name a file, such as sqlite://countersign.db, or be sqlite::memory:")]
    NoFile,
    /// Something follows the path after a question mark.
    #[error("takes no parameters after the path of an SQLite file")]
    SqliteParameters,
    /// It is none of PostgreSQL's; says why, without repeating it.
    #[error("is no PostgreSQL URL: {0}")]
    Postgres(String),
}

impl fmt::Display for DatabaseUrl {
    /// Writes the URL without user and password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{}", path.display()),
            Self::SqliteInMemory => formatter.write_str("sqlite::memory:"),
            Self::Postgres(url) => match PostgresAddress::parse(url.expose_secret()) {
                Ok(address) => address.fmt(formatter),
                Err(_) => formatter.write_str("postgres://(hidden)"),
            },
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({self})")
    }
}

impl Setting for DatabaseUrl {
    fn allowed() -> String {
        "sqlite://PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/NAME".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        text.parse().map_err(|error: DatabaseUrlError| Rejected::Because(error.to_string()))
    }

    fn shown(&self) -> Shown {
        Shown::text(self.to_string())
    }
}

fn sqlite(path: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    match path {
        "" => Err(DatabaseUrlError::NoFile),
        ":memory:" => Ok(DatabaseUrl::SqliteInMemory),
        path if path.contains('?') => Err(DatabaseUrlError::SqliteParameters),
        path => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn displayed(url: &str) -> String {
        url.parse::<DatabaseUrl>().map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn sqlite_is_a_path_or_memory() {
        assert_eq!(displayed("sqlite://./data/a.db"), "sqlite://./data/a.db");
        assert_eq!(displayed("sqlite:///var/lib/a.db"), "sqlite:///var/lib/a.db");
        assert_eq!(displayed("sqlite:a.db"), "sqlite://a.db");
        assert_eq!(displayed("sqlite::memory:"), "sqlite::memory:");
        assert_eq!(displayed("sqlite://:memory:"), "sqlite::memory:");
        assert_eq!(displayed("sqlite://"), DatabaseUrlError::NoFile.to_string());
        assert_eq!(displayed("sqlite://a.db?mode=ro"), DatabaseUrlError::SqliteParameters.to_string());
    }

    #[test]
    fn a_postgres_url_is_displayed_without_credentials() {
        assert_eq!(displayed("postgres://ada:marker@one:5432,two:5433/main"), "postgres://one,two/main");
        assert_eq!(displayed("postgresql://one/main?user=ada&password=marker"), "postgres://one/main");
        for url in ["postgres://ada:x@marker@one/main", "postgres://ada:p/marker?@one/main", "mysql://ada:marker@one"] {
            assert!(!displayed(url).contains("marker"), "{url} → {}", displayed(url));
        }
    }

    #[test]
    fn a_server_elsewhere_is_in_the_clear_unless_the_url_says_how() {
        let is_unasked = |url: &str| url.parse::<DatabaseUrl>().unwrap().is_in_the_clear_unasked();

        for url in [
            "postgres://ada@db.example.com/main",
            "postgres://ada@localhost,two/main?connect_timeout=3",
            "postgres://ada@10.0.0.5/main",
            "postgres://ada@localhost/main?hostaddr=10.0.0.5",
        ] {
            assert!(is_unasked(url), "{url}");
        }
        for url in [
            "postgres://ada@db.example.com/main?sslmode=verify-full",
            "postgres://ada@db.example.com/main?connect_timeout=3&sslmode=disable",
            "postgres://ada@LOCALHOST/main",
            "postgres://ada@127.0.0.1,[::1]/main",
            "postgres:///main?host=/run/postgresql",
            "postgres://ada@db.example.com/main?hostaddr=127.0.0.1",
            "sqlite://main.db",
        ] {
            assert!(!is_unasked(url), "{url}");
        }
    }

    #[test]
    fn a_fault_in_a_postgres_url_does_not_repeat_it() {
        for url in ["postgres://ada:marker@one:port/main", "postgres://ada:marker@one/main?sslmode=marker&x=marker"] {
            let shown = displayed(url);

            assert!(shown.contains("is no PostgreSQL URL"), "{shown}");
            assert!(!shown.contains("marker"), "{shown}");
        }
    }
}

//! What an operator may set about the database, with the defaults.
//!
//! Knows nothing of configuration files: `config` fills this in.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::circuit_breaker;

/// Where the database is and how long to wait for it.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://path`, `sqlite::memory:` or `postgres://…`.
    pub url: DatabaseUrl,
    /// Connections to PostgreSQL, at most. Default 16.
    ///
    /// A server has 100 by default (`max_connections`), shared by all nodes; a statement holds one for a
    /// millisecond. SQLite needs no such limit: its readers never wait for one another.
    pub max_connections: usize,
    /// How long the first connection may take when the service starts. Default 30 s.
    pub connect_timeout: Duration,
    /// How long to wait for a pooled connection, or for one's turn to write. Default 2 s.
    pub wait_timeout: Duration,
    /// How long one statement, or the answer to a commit, may take. Default 2 s.
    pub statement_timeout: Duration,
    /// How long a transaction may stay open before it is rolled back. Default 1 s.
    ///
    /// SQLite has one writer: whoever holds a transaction open keeps all others waiting. The time counts from
    /// the turn being granted, so a task that has stopped running gives it back as well. On PostgreSQL it is the time
    /// between two statements, and the whole may take one `statement_timeout` more.
    pub lease: Duration,
    /// How SQLite reads its file. Default [`Paging::Mapped`].
    pub paging: Paging,
    /// When the breaker before the database opens, and how it finds the database back.
    pub breaker: circuit_breaker::Settings,
}

/// How SQLite reads its file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Paging {
    /// Through the page cache of the system: for a server, whose readers share it.
    Mapped,
    /// Into 16 MiB of each connection's own: for a command that goes through everything once and shall stay small.
    Copied,
}

impl DatabaseSettings {
    /// The defaults, for the database at `url`.
    pub fn new(url: impl Into<DatabaseUrl>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            connect_timeout: Duration::from_secs(30),
            wait_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(2),
            lease: Duration::from_secs(1),
            paging: Paging::Mapped,
            breaker: circuit_breaker::Settings::DATABASE,
        }
    }
}

impl From<&str> for DatabaseSettings {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

/// The address of a database. It may hold a password, so it prints without it.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The address with its password, for the driver.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url.into())
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for DatabaseUrl {
    /// The scheme, hosts and name. Not the credentials, nor the parameters: libpq takes a password there as well.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.expose();
        let url = url.split_once('?').map_or(url, |(address, _)| address);
        let Some((scheme, rest)) = url.split_once("://") else {
            // `sqlite::memory:`, or a libpq list of key=value pairs that may hold anything.
            return formatter.write_str(if url.starts_with("sqlite:") { url } else { "(an address without a scheme)" });
        };
        let address =
            if scheme == "sqlite" { rest } else { rest.rsplit_once('@').map_or(rest, |(_, address)| address) };
        write!(formatter, "{scheme}://{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_without_its_password() {
        let shown = |url: &str| format!("{:?} {}", DatabaseSettings::new(url), DatabaseUrl::from(url));

        for url in [
            "postgres://ada:s3cret@one:5432,two:5432/countersign?target_session_attrs=read-write",
            "postgres://ada:with@s3cret@one/countersign",
            "postgres://one/countersign?user=ada&password=s3cret",
            "host=one user=ada password=s3cret",
        ] {
            assert!(!shown(url).contains("s3cret"), "{}", shown(url));
        }
        assert!(shown("postgres://ada:s3cret@one,two/countersign").ends_with("postgres://one,two/countersign"));
        assert!(shown("sqlite:///var/lib/countersign.db").ends_with("sqlite:///var/lib/countersign.db"));
        assert!(shown("sqlite::memory:").ends_with("sqlite::memory:"));
    }
}

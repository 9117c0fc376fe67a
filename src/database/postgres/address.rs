//! The address of a PostgreSQL server, as `DATABASE_URL` has it: hosts, name, options, and how it is spoken with.
//!
//! The driver knows no `sslrootcert` and not all modes of libpq, so `sslmode` and what belongs to it are read here, once
//! for the settings and for the pool. Nothing that it prints holds a user or a password.

use std::fmt;
use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A server that an URL names, or several of which one takes writes.
pub struct PostgresAddress {
    pub(super) config: Config,
    tls: Option<Tls>,
}

/// How a server is spoken with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Tls {
    Off,
    /// Verified by the certificates of the machine and, if given, those of a file in PEM form.
    Verified {
        root: Option<String>,
    },
}

impl PostgresAddress {
    /// Reads an address in libpq's form.
    ///
    /// # Errors
    /// What is wrong with it. The driver's own words name the option that is wrong and never a value.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (mut kept, mut mode, mut root) = (Vec::new(), None, None);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => root = Some(decode(value)),
                _ => kept.push(parameter),
            }
        }
        let tls = match mode {
            None => None,
            Some("disable") => Some(Tls::Off),
            Some("require" | "verify-ca" | "verify-full") => Some(Tls::Verified { root }),
            Some(_) => return Err(UNKNOWN_MODE.to_owned()),
        };
        let config = format!("{address}?{}", kept.join("&")).parse::<Config>().map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            cause.unwrap_or_else(|| error.to_string())
        })?;
        Ok(Self { config, tls })
    }

    /// How the server is spoken with: in the clear, unless the address says otherwise.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone().unwrap_or(Tls::Off)
    }

    /// Whether a server on another machine is spoken with in the clear because the address does not say `sslmode`. Where
    /// it says `disable`, somebody has decided that.
    #[must_use]
    pub fn is_in_the_clear_unasked(&self) -> bool {
        // Addresses, where there are any, are what the driver connects to instead of the names.
        let is_elsewhere = match self.config.get_hostaddrs() {
            [] => self.config.get_hosts().iter().any(is_elsewhere),
            addresses => addresses.iter().any(|address| !address.is_loopback()),
        };
        self.tls.is_none() && is_elsewhere
    }
}

const UNKNOWN_MODE: &str = "sslmode must be disable or verify-full: whatever is in between can be stripped on the way";

impl fmt::Display for PostgresAddress {
    /// Writes hosts and name as the driver understands them; what it takes for a host shows only if it looks like one,
    /// because the rest of a password with an `@` in it would be taken for a host as well.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Option<Vec<String>> = self.config.get_hosts().iter().map(host_name).collect();
        match hosts {
            Some(hosts) => {
                let name = self.config.get_dbname().unwrap_or_default();
                write!(formatter, "postgres://{}/{name}", hosts.join(","))
            }
            None => formatter.write_str("postgres://(hidden)"),
        }
    }
}

fn is_elsewhere(host: &Host) -> bool {
    match host {
        Host::Tcp(name) if name.eq_ignore_ascii_case("localhost") => false,
        Host::Tcp(name) => !name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => false,
    }
}

fn host_name(host: &Host) -> Option<String> {
    match host {
        Host::Tcp(name) => {
            let plausible =
                name.chars().all(|character| character.is_ascii_alphanumeric() || "-._:".contains(character));
            plausible.then(|| name.clone())
        }
        #[cfg(unix)]
        Host::Unix(path) => Some(path.display().to_string()),
    }
}

/// A path in a query: `%2F` and the like, where a plus is a plus.
fn decode(value: &str) -> String {
    let pair = format!("={}", value.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, path)| path.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Result<Tls, String> {
        PostgresAddress::parse(url).map(|address| address.tls())
    }

    #[test]
    fn tls_is_verified_or_off() {
        assert_eq!(tls("postgres://ada@one/countersign"), Ok(Tls::Off));
        assert_eq!(tls("postgres://ada@one/countersign?sslmode=disable"), Ok(Tls::Off));
        assert_eq!(tls("postgres://ada@one/countersign?sslmode=require"), Ok(Tls::Verified { root: None }));
        assert_eq!(
            tls("postgres://ada@one/countersign?application_name=a&sslmode=verify-full&sslrootcert=%2Fetc%2Fa+b.pem"),
            Ok(Tls::Verified { root: Some("/etc/a+b.pem".to_owned()) })
        );
        assert_eq!(tls("postgres://ada@one/countersign?sslmode=prefer"), Err(UNKNOWN_MODE.to_owned()));
    }

    #[test]
    fn an_address_that_makes_no_sense_is_refused_without_its_password() {
        let refused = tls("postgres://ada:s3cret@one/countersign?unheard_of=1").unwrap_err();

        assert!(refused.contains("unheard_of"));
        assert!(!refused.contains("s3cret"));
    }
}

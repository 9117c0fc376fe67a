//! From an address to a pool of connections.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::error::DatabaseError;
use super::super::settings::DatabaseSettings;

/// How much later than ours the server's limit on idle transactions is, so that ours is the one that is told.
const LATER: Duration = Duration::from_millis(250);

/// Makes the pool. Connects nowhere yet.
pub(super) fn pool(settings: &DatabaseSettings) -> Result<Pool, DatabaseError> {
    let address = Address::parse(settings.url.expose())?;
    let config = configure(address.config, &address.tls, settings);
    // A connection that the server has closed is known without asking it; one that is frozen is found by deadlines.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match address.tls {
        Tls::Off => Manager::from_config(config, NoTls, recycling),
        Tls::Verified { root } => Manager::from_config(config, connector(root.as_deref())?, recycling),
    };
    Pool::builder(manager)
        .max_size(settings.max_connections)
        .wait_timeout(Some(settings.wait_timeout))
        .create_timeout(Some(settings.wait_timeout))
        .recycle_timeout(Some(settings.wait_timeout))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| invalid(error.to_string()))
}

/// An address in libpq's form, and what it says about TLS.
struct Address {
    config: Config,
    tls: Tls,
}

#[derive(Debug, Eq, PartialEq)]
enum Tls {
    Off,
    /// Verified by the certificates of the machine and, if given, those of a file in PEM form.
    Verified {
        root: Option<String>,
    },
}

impl Address {
    /// The driver knows no `sslrootcert` and fewer modes than libpq, so both are read here.
    fn parse(url: &str) -> Result<Self, DatabaseError> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut kept = Vec::new();
        let mut mode = "disable";
        let mut root = None;
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = value,
                Some(("sslrootcert", value)) => root = Some(decode(value)),
                _ => kept.push(parameter),
            }
        }
        let tls = match mode {
            "disable" => Tls::Off,
            "require" | "verify-ca" | "verify-full" => Tls::Verified { root },
            _ => {
                let reason =
                    "sslmode must be disable or verify-full: whatever is in between can be stripped on the way";
                return Err(invalid(reason));
            }
        };
        let config = Config::from_str(&format!("{address}?{}", kept.join("&"))).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            invalid(cause.unwrap_or_else(|| error.to_string()))
        })?;
        Ok(Self { config, tls })
    }
}

/// Fills in what the address leaves open.
fn configure(mut config: Config, tls: &Tls, settings: &DatabaseSettings) -> Config {
    config.ssl_mode(if *tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
    // After a failover the first host may be a standby; a node that cannot write is of no use.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("countersign");
    }
    if config.get_connect_timeout().is_none() {
        // A host that is gone must leave time for the next one.
        let hosts = u32::try_from(config.get_hosts().len().max(1)).unwrap_or(1);
        config.connect_timeout(settings.wait_timeout / hosts);
    }
    // The server gives up after we have, so that nothing waits for a lock, or holds one, on behalf of nobody.
    let limits = format!(
        "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
        config.get_options().unwrap_or_default(),
        settings.statement_timeout.as_millis(),
        (settings.lease + LATER).as_millis(),
    );
    config.options(limits);
    config
}

/// A path in a query: `%2F` and the like, where a plus is a plus.
fn decode(value: &str) -> String {
    let pair = format!("={}", value.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, path)| path.into_owned()).collect()
}

fn invalid(reason: impl Into<String>) -> DatabaseError {
    DatabaseError::Other(format!("the database address cannot be used: {}", reason.into()))
}

/// TLS as this service speaks it everywhere: verified, or not at all.
fn connector(root: Option<&str>) -> Result<MakeRustlsConnect, DatabaseError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut extra = Vec::new();
    if let Some(path) = root {
        for certificate in CertificateDer::pem_file_iter(Path::new(path)).map_err(|error| invalid(error.to_string()))? {
            extra.push(certificate.map_err(|error| invalid(error.to_string()))?);
        }
    }
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
    let verifier = verifier.map_err(|error| invalid(error.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| invalid(error.to_string()))?;
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Result<Tls, DatabaseError> {
        Address::parse(url).map(|address| address.tls)
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
        assert!(tls("postgres://ada@one/countersign?sslmode=prefer").is_err());
    }

    #[test]
    fn several_hosts_share_the_time_to_connect() {
        let settings = DatabaseSettings::new("postgres://ada@one:5432,two:5433/countersign");

        let address = Address::parse(settings.url.expose()).unwrap();
        let config = configure(address.config, &address.tls, &settings);

        assert_eq!(config.get_hosts().len(), 2);
        assert_eq!(config.get_ports(), [5432, 5433]);
        assert_eq!(config.get_connect_timeout(), Some(&(settings.wait_timeout / 2)));
        assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }

    #[test]
    fn an_address_that_makes_no_sense_is_refused_without_its_password() {
        let refused = tls("postgres://ada:s3cret@one/countersign?unheard_of=1").unwrap_err();

        assert!(refused.to_string().contains("unheard_of"));
        assert!(!refused.to_string().contains("s3cret"));
    }
}

//! From an address to a pool of connections.

use std::path::Path;
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
use super::address::{PostgresAddress, Tls};

/// How much later than ours the server's limit on idle transactions is, so that ours is the one that is told.
const LATER: Duration = Duration::from_millis(250);

/// Makes the pool. Connects nowhere yet.
pub(super) fn pool(settings: &DatabaseSettings) -> Result<Pool, DatabaseError> {
    let address = PostgresAddress::parse(settings.url.expose()).map_err(invalid)?;
    let tls = address.tls();
    let config = configure(address.config, &tls, settings);
    // A connection that the server has closed is known without asking it; one that is frozen is found by deadlines.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match tls {
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

    #[test]
    fn several_hosts_share_the_time_to_connect() {
        let settings = DatabaseSettings::new("postgres://ada@one:5432,two:5433/countersign");

        let address = PostgresAddress::parse(settings.url.expose()).unwrap();
        let config = configure(address.config, &Tls::Off, &settings);

        assert_eq!(config.get_hosts().len(), 2);
        assert_eq!(config.get_ports(), [5432, 5433]);
        assert_eq!(config.get_connect_timeout(), Some(&(settings.wait_timeout / 2)));
        assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }
}

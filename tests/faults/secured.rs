//! A home whose service speaks TLS, and clients that trust it.

use countersign::database::Engine;
use reqwest::{Certificate, Client, ClientBuilder};

use crate::certificates::{Authority, NAME};
use crate::home::Home;
use crate::process::{PATIENCE, Service};

/// A home whose service speaks TLS.
pub(crate) struct Secured {
    pub(crate) home: Home,
    pub(crate) authority: Authority,
}

impl Secured {
    pub(crate) fn new() -> Self {
        let (home, authority) = (Home::new(Engine::Sqlite), Authority::new());
        let (certificate, key) = (home.path("tls.crt"), home.path("tls.key"));
        authority.renew(&certificate, &key);
        let home = home
            .with("COUNTERSIGN_PUBLIC_URL", &format!("https://{NAME}"))
            .with("COUNTERSIGN_HTTP__TLS_CERT", certificate.to_str().unwrap())
            .with("COUNTERSIGN_HTTP__TLS_KEY", key.to_str().unwrap());
        Self { home, authority }
    }

    pub(crate) fn impatient() -> Self {
        let Self { home, authority } = Self::new();
        Self { home: home.with("COUNTERSIGN_HTTP__HEADER_TIMEOUT_SECONDS", "1"), authority }
    }

    /// A client that trusts the authority and knows where the name leads.
    pub(crate) fn client(&self, service: &Service) -> ClientBuilder {
        Client::builder()
            .tls_certs_only([Certificate::from_pem(self.authority.pem().as_bytes()).unwrap()])
            .resolve(NAME, service.address)
            .tls_info(true)
            .timeout(PATIENCE)
    }

    pub(crate) fn url(service: &Service, path: &str) -> String {
        format!("https://{NAME}:{}{path}", service.address.port())
    }
}

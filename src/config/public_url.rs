//! The address that the service is known by from outside.

use std::fmt;
use std::net::SocketAddr;

use url::{Host, Url};

use super::setting::{Rejected, Setting, Shown};

/// An `http` or `https` address without credentials, query or fragment, and without a slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Parses a public address; `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        plain.then(|| Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Returns the address of a listener.
    #[must_use]
    pub fn of_listener(address: SocketAddr, speaks_tls: bool) -> Self {
        Self(format!("{}://{address}", if speaks_tls { "https" } else { "http" }))
    }

    /// Returns the address as tokens carry it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether clients reach the service over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Tells whether it names this machine by an address, or as `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Setting for PublicUrl {
    fn allowed() -> String {
        "an address such as https://auth.example.com, without query or fragment".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        // It may hold a password by mistake, so it is not repeated.
        Self::parse(text).ok_or_else(|| Rejected::Because(format!("must be {}", <Self as Setting>::allowed())))
    }

    fn shown(&self) -> Shown {
        Shown::text(self.as_str())
    }
}

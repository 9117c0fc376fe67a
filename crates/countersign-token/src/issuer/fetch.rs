//! One request for an issuer's key set, bounded in time and size.

use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap};
use reqwest::{Client, Url, redirect};

use super::Transport;
use crate::key::KeyError;
use crate::key_set::KeySet;

/// The address of a key set, and the means to read it.
#[derive(Debug)]
pub(super) struct Endpoint {
    client: Client,
    url: Url,
}

/// A key set and how long it may be kept.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) max_age: Duration,
}

impl Endpoint {
    pub(super) fn new(url: &str, transport: Transport) -> Result<Self, StartError> {
        let url = Url::parse(url).map_err(|_| StartError::InvalidUrl(url.to_owned()))?;
        match (url.scheme(), transport) {
            ("https", _) | ("http", Transport::Any) => {}
            ("http", Transport::Secure) if is_this_machine(&url) => {}
            ("http", Transport::Secure) => return Err(StartError::PlainHttp(url.into())),
            _ => return Err(StartError::InvalidUrl(url.into())),
        }
        let client = Client::builder()
            .user_agent(concat!("countersign-token/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A redirect would be an address that nobody configured.
            .redirect(redirect::Policy::none());
        // A proxy of the environment (`HTTPS_PROXY`) passes TLS on unseen; what goes in the clear it could alter.
        let client = if url.scheme() == "http" { client.no_proxy() } else { client };
        let client = client.build().map_err(StartError::Client)?;
        Ok(Self { client, url })
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let request = self.client.get(self.url.clone()).header(ACCEPT, "application/jwk-set+json, application/json");
        let mut response = request.send().await?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let max_age = max_age(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let keys = KeySet::from_jwks(&String::from_utf8_lossy(&body))?;
        // An issuer that signs with a shared secret publishes an empty set: no good to us, and no better than before.
        if keys.is_empty() { Err(FetchError::NoKeys) } else { Ok(Fetched { keys, max_age }) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(formatter)
    }
}

/// Why keys can never be read from an address.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is no address of HTTPS or HTTP.
    #[error("{0:?} is no address of a key set")]
    InvalidUrl(String),
    /// It is plain HTTP to another machine; see
    /// [`allow_plain_http`](crate::IssuerBuilder::allow_plain_http).
    #[error("{0:?} would bring keys over plain HTTP, where anybody on the way can replace them")]
    PlainHttp(String),
    /// TLS could not be set up, for example for want of root certificates.
    #[error("the HTTP client could not be set up")]
    Client(#[source] reqwest::Error),
}

/// Why keys were not read this time.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the issuer did not answer")]
    Transport(#[from] reqwest::Error),
    #[error("the issuer answered with status {0}")]
    Status(u16),
    #[error("the issuer's answer is longer than 64 KiB")]
    TooLarge,
    #[error("the issuer's answer is no key set")]
    KeySet(#[from] KeyError),
    #[error("the issuer publishes no key for signatures")]
    NoKeys,
}

/// An issuer that is far away answers in a fraction of this; requests that wait for keys wait no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A hundred RSA keys fit.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the service says of its own key set; used where an answer says nothing.
const DEFAULT_MAX_AGE_SECONDS: u64 = 300;

/// Keys are read again once a day even if the answer allows a year, and once a second even if it allows nothing.
const MAX_AGE_SECONDS: std::ops::RangeInclusive<u64> = 1..=24 * 60 * 60;

/// Reads how long an answer may be kept (RFC 9111 §5.2.2.1).
fn max_age(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
        .and_then(|(_, seconds)| seconds.trim_matches('"').parse().ok())
        .unwrap_or(DEFAULT_MAX_AGE_SECONDS);
    Duration::from_secs(seconds.clamp(*MAX_AGE_SECONDS.start(), *MAX_AGE_SECONDS.end()))
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{CACHE_CONTROL, Duration, Endpoint, HeaderMap, StartError, Transport, max_age};

    #[test]
    fn plain_http_is_for_this_machine() {
        let secure = |url| Endpoint::new(url, Transport::Secure).map(|_| ());

        for url in ["https://auth.example.com/x", "http://127.0.0.1:8000/", "http://[::1]/", "http://localhost:8000/x"]
        {
            assert!(secure(url).is_ok(), "{url}");
        }
        for url in [
            "http://auth.example.com/",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "http://localhost.example/",
        ] {
            assert!(matches!(secure(url), Err(StartError::PlainHttp(_))), "{url}");
            assert!(Endpoint::new(url, Transport::Any).is_ok(), "{url}");
        }
        for url in ["", "auth.example.com", "file:///etc/keys.json", "ftp://auth.example.com/"] {
            assert!(matches!(secure(url), Err(StartError::InvalidUrl(_))), "{url}");
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_max_age_within_reason() {
        for (value, seconds) in [
            ("public, max-age=60", 60),
            ("Max-Age=\"60\"", 60),
            ("max-age=0", 1),
            ("max-age=31536000", 86_400),
            ("max-age=-1", 300),
            ("s-maxage=7", 300),
            ("no-store", 300),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(max_age(&headers), Duration::from_secs(seconds), "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), Duration::from_mins(5));
    }
}

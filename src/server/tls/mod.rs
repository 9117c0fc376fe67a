//! TLS of our own: the handshake, and a certificate that is replaced while connections come in.
//!
//! TLS 1.2 and 1.3 (RFC 9325 §3.1), HTTP/2 or HTTP/1.1 as the client prefers. It asks no client for a certificate and
//! takes no early data, which could be replayed.

mod pair;
mod renewal;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::info;

use self::pair::{Fingerprint, Pair, Text};
pub(super) use self::renewal::renew;
use crate::{clock::Clock, config::Http, domain::Timestamp};

pub use self::pair::PairError;

/// HTTP/2 (RFC 9113 §3.2).
const H2: &[u8] = b"h2";
/// HTTP/1.1 (RFC 7301 §6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// What speaks TLS. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
    files: Arc<Files>,
    /// What the files held at the start, and until when that is good.
    begun_with: (Fingerprint, Timestamp),
}

/// Where the certificate and its key are.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What was agreed on in the handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    /// HTTP/1.1, also with clients that do not say.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Files {
    fn of(settings: &Http) -> Option<Self> {
        let (certificate, key) = (settings.tls_cert.clone()?, settings.tls_key.clone()?);
        Some(Self { certificate, key })
    }
}

/// Reads the certificate and the key of the settings as the server would at its start, and answers when the certificate
/// expires; `None` if there is none.
///
/// # Errors
/// [`PairError`] says why a server would not start with them.
#[must_use]
pub fn certificate_expiry(settings: &Http, now: Timestamp) -> Option<Result<Timestamp, PairError>> {
    let files = Files::of(settings)?;
    let pair = Text::read(&files).and_then(|text| Pair::parse(&text, &files)).and_then(|pair| pair.checked(now));
    Some(pair.map(|pair| pair.expires))
}

impl Tls {
    /// Reads the certificate that the settings name; `None` if they name none.
    pub(super) fn of(settings: &Http, clock: &Clock) -> Result<Option<Self>, TlsError> {
        let Some(files) = Files::of(settings) else { return Ok(None) };
        let text = Text::read(&files)?;
        let pair = Pair::parse(&text, &files)?.checked(clock.now())?;
        info!(certificate = %files.certificate.display(), expires = %pair.expires, "TLS with this certificate");
        let certificate = Arc::new(Certificate(RwLock::new(Arc::clone(&pair.key))));
        let acceptor = TlsAcceptor::from(Arc::new(config(Arc::clone(&certificate))?));
        let begun_with = (text.fingerprint(), pair.expires);
        Ok(Some(Self { acceptor, certificate, files: Arc::new(files), begun_with }))
    }

    /// Shakes hands.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Protocol)> {
        let stream = self.acceptor.accept(stream).await?;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(H2) => Protocol::Http2,
            Some(_) | None => Protocol::Http1,
        };
        Ok((stream, protocol))
    }
}

fn config(certificate: Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
    // Who comes back needs no new signature; the keys of these tickets change every few hours and are kept nowhere.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// The certificate that is shown to whoever comes next.
#[derive(Debug)]
struct Certificate(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    fn replace(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

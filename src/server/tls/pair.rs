//! A certificate and its key, from two PEM files: read, matched, and valid on the day.
//!
//! It checks what the server itself can know. Whether anybody trusts the issuer is for the client to say.

use std::{fs, io, path::PathBuf, sync::Arc};

use rustls::{
    InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use x509_cert::{Certificate, der::Decode, time::Time};
use zeroize::Zeroizing;

use super::Files;
use crate::domain::Timestamp;

/// A certificate with its chain, and the key that goes with it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    begins: Timestamp,
    pub(super) expires: Timestamp,
    certificate: PathBuf,
}

/// What the two files held; never the key itself.
pub(super) type Fingerprint = [u8; 32];

/// The text of the two files.
pub(super) struct Text {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Text {
    pub(super) fn read(files: &Files) -> Result<Self, PairError> {
        let text =
            |path: &PathBuf| fs::read(path).map_err(|source| PairError::Unreadable { path: path.clone(), source });
        Ok(Self { certificate: text(&files.certificate)?, key: Zeroizing::new(text(&files.key)?) })
    }

    /// Tells these texts from others.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let certificate = Sha256::digest(&self.certificate);
        Sha256::new().chain_update(certificate).chain_update(&*self.key).finalize().into()
    }
}

impl Pair {
    /// Matches what the two files held.
    pub(super) fn parse(text: &Text, files: &Files) -> Result<Self, PairError> {
        let certificate = files.certificate.clone();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| PairError::NoCertificate(certificate.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(&text.key).map_err(|_| PairError::NoKey(files.key.clone()))?;
        let (begins, expires) = validity(&chain).ok_or_else(|| PairError::NoCertificate(certificate.clone()))?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                PairError::Mismatch { certificate: certificate.clone(), key: files.key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => PairError::NoCertificate(certificate.clone()),
            _ => PairError::NoKey(files.key.clone()),
        })?;
        Ok(Self { key: Arc::new(key), begins, expires, certificate })
    }

    /// The pair, if its certificate is valid at this time.
    pub(super) fn checked(self, now: Timestamp) -> Result<Self, PairError> {
        if now > self.expires {
            return Err(PairError::Expired { path: self.certificate, since: self.expires });
        }
        if now < self.begins {
            return Err(PairError::NotYetValid { path: self.certificate, from: self.begins });
        }
        Ok(self)
    }
}

/// When the first certificate of a chain begins and ends to be valid (RFC 5280 §4.1.2.5).
fn validity(chain: &[CertificateDer<'_>]) -> Option<(Timestamp, Timestamp)> {
    let certificate = Certificate::from_der(chain.first()?).ok()?;
    let instant = |time: Time| i64::try_from(time.to_unix_duration().as_secs()).map(Timestamp::from_unix_seconds);
    let validity = certificate.tbs_certificate.validity;
    Some((instant(validity.not_before).ok()?, instant(validity.not_after).ok()?))
}

/// Why a certificate and a key cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read.
    #[error(
        "cannot read {}: {source}. Let this user read it, or name another file with COUNTERSIGN_HTTP__TLS_CERT and \
         COUNTERSIGN_HTTP__TLS_KEY",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error(
        "{} holds no certificate that can be read: COUNTERSIGN_HTTP__TLS_CERT names a file with the certificate first \
         and its chain after it, in PEM",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error(
        "{} holds no private key that can be read: COUNTERSIGN_HTTP__TLS_KEY names a file with one key in PEM that has \
         no passphrase (openssl pkey -in FILE -out FILE)",
        .0.display()
    )]
    NoKey(PathBuf),
    /// They do not go together.
    #[error(
        "the key in {} is not the key of the certificate in {}: name the files that were issued together",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// Its time is over.
    #[error("the certificate in {} expired at {since}: renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        since: Timestamp,
    },
    /// Its time has not come.
    #[error("the certificate in {} is not valid before {from}: check the clock of this machine", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// From when on it is.
        from: Timestamp,
    },
}

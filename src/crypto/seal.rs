//! Sealing: secrets that rest in the database are encrypted under a key derived from the root secret.
//!
//! AES-256-GCM with a random nonce; the key by HKDF-SHA256 (RFC 5869) from the root secret. What is sealed is
//! bound to its name (as associated data), so a row cannot be swapped for another. With several root secrets
//! the first seals and all open: that is how a root secret is replaced without losing what it guards.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf::{self, HKDF_SHA256},
};
use zeroize::Zeroizing;

use crate::config::{RootSecret, RootSecrets};

/// The first byte of everything sealed, so that the format can change one day.
const VERSION: u8 = 1;
/// Bytes that tell which root secret sealed a value; not secret, too few to help a guess.
const FINGERPRINT_LEN: usize = 4;
/// The nonce of AES-GCM (NIST SP 800-38D §8.2).
const NONCE_LEN: usize = 12;

/// Seals and opens secrets under the root secrets.
pub struct Sealer {
    /// In the order of the configuration; never empty.
    keys: Vec<SealingKey>,
}

struct SealingKey {
    fingerprint: [u8; FINGERPRINT_LEN],
    key: RandomizedNonceKey,
}

/// Why something sealed could not be opened, or a sealer not be made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No root secret was given.
    #[error("no root secret was given")]
    NoRootSecret,
    /// None of the root secrets sealed this.
    #[error("it was sealed under another root secret than the ones given")]
    OtherSecret,
    /// The bytes were altered, cut, or belong to another name.
    #[error("it was altered, or it belongs to something else")]
    Altered,
    /// The cryptographic library refused; it does not say why.
    #[error("the cryptographic library failed")]
    Library,
}

impl Sealer {
    /// Derives the sealing keys; the first secret seals, all of them open.
    ///
    /// # Errors
    /// [`SealError::NoRootSecret`] if there is none; [`SealError::Library`] should not happen.
    fn new<'a>(root_secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, SealError> {
        let keys = root_secrets.into_iter().map(SealingKey::derive).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(SealError::NoRootSecret) } else { Ok(Self { keys }) }
    }

    /// Derives the sealing keys of the configured root secrets.
    ///
    /// # Errors
    /// [`SealError::Library`] should not happen: there is always a root secret.
    pub fn under(root_secrets: &RootSecrets) -> Result<Self, SealError> {
        Self::new(root_secrets.opening().map(RootSecret::expose))
    }

    /// Encrypts `secret`; only [`Sealer::open`] with the same `name` reads it again.
    ///
    /// # Errors
    /// [`SealError::Library`] if the system has no randomness to give.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some(SealingKey { fingerprint, key }) = self.keys.first() else { return Err(SealError::NoRootSecret) };
        let mut text = Zeroizing::new(secret.to_vec());
        let nonce =
            key.seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut *text).map_err(|_| SealError::Library)?;
        Ok([&[VERSION], fingerprint.as_slice(), nonce.as_ref(), text.as_slice()].concat())
    }

    /// Decrypts what [`Sealer::seal`] made under the same name.
    ///
    /// # Errors
    /// [`SealError::OtherSecret`] when none of the root secrets sealed it, [`SealError::Altered`] when one did
    /// but the bytes or the name do not fit.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let parts = Parts::split(sealed).ok_or(SealError::Altered)?;
        let SealingKey { key, .. } =
            self.keys.iter().find(|key| key.fingerprint == parts.fingerprint).ok_or(SealError::OtherSecret)?;
        let mut text = Zeroizing::new(parts.text.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(parts.nonce).map_err(|_| SealError::Altered)?;
        let length =
            key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut text).map_err(|_| SealError::Altered)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Whether `sealed` was sealed under another than the first root secret and should be sealed again.
    #[must_use]
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        let current = self.keys.first().map(|key| key.fingerprint.as_slice());
        Parts::split(sealed).map(|parts| parts.fingerprint) != current
    }
}

impl SealingKey {
    fn derive(root_secret: &[u8]) -> Result<Self, SealError> {
        let root = hkdf::Salt::new(HKDF_SHA256, b"countersign").extract(root_secret);
        let expand = |info: &[u8], into: &mut [u8]| {
            root.expand(&[info], Length(into.len()))
                .and_then(|derived| derived.fill(into))
                .map_err(|_| SealError::Library)
        };
        let mut key = Zeroizing::new([0; 32]);
        let mut fingerprint = [0; FINGERPRINT_LEN];
        expand(b"seal/1/key", key.as_mut_slice())?;
        expand(b"seal/1/fingerprint", &mut fingerprint)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| SealError::Library)?;
        Ok(Self { fingerprint, key })
    }
}

/// How many bytes HKDF is to give.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The parts of a sealed value, in their order.
struct Parts<'a> {
    fingerprint: &'a [u8],
    nonce: &'a [u8],
    text: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(sealed: &'a [u8]) -> Option<Self> {
        let (&version, rest) = sealed.split_first()?;
        let (fingerprint, rest) = rest.split_at_checked(FINGERPRINT_LEN)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        (version == VERSION).then_some(Self { fingerprint, nonce, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secrets: &[&str]) -> Sealer {
        Sealer::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap()
    }

    #[test]
    fn what_is_sealed_can_be_opened_under_its_name_only() {
        let one = sealer(&["a"]);

        let sealed = one.seal("key/1", b"secret").unwrap();

        assert_eq!(one.open("key/1", &sealed).unwrap().as_slice(), b"secret");
        assert!(matches!(one.open("key/2", &sealed), Err(SealError::Altered)));
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let one = sealer(&["a"]);
        let sealed = one.seal("key", b"secret").unwrap();

        for position in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[position] ^= 1 << bit;
                assert!(one.open("key", &altered).is_err(), "byte {position}, bit {bit}");
            }
            assert!(one.open("key", &sealed[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn a_new_first_secret_seals_while_the_old_one_still_opens() {
        let old = sealer(&["old"]).seal("key", b"secret").unwrap();
        let both = sealer(&["new", "old"]);

        assert_eq!(both.open("key", &old).unwrap().as_slice(), b"secret");
        assert!(both.is_outdated(&old));
        let again = both.seal("key", b"secret").unwrap();
        assert!(!both.is_outdated(&again));
        assert!(matches!(sealer(&["old"]).open("key", &again), Err(SealError::OtherSecret)));
    }

    #[test]
    fn the_same_secret_never_looks_the_same_twice() {
        let one = sealer(&["a"]);

        assert_ne!(one.seal("key", b"secret").unwrap(), one.seal("key", b"secret").unwrap());
    }
}

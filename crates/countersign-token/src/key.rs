//! Keys that check signatures.
//!
//! A key knows its name and its algorithm and is parsed once; a token chooses among keys by name and has no other
//! say in how it is checked.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use crate::jwk::Jwk;
use crate::{Algorithm, strict};

/// A key that checks signatures, with its name (`kid`) and its algorithm.
#[derive(Clone)]
pub struct VerificationKey {
    kid: String,
    algorithm: Algorithm,
    material: Material,
    jwk: Option<Jwk>,
}

#[derive(Clone)]
enum Material {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl VerificationKey {
    /// Reads one public key in JSON form (RFC 7517).
    ///
    /// # Errors
    /// [`KeyError`] tells what is wrong. A private or a symmetric key is refused: neither belongs where public keys
    /// are read, and a key set that could name an HMAC secret would let its server choose the algorithm.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        strict::members(json.as_bytes()).map_err(|_| KeyError::Malformed)?;
        let key = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        Jwk::read(key).and_then(Self::from_public)
    }

    /// Takes the secret that the service knows as `JWT_SECRET`, byte by byte as it stands there.
    ///
    /// The key's name is derived from the secret, so that both sides agree on it.
    ///
    /// # Errors
    /// [`KeyError::Weak`] under 32 bytes (RFC 7518 §3.2).
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::Weak);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        // A keyed digest tells no more about the secret than any token that it signed.
        let digest = hmac::sign(&key, b"countersign-token kid");
        let kid = strict::encode(digest.as_ref().get(..16).unwrap_or_default());
        Ok(Self { kid, algorithm: Algorithm::Hs256, material: Material::Secret(Box::new(key)), jwk: None })
    }

    /// Returns the key's name in a token's header.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the only algorithm that the key is for.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key in the form in which it may be published; `None` for a secret.
    #[must_use]
    pub const fn jwk(&self) -> Option<&Jwk> {
        self.jwk.as_ref()
    }

    /// Tells whether a signature over a message is genuine.
    ///
    /// This is the bare primitive of RFC 7518 §3 and RFC 8037 §3.1: it looks at no header and no claim. To check a
    /// token use [`Verifier`](crate::Verifier).
    #[must_use]
    pub fn is_signature(&self, signature: &[u8], message: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }

    /// Makes a key of a parsed public one.
    pub(crate) fn from_public(jwk: Jwk) -> Result<Self, KeyError> {
        if jwk.kid.is_empty() || jwk.kid.len() > MAX_KID_BYTES {
            return Err(KeyError::Malformed);
        }
        let algorithm = jwk.algorithm()?;
        let key = match algorithm {
            Algorithm::Es256 => p256(&jwk),
            Algorithm::EdDsa => ed25519(&jwk),
            Algorithm::Rs256 => rsa(&jwk),
            Algorithm::Hs256 => Err(KeyError::Unsupported),
        }?;
        Ok(Self { kid: jwk.kid.clone(), algorithm, material: Material::Public(key), jwk: Some(jwk) })
    }

    /// Makes a signature with the secret; `None` for a public key.
    #[cfg(feature = "sign")]
    pub(crate) fn tag(&self, message: &[u8]) -> Option<hmac::Tag> {
        match &self.material {
            Material::Secret(key) => Some(hmac::sign(key, message)),
            Material::Public(_) => None,
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerificationKey({} {})", self.algorithm, self.kid)
    }
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// It is no JSON object of the right shape, or its numbers make no key.
    #[error("the key is malformed")]
    Malformed,
    /// It is of a kind, or for a use, that no token is checked with.
    #[error("the key is of an unsupported kind")]
    Unsupported,
    /// It carries a private part, or is a secret.
    #[error("the key holds something private where public keys are read")]
    Private,
    /// It is too short: an RSA key under 2048 bits (RFC 7518 §3.3), a secret under 32 bytes (§3.2).
    #[error("the key is too short")]
    Weak,
    /// Two keys of one set have the same name.
    #[error("two keys have the same name")]
    DuplicateName,
}

/// The length of an HS256 secret, in bytes, that RFC 7518 §3.2 demands.
const MIN_SECRET_BYTES: usize = 32;

/// The longest name of a key, in bytes. A thumbprint (RFC 7638) has 43.
pub(crate) const MAX_KID_BYTES: usize = 128;

/// RFC 7518 §6.2.1.2: coordinates have the full length of the curve. The library refuses points off the curve.
fn p256(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    let (x, y) = (number(jwk.x.as_ref())?, number(jwk.y.as_ref())?);
    if x.len() != 32 || y.len() != 32 {
        return Err(KeyError::Malformed);
    }
    // 4 announces an uncompressed point (SEC 1 §2.3.3).
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::Malformed)
}

fn ed25519(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    let x = number(jwk.x.as_ref())?;
    if x.len() != 32 {
        return Err(KeyError::Malformed);
    }
    ParsedPublicKey::new(&ED25519, x).map_err(|_| KeyError::Malformed)
}

fn rsa(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    let (n, e) = (number(jwk.n.as_ref())?, number(jwk.e.as_ref())?);
    // 2048 bits are 256 bytes, the highest bit set.
    if n.len() < 256 || (n.len() == 256 && n.first().is_some_and(|first| *first < 0x80)) {
        return Err(KeyError::Weak);
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(|_| KeyError::Malformed)
}

fn number(text: Option<&String>) -> Result<Vec<u8>, KeyError> {
    text.and_then(|text| strict::decode(text)).ok_or(KeyError::Malformed)
}

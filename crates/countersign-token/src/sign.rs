//! Making access tokens, which only their issuer does.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::jwk::{Jwk, Material};
use crate::key::{KeyError, VerificationKey};
use crate::verifier::P256_HALF_ORDER;
use crate::{Algorithm, Claims, strict};

/// A key that signs access tokens.
pub struct Signer {
    private: Private,
    public: VerificationKey,
    /// The encoded header: the same for every token of this key.
    header: String,
}

impl Signer {
    /// Takes a private key in PKCS#8 form (RFC 5958).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is no such key of that algorithm; [`KeyError::Unsupported`] for HS256, whose
    /// keys are secrets; [`KeyError::Weak`] for an RSA key under 2048 bits.
    pub fn from_pkcs8(algorithm: Algorithm, kid: &str, der: &[u8]) -> Result<Self, KeyError> {
        let (private, jwk) = match algorithm {
            Algorithm::Es256 => p256(kid, der),
            Algorithm::EdDsa => ed25519(kid, der),
            Algorithm::Rs256 => rsa(kid, der),
            Algorithm::Hs256 => Err(KeyError::Unsupported),
        }?;
        Self::new(private, VerificationKey::from_public(jwk)?)
    }

    /// Takes an HS256 secret; see [`VerificationKey::from_secret`].
    ///
    /// # Errors
    /// [`KeyError::Weak`] under 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        Self::new(Private::Hs256, VerificationKey::from_secret(secret)?)
    }

    /// Returns the key that checks what this one signs.
    #[must_use]
    pub const fn verification_key(&self) -> &VerificationKey {
        &self.public
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`SignError`] if the cryptographic library fails, which it does only for want of memory or randomness.
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let claims = serde_json::to_vec(claims).map_err(|_| SignError)?;
        let mut token = format!("{}.{}", self.header, strict::encode(&claims));
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&strict::encode(&signature));
        Ok(token)
    }

    fn new(private: Private, public: VerificationKey) -> Result<Self, KeyError> {
        let header = serde_json::to_vec(&Header { alg: public.algorithm().name(), typ: "at+jwt", kid: public.kid() })
            .map_err(|_| KeyError::Malformed)?;
        Ok(Self { private, header: strict::encode(&header), public })
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.private {
            Private::Es256(key) => {
                let mut signature = key.sign(&SystemRandom::new(), message).map_err(|_| SignError)?.as_ref().to_vec();
                lower_s(&mut signature);
                Ok(signature)
            }
            Private::EdDsa(key) => Ok(key.try_sign(message).map_err(|_| SignError)?.as_ref().to_vec()),
            Private::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| SignError)?;
                Ok(signature)
            }
            Private::Hs256 => Ok(self.public.tag(message).ok_or(SignError)?.as_ref().to_vec()),
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Signer({} {})", self.public.algorithm(), self.public.kid())
    }
}

/// The library could not sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SignError;

/// Makes a private key in PKCS#8 form; RSA with 3072 bits (128-bit security, NIST SP 800-57 part 1 §5.6.1).
///
/// # Errors
/// [`KeyError::Unsupported`] for HS256, whose key is any 32 random bytes; [`KeyError::Malformed`] if the library
/// fails, which it does only for want of memory or randomness.
pub fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let random = SystemRandom::new();
    let der = match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| KeyError::Malformed)?
            .as_ref()
            .to_vec(),
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| KeyError::Malformed)?.as_ref().to_vec(),
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::Malformed)?;
            pair.as_der().map_err(|_| KeyError::Malformed)?.as_ref().to_vec()
        }
        Algorithm::Hs256 => return Err(KeyError::Unsupported),
    };
    Ok(Zeroizing::new(der))
}

/// RFC 9068 §2.1.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

enum Private {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
    /// The secret itself is in the verification key.
    Hs256,
}

fn p256(kid: &str, der: &[u8]) -> Result<(Private, Jwk), KeyError> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| KeyError::Malformed)?;
    // 4, x, y: an uncompressed point (SEC 1 §2.3.3).
    let point = pair.public_key().as_ref();
    let (x, y) = point.get(1..).and_then(|point| point.split_at_checked(32)).ok_or(KeyError::Malformed)?;
    let jwk = Jwk::published(kid, &Material::Es256 { x, y });
    Ok((Private::Es256(pair), jwk))
}

fn ed25519(kid: &str, der: &[u8]) -> Result<(Private, Jwk), KeyError> {
    let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let jwk = Jwk::published(kid, &Material::EdDsa { x: pair.public_key().as_ref() });
    Ok((Private::EdDsa(pair), jwk))
}

fn rsa(kid: &str, der: &[u8]) -> Result<(Private, Jwk), KeyError> {
    let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let jwk = Jwk::published(
        kid,
        &Material::Rs256 { n: n.big_endian_without_leading_zero(), e: e.big_endian_without_leading_zero() },
    );
    Ok((Private::Rs256(pair), jwk))
}

/// Replaces `s` by `n − s` if that is lower, so that a token has one valid signature and not two.
fn lower_s(signature: &mut [u8]) {
    let Some(s) = signature.get_mut(32..).filter(|s| **s > *P256_HALF_ORDER.as_slice()) else { return };
    let mut borrow = false;
    for (digit, order) in s.iter_mut().zip(P256_ORDER).rev() {
        let (difference, first) = order.overflowing_sub(*digit);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (difference, first || second);
    }
}

/// The order of P-256 (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

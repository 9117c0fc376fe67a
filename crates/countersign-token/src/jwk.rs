//! Public keys as JSON (RFC 7517), as the service publishes them.
//!
//! Never a secret: a key that carries a private part, or is symmetric, is refused where it is read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Algorithm;
use crate::key::KeyError;
#[cfg(feature = "sign")]
use crate::strict;

/// A public key in JSON form (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Jwk {
    /// `EC`, `OKP` or `RSA`.
    pub kty: String,
    /// The key's name in a token's header.
    pub kid: String,
    /// The algorithm that the key is for; where it is missing, `kty` and `crv` decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What the key is for: `sig`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The curve: `P-256` or `Ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The point's first coordinate, or an Ed25519 key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The point's second coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The RSA modulus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The RSA exponent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl Jwk {
    /// Reads a key that holds nothing private.
    pub(crate) fn read(key: Value) -> Result<Self, KeyError> {
        if PRIVATE_MEMBERS.iter().any(|name| key.get(name).is_some()) {
            return Err(KeyError::Private);
        }
        serde_json::from_value(key).map_err(|_| KeyError::Malformed)
    }

    /// Tells which algorithm the key is for.
    pub(crate) fn algorithm(&self) -> Result<Algorithm, KeyError> {
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("RSA", _) => Algorithm::Rs256,
            _ => return Err(KeyError::Unsupported),
        };
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let for_algorithm = self.alg.as_deref().is_none_or(|name| name == algorithm.name());
        if for_signatures && for_algorithm { Ok(algorithm) } else { Err(KeyError::Unsupported) }
    }

    /// Writes a public key as the service publishes it.
    #[cfg(feature = "sign")]
    pub(crate) fn published(kid: &str, material: &Material<'_>) -> Self {
        let (kty, algorithm, crv) = match material {
            Material::Es256 { .. } => ("EC", Algorithm::Es256, Some("P-256")),
            Material::EdDsa { .. } => ("OKP", Algorithm::EdDsa, Some("Ed25519")),
            Material::Rs256 { .. } => ("RSA", Algorithm::Rs256, None),
        };
        let mut jwk = Self {
            kty: kty.to_owned(),
            kid: kid.to_owned(),
            alg: Some(algorithm.name().to_owned()),
            usage: Some("sig".to_owned()),
            crv: crv.map(str::to_owned),
            x: None,
            y: None,
            n: None,
            e: None,
        };
        match material {
            Material::Es256 { x, y } => (jwk.x, jwk.y) = (Some(strict::encode(x)), Some(strict::encode(y))),
            Material::EdDsa { x } => jwk.x = Some(strict::encode(x)),
            Material::Rs256 { n, e } => (jwk.n, jwk.e) = (Some(strict::encode(n)), Some(strict::encode(e))),
        }
        jwk
    }
}

/// The numbers that make a public key.
#[cfg(feature = "sign")]
pub(crate) enum Material<'a> {
    /// A point of P-256.
    Es256 { x: &'a [u8], y: &'a [u8] },
    /// An Ed25519 key.
    EdDsa { x: &'a [u8] },
    /// An RSA modulus and exponent.
    Rs256 { n: &'a [u8], e: &'a [u8] },
}

/// RFC 7518 §6.2.2, §6.3.2 and §6.4.1, RFC 8037 §2.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

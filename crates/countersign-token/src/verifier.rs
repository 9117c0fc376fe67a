//! Deciding whether an access token is genuine, ours, for us, and alive.
//!
//! No I/O and no clock: keys and the time are handed in. Whether the session is still open is not known here; the
//! service itself asks its database, others trust a token until it expires.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::header::Header;
use crate::key::VerificationKey;
use crate::key_set::KeySet;
use crate::{Algorithm, Claims, strict};

/// Checks access tokens of one issuer for one audience.
///
/// What a token must pass, in this order: form, header, a key of the issuer by its name, that key's algorithm, the
/// signature; only then are the claims read (RFC 8725 §3, RFC 9068 §4).
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    leeway_seconds: i64,
    keys: KeySet,
}

impl Verifier {
    /// Expects tokens of `issuer` (the public address of the service, to the letter) for `audience`, signed with one
    /// of `keys`. Clocks may differ by 5 seconds; see [`with_leeway`](Self::with_leeway).
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySet) -> Self {
        Self { issuer: issuer.into(), audience: audience.into(), leeway_seconds: DEFAULT_LEEWAY_SECONDS, keys }
    }

    /// Sets how far this machine's clock may be from the issuer's: whole seconds, more than 30 are 30.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway_seconds = i64::try_from(leeway.as_secs()).unwrap_or(MAX_LEEWAY_SECONDS).min(MAX_LEEWAY_SECONDS);
        self
    }

    /// Returns the same verifier with other keys.
    #[must_use]
    pub fn with_keys(mut self, keys: KeySet) -> Self {
        self.keys = keys;
        self
    }

    /// Returns the keys that tokens are checked with.
    #[must_use]
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Checks a token at a given time, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`VerifyError`] names the first check that failed. To the bearer they are all one answer: 401.
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, VerifyError> {
        let claims = self.verify_signature(token)?;
        self.check(&claims, now)?;
        Ok(claims)
    }

    /// Checks a token at this moment by the machine's clock.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_now(&self, token: &str) -> Result<Claims, VerifyError> {
        self.verify(token, unix_seconds())
    }

    /// Checks again, at another time, claims that this verifier returned before: much cheaper than
    /// [`verify`](Self::verify) for whoever remembers verified tokens. Forget them when keys change.
    ///
    /// # Errors
    /// [`VerifyError`] as far as it concerns claims.
    pub fn check(&self, claims: &Claims, now: i64) -> Result<(), VerifyError> {
        if claims.iss != self.issuer {
            return Err(VerifyError::WrongIssuer);
        }
        if claims.aud != self.audience {
            return Err(VerifyError::WrongAudience);
        }
        if now >= claims.exp.saturating_add(self.leeway_seconds) {
            return Err(VerifyError::Expired);
        }
        // A token from the future was made by somebody else's clock, or by somebody else (RFC 7519 §4.1.6).
        if now.saturating_add(self.leeway_seconds) < claims.nbf.max(claims.iat) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(())
    }

    fn verify_signature(&self, token: &str) -> Result<Claims, VerifyError> {
        let parts = Parts::split(token)?;
        let header = Header::parse(&strict::decode(parts.header).ok_or(VerifyError::Malformed)?)?;
        let signature = strict::decode(parts.signature).ok_or(VerifyError::Malformed)?;

        let Some(key) = self.keys.key(&header.kid) else {
            return Err(VerifyError::UnknownKey { kid: header.kid });
        };
        if header.alg != key.algorithm().name() {
            return Err(VerifyError::WrongAlgorithm);
        }
        if !is_sole_spelling(key, &signature) || !key.is_signature(&signature, parts.signed.as_bytes()) {
            return Err(VerifyError::BadSignature);
        }

        let claims = strict::decode(parts.claims).ok_or(VerifyError::Malformed)?;
        strict::members(&claims).map_err(|_| VerifyError::Malformed)?;
        serde_json::from_slice(&claims).map_err(|error| VerifyError::InvalidClaims(error.to_string()))
    }
}

/// Why a token is refused.
///
/// The text is for logs. Of a forged token it repeats nothing but, for [`UnknownKey`](Self::UnknownKey), the name of
/// the key: 128 bytes at most, with control characters escaped.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// It is longer than 8 KiB, or not three canonical base64url segments of which two hold JSON objects in which
    /// each member is named once.
    #[error("the token is malformed")]
    Malformed,
    /// The header has a member that no access token of this service has, such as `crit` or `jwk`.
    #[error("the token's header has a member that is refused")]
    RefusedHeader,
    /// It is a token for something else than access.
    #[error("the token is no access token")]
    WrongType,
    /// The issuer has no key of that name, or has it only since the keys were last read.
    #[error("no key is named {kid:?}")]
    UnknownKey {
        /// The name, as the bearer wrote it.
        kid: String,
    },
    /// The header names another algorithm than the key's.
    #[error("the token's algorithm is not its key's")]
    WrongAlgorithm,
    /// The signature is not that key's over this token.
    #[error("the signature is wrong")]
    BadSignature,
    /// A claim is missing or ill-typed, although the signature is right: issuer and verifier disagree on the format.
    #[error("the claims are invalid: {0}")]
    InvalidClaims(String),
    /// Another issuer made it.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
}

impl VerifyError {
    /// Tells whether nothing is wrong with the token but its age: time to refresh.
    #[must_use]
    pub const fn is_expired(&self) -> bool {
        matches!(self, Self::Expired)
    }
}

/// The longest token that is looked at, in bytes: what common servers accept of a header line.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Machines that keep time by NTP differ by far less; one that has just been resumed may not.
const DEFAULT_LEEWAY_SECONDS: i64 = 5;

/// A longer leeway lengthens the life of stolen tokens for the sake of broken clocks.
const MAX_LEEWAY_SECONDS: i64 = 30;

/// The three segments of a token.
struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// Header, dot and claims: what the signature is over.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits at the dots, before anything is decoded.
    fn split(token: &'a str) -> Result<Self, VerifyError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(VerifyError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(VerifyError::Malformed)?;
        if claims.contains('.') {
            return Err(VerifyError::Malformed);
        }
        Ok(Self { header, claims, signature, signed })
    }
}

/// Tells whether the signature is the one of its twins that the issuer makes.
///
/// With `(r, s)` also `(r, n − s)` is a valid ECDSA signature, which anybody can compute: a second spelling of a
/// token. The issuer always signs with the lower `s`, so the higher is refused.
fn is_sole_spelling(key: &VerificationKey, signature: &[u8]) -> bool {
    match key.algorithm() {
        Algorithm::Es256 => signature.get(32..).is_some_and(|s| s <= P256_HALF_ORDER.as_slice()),
        Algorithm::EdDsa | Algorithm::Rs256 | Algorithm::Hs256 => true,
    }
}

/// Half the order of P-256, rounded down (SEC 2 §2.4.2).
pub(crate) const P256_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// The time by the machine's clock, in seconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock; `verify` takes the time instead")]
fn unix_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

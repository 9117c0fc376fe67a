//! The four signature algorithms a token may use.

use std::fmt;

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1).
///
/// An algorithm belongs to a key. What a token's header says about it is compared with the key, never followed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: the default of the service.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 8192 bits.
    Rs256,
    /// HMAC with SHA-256: whoever can check a token can also make one.
    Hs256,
}

impl Algorithm {
    /// Returns the name used in a token's header, such as `ES256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

//! Digests of what is counted: whoever reads the tables of the limits learns no address and no name.
//!
//! A plain hash of an IPv4 address is undone by trying all of them. These are under a key that rests sealed in the
//! database, so every node computes the same and a copy of the tables alone tells nothing.

use aws_lc_rs::hmac::{self, HMAC_SHA256};

use super::refresh_token::RefreshTokenKey;

/// A digest. Half of an HMAC-SHA-256 (RFC 2104 §5): 128 bits, for two among 2^64 to be the same.
pub type Digest = [u8; 16];

/// The key of the digests.
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// The key that belongs to the key of the refresh tokens, which is random, and the same on every node.
    #[must_use]
    pub fn derived_from(refresh_tokens: &RefreshTokenKey) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, &refresh_tokens.derive(*b"digests")))
    }

    /// The digest of these parts, for one purpose and no other.
    #[must_use]
    pub fn digest(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        // Each with its length, so that no two lists of parts read alike.
        for part in [purpose.as_bytes()].iter().chain(parts) {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_the_key_the_purpose_and_every_part() {
        let [key, other] = [[1; 32], [2; 32]].map(|bytes| DigestKey::derived_from(&RefreshTokenKey::new(&bytes)));

        let digest = key.digest("login", &[b"ada", b"192.0.2.1"]);

        assert_eq!(digest, key.digest("login", &[b"ada", b"192.0.2.1"]));
        for different in [
            other.digest("login", &[b"ada", b"192.0.2.1"]),
            key.digest("logins", &[b"ada", b"192.0.2.1"]),
            key.digest("login", &[b"ada1", b"92.0.2.1"]),
            key.digest("login", &[b"ada192.0.2.1"]),
            key.digest("login", &[b"ada"]),
        ] {
            assert_ne!(digest, different);
        }
    }
}

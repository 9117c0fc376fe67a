//! Refresh tokens: opaque to clients, self-checking to us.
//!
//! `csr_` and then, in base64url, the session's id, its generation, the session's secret and an HMAC-SHA-256
//! over these under a key that rests sealed in the database. A forged or altered token is therefore refused
//! without asking the database; the row keeps only a digest of the secret, so neither a stolen database nor a
//! stolen key alone makes a token. Nothing in it is random per generation: the successor of a token is
//! computed, which is why a lost answer can be given again.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What every refresh token begins with, so that secret scanners recognise a leaked one.
pub const PREFIX: &str = "csr_";

const ID_LEN: usize = 16;
const GENERATION_LEN: usize = 4;
/// 128 bits of entropy: ASVS 5.0 §7.2.3.
const SECRET_LEN: usize = 16;
const TAG_LEN: usize = 32;
const BODY_LEN: usize = ID_LEN + GENERATION_LEN + SECRET_LEN;
const TOKEN_LEN: usize = BODY_LEN + TAG_LEN;

/// The secret of one session: 128 random bits that only its refresh tokens hold.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionSecret([u8; SECRET_LEN]);

impl SessionSecret {
    /// A secret from 16 random bytes.
    #[must_use]
    pub fn new(random: [u8; SECRET_LEN]) -> Self {
        Self(random)
    }

    /// What the session's row keeps of it: SHA-256. The secret is random, so nothing slower is needed.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// What a genuine refresh token says.
pub struct RefreshToken {
    /// The session's id.
    pub session: [u8; ID_LEN],
    /// How many refreshes the session has seen when this token was made.
    pub generation: u32,
    /// The session's secret, to be compared with the digest in its row.
    pub secret: SessionSecret,
}

impl RefreshToken {
    /// The token that a refresh trades this one for: always the same.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self { generation: self.generation.saturating_add(1), session: self.session, secret: self.secret.clone() }
    }
}

/// The key under which refresh tokens are made and recognised.
pub struct RefreshTokenKey(hmac::Key);

impl RefreshTokenKey {
    /// How many random bytes make a key (RFC 2104 §3: the length of the hash).
    pub const LEN: usize = 32;

    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, bytes))
    }

    /// A key for another purpose. What it is computed from is never the body of a token: that is longer.
    pub(super) fn derive(&self, purpose: [u8; 7]) -> [u8; TAG_LEN] {
        let tag = hmac::sign(&self.0, &purpose);
        tag.as_ref().try_into().unwrap_or([0; TAG_LEN])
    }

    /// Writes a token for its owner.
    #[must_use]
    pub fn write(&self, token: &RefreshToken) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_LEN));
        bytes.extend_from_slice(&token.session);
        bytes.extend_from_slice(&token.generation.to_be_bytes());
        bytes.extend_from_slice(&token.secret.0);
        let tag = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(tag.as_ref());
        Zeroizing::new(format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes)))
    }

    /// Reads a token, if it was made under this key and not altered since.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        let mut bytes = Zeroizing::new([0; TOKEN_LEN]);
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
        let (body, tag) = decoded.split_at_checked(BODY_LEN)?;
        hmac::verify(&self.0, body, tag).ok()?;

        let (session, rest) = body.split_first_chunk::<ID_LEN>()?;
        let (generation, rest) = rest.split_first_chunk::<GENERATION_LEN>()?;
        let secret = rest.first_chunk::<SECRET_LEN>()?;
        Some(RefreshToken {
            session: *session,
            generation: u32::from_be_bytes(*generation),
            secret: SessionSecret::new(*secret),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> RefreshToken {
        RefreshToken { session: [7; 16], generation: 3, secret: SessionSecret::new([9; 16]) }
    }

    #[test]
    fn what_was_written_can_be_read() {
        let key = RefreshTokenKey::new(&[1; 32]);

        let read = key.read(&key.write(&token())).unwrap();

        assert_eq!((read.session, read.generation, read.secret.0), ([7; 16], 3, [9; 16]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let key = RefreshTokenKey::new(&[1; 32]);
        let text = key.write(&token());

        for position in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[position] ^= 1 << bit;
                let altered = String::from_utf8_lossy(&bytes);
                assert!(key.read(&altered).is_none(), "character {position}, bit {bit}: {altered}");
            }
            assert!(key.read(&text[..position]).is_none(), "cut at {position}");
        }
        assert!(key.read(&format!("{}A", *text)).is_none());
        assert!(key.read(&format!("{}=", *text)).is_none());
    }

    #[test]
    fn another_key_recognises_nothing() {
        let text = RefreshTokenKey::new(&[1; 32]).write(&token());

        assert!(RefreshTokenKey::new(&[2; 32]).read(&text).is_none());
    }

    #[test]
    fn a_token_has_one_successor() {
        let key = RefreshTokenKey::new(&[1; 32]);

        assert_eq!(*key.write(&token().successor()), *key.write(&token().successor()));
    }
}

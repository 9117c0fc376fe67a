//! One-time codes: what proves that somebody reads the mail of an address.
//!
//! Two forms of one right: 256 random bits in a link, and eight characters to be typed where a link cannot be opened.
//! The first cannot be guessed. The second is 40 bits: whoever takes it must count the tries, and it only means
//! something together with the address that it was sent to. Neither can be printed, and both are wiped when dropped.

use base64ct::{Base64UrlUnpadded, Encoding};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{DigestKey, digest_key, random};
use crate::domain::Email;

/// What every token in a link begins with, so that secret scanners recognise a leaked one.
pub const PREFIX: &str = "csc_";

/// 256 bits.
const TOKEN_LEN: usize = 32;

/// What a link carries.
pub struct OneTimeToken(Zeroizing<[u8; TOKEN_LEN]>);

impl OneTimeToken {
    /// A token that nobody has seen.
    #[must_use]
    pub fn random() -> Self {
        Self(random::secret())
    }

    /// Reads a token; `None` if it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; TOKEN_LEN]);
        let decoded = Base64UrlUnpadded::decode(text.trim().strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
        (decoded.len() == TOKEN_LEN).then_some(Self(bytes))
    }

    /// Writes the token for its one reader. Its characters need no escape in a URL.
    #[must_use]
    pub fn write(&self) -> SecretString {
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(self.0.as_slice()));
        SecretString::from(format!("{PREFIX}{}", *text))
    }

    /// What the code's row keeps of it: SHA-256. The token is random, so nothing slower is needed.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_slice()).into()
    }
}

/// What may be typed instead: eight characters of Crockford's base 32, in which nothing looks like anything else.
pub struct TypedCode(Zeroizing<[u8; TYPED_LEN]>);

/// Eight characters of five bits each: 40 bits.
const TYPED_LEN: usize = 8;

/// <https://www.crockford.com/base32.html>: without I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl TypedCode {
    /// A code that nobody has seen.
    #[must_use]
    pub fn random() -> Self {
        let mut characters = random::secret::<TYPED_LEN>();
        // 256 is a multiple of 32, so every character is as likely as any other.
        characters.iter_mut().for_each(|byte| *byte = character(*byte % 32));
        Self(characters)
    }

    /// Reads a code as people type it: in any case, with spaces and hyphens, an O for a zero, an I or L for a one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).map(|byte| byte.to_ascii_uppercase());
        let mut characters = Zeroizing::new([0; TYPED_LEN]);
        for place in characters.iter_mut() {
            *place = match typed.next()? {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                byte if ALPHABET.contains(&byte) => byte,
                _ => return None,
            };
        }
        typed.next().is_none().then_some(Self(characters))
    }

    /// Writes the code for its one reader, in two groups: `K7QM-4XRT`.
    #[must_use]
    pub fn write(&self) -> SecretString {
        let text = String::from_utf8_lossy(self.0.as_slice());
        let (first, second) = text.split_at_checked(TYPED_LEN / 2).unwrap_or_default();
        SecretString::from(format!("{first}-{second}"))
    }

    /// What the code's row keeps of it: a digest under a key, with what the code is for and where it was sent. The same
    /// eight characters mean nothing for another purpose or address.
    #[must_use]
    pub fn digest(&self, key: &DigestKey, purpose: &str, sent_to: &Email) -> digest_key::Digest {
        key.digest("one_time_code", &[purpose.as_bytes(), sent_to.as_str().as_bytes(), self.0.as_slice()])
    }
}

fn character(value: u8) -> u8 {
    ALPHABET.get(usize::from(value)).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::super::refresh_token::RefreshTokenKey;
    use super::*;

    #[test]
    fn a_token_that_was_written_can_be_read() {
        let token = OneTimeToken::random();

        let text = token.write();

        assert_eq!(OneTimeToken::parse(text.expose_secret()).unwrap().digest(), token.digest());
        assert!(text.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(OneTimeToken::random().digest(), token.digest());
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let text = OneTimeToken::random().write().expose_secret().to_owned();
        for wrong in
            ["", PREFIX, &text[1..], &text[..text.len() - 1], &format!("{text}A"), &text.replace("csc_", "csr_")]
        {
            assert!(OneTimeToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_typed_code_is_read_however_it_is_typed() {
        let written = TypedCode(Zeroizing::new(*b"K0QM1XRT"));
        assert_eq!(written.write().expose_secret(), "K0QM-1XRT");
        for typed in ["K0QM-1XRT", "k0qm1xrt", " KOQM lXRT ", "koqm-ixrt"] {
            assert_eq!(TypedCode::parse(typed).unwrap().0, written.0, "{typed}");
        }
        for wrong in ["", "K0QM-1XR", "K0QM-1XRTT", "U0QM-1XRT", "K0QM_1XRT", "К0QM-1XRT"] {
            assert!(TypedCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_character_is_drawn_and_none_that_looks_like_another() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..400 {
            seen.extend(*TypedCode::random().0);
        }
        // That one of 32 is missing in 3,200 draws has a chance of 2^-141.
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ALPHABET);
    }

    #[test]
    fn a_typed_code_is_bound_to_its_purpose_and_its_address() {
        let key = DigestKey::derived_from(&RefreshTokenKey::new(&[1; 32]));
        let (ada, eve) = (Email::parse("ada@example.com").unwrap(), Email::parse("eve@example.com").unwrap());
        let code = TypedCode(Zeroizing::new(*b"K7QM4XRT"));

        let digest = code.digest(&key, "reset_password", &ada);

        assert_eq!(digest, TypedCode::parse("k7qm-4xrt").unwrap().digest(&key, "reset_password", &ada));
        assert_ne!(digest, code.digest(&key, "reset_password", &eve));
        assert_ne!(digest, code.digest(&key, "confirm_email", &ada));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_looked_at(text in "\\PC{0,60}") {
            let _ = (OneTimeToken::parse(&text).is_some(), TypedCode::parse(&text).is_some());
        }
    }
}

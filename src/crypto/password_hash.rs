//! The stored form of a password: bcrypt, and bcrypt behind HMAC-SHA256 for what bcrypt cannot take whole.
//!
//! It parses, prints and compares; it computes nothing expensive: that is done on the threads of
//! [`super::hash_pool`]. It does not check hashes of passwords that their maker cut to 72 bytes: such a password
//! is wrong here, and its owner resets it.

use std::fmt;

use aws_lc_rs::hmac;
use base64ct::{Base64, Base64Bcrypt, Encoding};
use bcrypt_lanes::{Digest, Key, Salt};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::Password;

/// How much work a new hash is: 2^cost rounds of bcrypt.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Cost(bcrypt_lanes::Cost);

impl Cost {
    /// 12, a quarter of a second of one core of 2023, and what the API promises.
    pub const DEFAULT: Self = Self(bcrypt_lanes::Cost::of::<12>());
    /// The least that a server may be configured to.
    pub const MIN: Self = Self::DEFAULT;
    /// The most, about four seconds: more could not be hashed within the queue's ten.
    pub const MAX: Self = Self(bcrypt_lanes::Cost::of::<16>());

    /// Takes a cost from the configuration.
    ///
    /// # Errors
    /// [`CostError`] outside of [`Cost::MIN`] to [`Cost::MAX`].
    pub fn new(cost: u8) -> Result<Self, CostError> {
        match bcrypt_lanes::Cost::new(cost) {
            Ok(known) if (Self::MIN.0..=Self::MAX.0).contains(&known) => Ok(Self(known)),
            _ => Err(CostError),
        }
    }

    /// The least that bcrypt knows, 16 rounds, for tests that hash a lot. No configuration leads here.
    #[must_use]
    pub const fn for_tests() -> Self {
        Self(bcrypt_lanes::Cost::MIN)
    }

    /// The number as it is written in a hash.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// The same for bcrypt.
    pub(super) const fn of_bcrypt(self) -> bcrypt_lanes::Cost {
        self.0
    }
}

#[cfg(test)]
impl Cost {
    /// One above [`Cost::for_tests`], so that it outdates what was made there.
    pub(super) const ABOVE_FOR_TESTS: Self = Self(bcrypt_lanes::Cost::of::<5>());
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A cost that is not between 12 and 16.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the cost of a password hash is between 12 and 16")]
pub struct CostError;

/// A password hash as a row has it.
///
/// `$2b$NN$…` for passwords of at most 72 bytes without NUL, else passlib's `$bcrypt-sha256$v=2,t=2b,r=N$…`;
/// `$2a$` and `$2y$` of other implementations are checked but never made. Not printed by `Debug`: whoever reads
/// a log may not begin to guess.
#[derive(Clone)]
pub struct PasswordHash {
    text: String,
    scheme: Scheme,
    cost: bcrypt_lanes::Cost,
    salt: Salt,
    digest: Digest,
}

/// What bcrypt is given as the password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scheme {
    /// The password itself.
    Plain,
    /// HMAC-SHA256 of the password under the salt's text, in base64. Being keyed with the salt it is not the
    /// hash of another site's breach, so such a table cannot be used to shuck the bcrypt off.
    Hmac,
}

impl PasswordHash {
    /// Reads the stored text.
    ///
    /// # Errors
    /// [`UnknownHash`] if it is of no format above, or its cost is not between 4 and 16.
    pub fn parse(text: &str) -> Result<Self, UnknownHash> {
        let (scheme, cost, salt, digest) = fields(text).ok_or(UnknownHash)?;
        let cost = bcrypt_lanes::Cost::new(cost).map_err(|_| UnknownHash)?;
        if cost > Cost::MAX.0 {
            return Err(UnknownHash);
        }
        Ok(Self { text: text.to_owned(), scheme, cost, salt: decoded(salt)?, digest: decoded(digest)? })
    }

    /// The text to store.
    #[must_use]
    pub fn as_stored(&self) -> &str {
        &self.text
    }

    /// Whether it is less work to guess than a hash made at this cost.
    #[must_use]
    pub fn is_outdated(&self, cost: Cost) -> bool {
        self.cost < cost.0
    }

    /// Writes the hash of a password whose [`NewHash::key`] made this digest.
    pub(super) fn made(plan: &NewHash, digest: Digest) -> Self {
        let (salt, scheme) = (plan.salt, plan.scheme);
        let (salt_text, digest_text) = (Base64Bcrypt::encode_string(&salt), Base64Bcrypt::encode_string(&digest));
        let cost = plan.cost.get();
        let text = match scheme {
            Scheme::Plain => format!("{PLAIN_PREFIX}{cost:02}${salt_text}{digest_text}"),
            Scheme::Hmac => format!("{HMAC_PREFIX}{cost}${salt_text}${digest_text}"),
        };
        Self { text, scheme, cost: plan.cost.0, salt, digest }
    }

    /// What to hash to compare a password with this, and whether the outcome can count.
    ///
    /// It cannot if the password is one that this scheme never takes; what is hashed then only costs the same.
    pub(super) fn key(&self, password: &Password) -> (Key, bool) {
        let password = password.expose().as_bytes();
        let plain = if self.scheme == Scheme::Plain { Key::from_password(password).ok() } else { None };
        match plain {
            Some(key) => (key, true),
            None => (hmac_key(&self.salt_text(), password), self.scheme == Scheme::Hmac),
        }
    }

    pub(super) fn cost(&self) -> bcrypt_lanes::Cost {
        self.cost
    }

    pub(super) fn salt(&self) -> Salt {
        self.salt
    }

    /// Compares in a time that does not tell where the difference is.
    pub(super) fn has_digest(&self, digest: &Digest) -> bool {
        self.digest.ct_eq(digest).into()
    }

    /// The salt as written, which keys the HMAC.
    fn salt_text(&self) -> String {
        fields(&self.text).map_or_else(String::new, |(_, _, salt, _)| salt.to_owned())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A stored text that is no hash of a known format: a case for the operator, not for the person signing in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the stored password hash has an unknown format")]
pub struct UnknownHash;

/// What a new hash will be made of, before the work is done.
pub(super) struct NewHash {
    pub(super) cost: Cost,
    pub(super) salt: Salt,
    scheme: Scheme,
}

impl NewHash {
    /// Chooses the scheme for a password and the key to hash.
    pub(super) fn plan(password: &Password, cost: Cost, salt: Salt) -> (Self, Key) {
        let password = password.expose().as_bytes();
        let (scheme, key) = match Key::from_password(password) {
            Ok(key) => (Scheme::Plain, key),
            Err(_) => (Scheme::Hmac, hmac_key(&Base64Bcrypt::encode_string(&salt), password)),
        };
        (Self { cost, salt, scheme }, key)
    }
}

/// `$2b$` says that the implementation is free of two defects of 2011 and 2014; without them all three are one.
const PLAIN_PREFIX: &str = "$2b$";
/// Version 2 of passlib's `bcrypt_sha256`; version 1 had a bare SHA-256 and is not taken.
const HMAC_PREFIX: &str = "$bcrypt-sha256$v=2,t=2b,r=";
/// 16 bytes in base64, and 23.
const SALT_CHARACTERS: usize = 22;
const DIGEST_CHARACTERS: usize = 31;

/// Takes a stored text apart: scheme, cost, salt, digest.
fn fields(text: &str) -> Option<(Scheme, u8, &str, &str)> {
    let (scheme, cost, salt, digest) = if let Some(rest) = text.strip_prefix(HMAC_PREFIX) {
        let mut parts = rest.split('$');
        let (cost, salt, digest) = (parts.next()?, parts.next()?, parts.next()?);
        let is_canonical = parts.next().is_none() && !cost.starts_with('0');
        (Scheme::Hmac, is_canonical.then_some(cost)?, salt, digest)
    } else {
        let rest = [PLAIN_PREFIX, "$2a$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_at_checked(SALT_CHARACTERS)?;
        (Scheme::Plain, (cost.len() == 2).then_some(cost)?, salt, digest)
    };
    let is_number = cost.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = salt.len() == SALT_CHARACTERS && digest.len() == DIGEST_CHARACTERS;
    (is_number && is_whole).then_some((scheme, cost.parse().ok()?, salt, digest))
}

/// Decodes bcrypt's base64, whatever the surplus bits of the last character are: some implementations set them.
fn decoded<const N: usize>(text: &str) -> Result<[u8; N], UnknownHash> {
    // A full last group has no surplus bits to be checked; "." stands for zero.
    let padded = format!("{text:.<width$}", width = text.len().next_multiple_of(4));
    let bytes = Base64Bcrypt::decode_vec(&padded).map_err(|_| UnknownHash)?;
    bytes.first_chunk().copied().ok_or(UnknownHash)
}

/// What [`Scheme::Hmac`] gives to bcrypt: 44 characters of padded base64.
fn hmac_key(salt_text: &str, password: &[u8]) -> Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt_text.as_bytes()), password);
    let text = Zeroizing::new(Base64::encode_string(tag.as_ref()));
    Key::from_truncated(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = "$2b$12$VIxQvS3NE.h7ZxYo.DLv4en9QInsb3J75TisRHFUisMp/1qv47b8W";
    const HMAC: &str = "$bcrypt-sha256$v=2,t=2b,r=12$qOfEsb5vvrQFD8WZYzlPNO$aXbhkYuCzT3oUEpB6ehUY4hiLFVyAAG";

    #[test]
    fn known_formats_are_read_and_kept() {
        for text in [PLAIN.to_owned(), HMAC.to_owned(), PLAIN.replace("2b", "2a"), PLAIN.replace("2b", "2y")] {
            let hash = PasswordHash::parse(&text).unwrap();
            assert_eq!((hash.as_stored(), hash.cost().get()), (text.as_str(), 12));
        }
    }

    #[test]
    fn what_is_no_known_hash_is_refused() {
        for text in [
            "",
            "$",
            "$2b$",
            "correct horse battery staple",
            &PLAIN.replace("2b", "2x"),
            &PLAIN.replace("2b", "2"),
            &PLAIN.replace("$12$", "$03$"),
            &PLAIN.replace("$12$", "$17$"),
            &PLAIN.replace("$12$", "$+9$"),
            &PLAIN.replace("$12$", "$9$"),
            &PLAIN.replace('Q', "="),
            &PLAIN.replace('Q', "é"),
            &format!("{PLAIN}x"),
            &PLAIN[..59],
            &HMAC.replace("v=2", "v=1"),
            &HMAC.replace("t=2b", "t=2a"),
            &HMAC.replace("r=12", "r=012"),
            &HMAC.replace("r=12", "r=31"),
            &HMAC.replace('Q', "+"),
            &format!("{HMAC}$"),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAA",
        ] {
            assert!(PasswordHash::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lower_cost_is_outdated_and_a_higher_one_is_not() {
        let hash = PasswordHash::parse(PLAIN).unwrap();
        assert!(hash.is_outdated(Cost::new(13).unwrap()));
        assert!(!hash.is_outdated(Cost::DEFAULT));
        assert!(!hash.is_outdated(Cost::for_tests()));
    }

    #[test]
    fn a_server_cannot_be_told_to_hash_cheaply_or_forever() {
        assert_eq!((0..=u8::MAX).filter(|&cost| Cost::new(cost).is_ok()).collect::<Vec<_>>(), [12, 13, 14, 15, 16]);
    }

    #[test]
    fn is_never_printed() {
        assert_eq!(format!("{:?}", PasswordHash::parse(HMAC).unwrap()), "PasswordHash(…)");
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_back(salt: Salt, digest: Digest, raw in "\\PC{0,30}|x{70,75}|\0?") {
            let (plan, _) = NewHash::plan(&Password::presented(raw), Cost::DEFAULT, salt);
            let made = PasswordHash::made(&plan, digest);
            let read = PasswordHash::parse(made.as_stored()).unwrap();
            prop_assert_eq!((read.salt(), read.scheme, read.cost().get()), (salt, made.scheme, 12));
            prop_assert!(read.has_digest(&digest));
        }

        #[test]
        fn a_difference_in_any_bit_counts(salt: Salt, digest: Digest, bit in 0_usize..184) {
            let (plan, _) = NewHash::plan(&Password::presented(String::new()), Cost::DEFAULT, salt);
            let mut other = digest;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!PasswordHash::made(&plan, digest).has_digest(&other));
        }

        #[test]
        fn no_text_is_too_strange_to_be_refused(text in "\\PC{0,90}|\\$2b\\$12\\$\\PC{40,60}|\\$bcrypt-sha256\\$v=2,t=2b,r=[0-9]{1,3}\\$[./A-Za-z0-9$]{50,60}") {
            if let Ok(hash) = PasswordHash::parse(&text) { prop_assert_eq!(hash.as_stored(), text); }
        }
    }
}

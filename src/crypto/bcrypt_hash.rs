//! Bcrypt as it is stored: plain, and behind a digest for what bcrypt cannot take whole.
//!
//! It does not check hashes of passwords that their maker cut to 72 bytes: such a password is wrong here, and its
//! owner resets it.

use aws_lc_rs::{digest, hmac};
use base64ct::{Base64, Base64Bcrypt, Encoding};
use bcrypt_lanes::{Digest, Key, Salt};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::password_hash::{Cost, UnknownHash};
use crate::domain::Password;

/// A bcrypt hash, and what bcrypt was given.
#[derive(Clone)]
pub(super) struct Bcrypt {
    scheme: Scheme,
    cost: bcrypt_lanes::Cost,
    salt: Salt,
    digest: Digest,
    /// The salt as written, which keys the HMAC.
    salt_text: String,
}

/// What bcrypt is given as the password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scheme {
    /// The password itself.
    Plain,
    /// HMAC-SHA256 of the password under the salt's text, in base64. Being keyed with the salt it is not the
    /// hash of another site's breach, so such a table cannot be used to shuck the bcrypt off.
    Hmac,
    /// Django's: SHA-256 of the password, in hex. Checked, never made.
    Sha256,
}

impl Bcrypt {
    /// Whether a text says that it is bcrypt.
    pub(super) fn is_one(text: &str) -> bool {
        [HMAC_PREFIX, DJANGO_PREFIX, DJANGO_SHA256_PREFIX]
            .iter()
            .chain(&PLAIN_PREFIXES)
            .any(|prefix| text.starts_with(prefix))
    }

    /// Reads the stored text; its cost must be between 4 and 16.
    pub(super) fn parse(text: &str) -> Result<Self, UnknownHash> {
        let (scheme, cost, salt, digest) = fields(text).ok_or(UnknownHash::Unreadable)?;
        let cost = bcrypt_lanes::Cost::new(cost).map_err(|_| UnknownHash::Unreadable)?;
        if cost > Cost::MAX.of_bcrypt() {
            return Err(UnknownHash::TooCostly);
        }
        Ok(Self { scheme, cost, salt: decoded(salt)?, digest: decoded(digest)?, salt_text: salt.to_owned() })
    }

    /// Whether it is less work to guess than a hash made at this cost.
    pub(super) fn is_outdated(&self, cost: Cost) -> bool {
        self.cost < cost.of_bcrypt()
    }

    /// Writes the hash of a password whose [`NewHash::plan`] made this digest.
    pub(super) fn made(plan: &NewHash, digest: Digest) -> (String, Self) {
        let (salt, scheme) = (plan.salt, plan.scheme);
        let (salt_text, digest_text) = (Base64Bcrypt::encode_string(&salt), Base64Bcrypt::encode_string(&digest));
        let cost = plan.cost.get();
        let text = match scheme {
            Scheme::Plain => format!("$2b${cost:02}${salt_text}{digest_text}"),
            Scheme::Hmac => format!("{HMAC_PREFIX}{cost}${salt_text}${digest_text}"),
            Scheme::Sha256 => format!("{DJANGO_SHA256_PREFIX}$2b${cost:02}${salt_text}{digest_text}"),
        };
        (text, Self { scheme, cost: plan.cost.of_bcrypt(), salt, digest, salt_text })
    }

    /// What to hash to compare a password with this, and whether the outcome can count.
    ///
    /// It cannot if the password is one that this scheme never takes; what is hashed then only costs the same.
    pub(super) fn key(&self, password: &Password) -> (Key, bool) {
        let password = password.expose().as_bytes();
        match self.scheme {
            Scheme::Plain => match Key::from_password(password) {
                Ok(key) => (key, true),
                Err(_) => (hmac_key(&self.salt_text, password), false),
            },
            Scheme::Hmac => (hmac_key(&self.salt_text, password), true),
            Scheme::Sha256 => {
                let text = Zeroizing::new(hex::encode(digest::digest(&digest::SHA256, password)));
                (Key::from_truncated(text.as_bytes()), true)
            }
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
}

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
const PLAIN_PREFIXES: [&str; 3] = ["$2b$", "$2a$", "$2y$"];
/// Django's class before a bcrypt hash, of the password and of its SHA-256.
const DJANGO_PREFIX: &str = "bcrypt$";
const DJANGO_SHA256_PREFIX: &str = "bcrypt_sha256$";
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
        let (scheme, rest) = match text.strip_prefix(DJANGO_SHA256_PREFIX) {
            Some(rest) => (Scheme::Sha256, rest),
            None => (Scheme::Plain, text.strip_prefix(DJANGO_PREFIX).unwrap_or(text)),
        };
        let rest = PLAIN_PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix))?;
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_at_checked(SALT_CHARACTERS)?;
        (scheme, (cost.len() == 2).then_some(cost)?, salt, digest)
    };
    let is_number = cost.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = salt.len() == SALT_CHARACTERS && digest.len() == DIGEST_CHARACTERS;
    (is_number && is_whole).then_some((scheme, cost.parse().ok()?, salt, digest))
}

/// Decodes bcrypt's base64, whatever the surplus bits of the last character are: some implementations set them.
fn decoded<const N: usize>(text: &str) -> Result<[u8; N], UnknownHash> {
    // A full last group has no surplus bits to be checked; "." stands for zero.
    let padded = format!("{text:.<width$}", width = text.len().next_multiple_of(4));
    let bytes = Base64Bcrypt::decode_vec(&padded).map_err(|_| UnknownHash::Unreadable)?;
    bytes.first_chunk().copied().ok_or(UnknownHash::Unreadable)
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

    proptest! {
        #[test]
        fn what_is_made_is_read_back(salt: Salt, digest: Digest, raw in "\\PC{0,30}|x{70,75}|\0?") {
            let (plan, _) = NewHash::plan(&Password::presented(raw), Cost::DEFAULT, salt);
            let (text, made) = Bcrypt::made(&plan, digest);
            let read = Bcrypt::parse(&text).unwrap();
            prop_assert_eq!((read.salt(), read.scheme, read.cost().get()), (salt, made.scheme, 12));
            prop_assert!(read.has_digest(&digest));
        }

        #[test]
        fn a_difference_in_any_bit_counts(salt: Salt, digest: Digest, bit in 0_usize..184) {
            let (plan, _) = NewHash::plan(&Password::presented(String::new()), Cost::DEFAULT, salt);
            let mut other = digest;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!Bcrypt::made(&plan, digest).1.has_digest(&other));
        }
    }
}

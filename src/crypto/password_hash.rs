//! The stored form of a password: bcrypt as we make it, or what another program has made of it.
//!
//! It parses, prints and compares; it computes nothing expensive: that is done on the threads of
//! [`super::hash_pool`] and [`super::foreign`].

use std::fmt;

use bcrypt_lanes::Digest;
use tracing::error;

use super::bcrypt_hash::{Bcrypt, NewHash};
use super::foreign::Foreign;

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
/// Ours are `$2b$NN$…` for passwords of at most 72 bytes without NUL, else passlib's `$bcrypt-sha256$v=2,t=2b,r=N$…`.
/// Those of imported users may be any that `docs/moving.md` lists; they are checked, never made, and replaced when
/// their owner signs in. Not printed by `Debug`: whoever reads a log may not begin to guess.
#[derive(Clone)]
pub struct PasswordHash(String);

/// What a text was found to be.
pub(super) enum Form {
    /// Bcrypt, by whomever it was made.
    Bcrypt(Bcrypt),
    /// Something else.
    Foreign(Box<Foreign>),
    /// No password is right.
    Nothing,
}

impl PasswordHash {
    /// Takes a text that comes from outside.
    ///
    /// # Errors
    /// [`UnknownHash`] if it is of no known format, or its cost is beyond what a login may take.
    pub fn parse(text: &str) -> Result<Self, UnknownHash> {
        Form::of(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Takes what a row has, which was looked at before it was stored. Every request reads its user's row, and only a
    /// login wants to know what this says.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// What stands where no password is right: for users who have never had one, until they set one.
    #[must_use]
    pub fn nothing() -> Self {
        Self(NOTHING.to_owned())
    }

    /// The text to store.
    #[must_use]
    pub fn as_stored(&self) -> &str {
        &self.0
    }

    /// Whether a hash made anew at this cost would be better: more work to guess, or of a form that we make.
    #[must_use]
    pub fn is_outdated(&self, cost: Cost) -> bool {
        match self.form() {
            // What begins otherwise is in another program's wrapping.
            Form::Bcrypt(bcrypt) => bcrypt.is_outdated(cost) || !self.0.starts_with('$'),
            Form::Foreign(_) => true,
            Form::Nothing => false,
        }
    }

    /// Writes the hash of a password whose [`NewHash::plan`] made this digest.
    pub(super) fn made(plan: &NewHash, digest: Digest) -> Self {
        Self(Bcrypt::made(plan, digest).0)
    }

    /// What it says. A row that somebody else has written, and that says nothing we know, lets nobody in.
    pub(super) fn form(&self) -> Form {
        Form::of(&self.0).unwrap_or_else(|unknown| {
            error!(%unknown, "a user's row holds no password hash that can be checked: no password is right");
            Form::Nothing
        })
    }
}

impl Form {
    fn of(text: &str) -> Result<Self, UnknownHash> {
        Ok(if text == NOTHING {
            Self::Nothing
        } else if Bcrypt::is_one(text) {
            Self::Bcrypt(Bcrypt::parse(text)?)
        } else {
            Self::Foreign(Box::new(Foreign::parse(text)?))
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A text that is not kept as a hash: a case for the operator, not for the person signing in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnknownHash {
    /// It is of no known format; it may be a password in the clear.
    #[error("the password hash has an unknown format")]
    Unreadable,
    /// Checking it would take longer, or more memory, than a login may.
    #[error("the password hash would cost more time or memory than a login may")]
    TooCostly,
}

/// No format has this beginning, and Django and Unix use it to the same end.
const NOTHING: &str = "!";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = "$2b$12$VIxQvS3NE.h7ZxYo.DLv4en9QInsb3J75TisRHFUisMp/1qv47b8W";
    const HMAC: &str = "$bcrypt-sha256$v=2,t=2b,r=12$qOfEsb5vvrQFD8WZYzlPNO$aXbhkYuCzT3oUEpB6ehUY4hiLFVyAAG";

    #[test]
    fn known_formats_are_read_and_kept() {
        let django = [format!("bcrypt${PLAIN}"), format!("bcrypt_sha256${PLAIN}")];
        for text in [PLAIN.to_owned(), HMAC.to_owned(), PLAIN.replace("2b", "2a"), PLAIN.replace("2b", "2y")]
            .into_iter()
            .chain(django)
        {
            let hash = PasswordHash::parse(&text).unwrap();
            assert_eq!(hash.as_stored(), text);
            assert!(matches!(hash.form(), Form::Bcrypt(bcrypt) if bcrypt.cost().get() == 12), "{text}");
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
    fn what_others_have_made_is_outdated_whatever_it_costs() {
        for text in [
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            format!("bcrypt_sha256${PLAIN}"),
            format!("bcrypt${PLAIN}"),
        ] {
            assert!(PasswordHash::parse(&text).unwrap().is_outdated(Cost::DEFAULT), "{text}");
        }
        assert!(!PasswordHash::parse("!").unwrap().is_outdated(Cost::DEFAULT), "there is nothing to renew");
    }

    #[test]
    fn a_row_that_says_nothing_known_lets_nobody_in() {
        for text in ["", "correct horse battery staple", "$2b$31$VIxQvS3NE.h7ZxYo.DLv4en9QInsb3J75TisRHFUisMp/1qv47b8W"]
        {
            assert!(matches!(PasswordHash::from_stored(text.to_owned()).form(), Form::Nothing), "{text}");
        }
    }

    #[test]
    fn is_never_printed() {
        assert_eq!(format!("{:?}", PasswordHash::parse(HMAC).unwrap()), "PasswordHash(…)");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_refused(text in "\\PC{0,90}|\\$2b\\$12\\$\\PC{40,60}|\\$bcrypt-sha256\\$v=2,t=2b,r=[0-9]{1,3}\\$[./A-Za-z0-9$]{50,60}") {
            if let Ok(hash) = PasswordHash::parse(&text) { prop_assert_eq!(hash.as_stored(), text); }
        }
    }
}

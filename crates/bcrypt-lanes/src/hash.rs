//! A hash as it is stored: `$2b$12$` + 22 letters of salt + 31 letters of digest.
//!
//! It parses, prints and compares; it never hashes.

use std::{fmt, str::FromStr};

use subtle::ConstantTimeEq;

use crate::{Cost, Digest, Job, Key, Salt, base64};

/// A stored bcrypt hash, taken apart.
///
/// Prints exactly the 60 characters that it was parsed from. It has no `Debug` text, which would end up in a log.
#[derive(Clone)]
pub struct Hash {
    /// How the hash calls itself. It makes no difference to the work.
    pub version: Version,
    /// The cost that it was made with.
    pub cost: Cost,
    /// The salt that it was made with.
    pub salt: Salt,
    /// What the password came to.
    pub digest: Digest,
}

impl Hash {
    /// The work of checking `key` against this hash, for [`crate::Lanes`]. Its digest goes to [`Hash::matches`].
    #[must_use]
    pub fn job<'a>(&self, key: &'a Key) -> Job<'a> {
        Job { cost: self.cost, salt: self.salt, key }
    }

    /// Whether `digest` is this hash's, in time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, digest: &Digest) -> bool {
        self.digest.ct_eq(digest).into()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(53);
        base64::encode(&self.salt, &mut text);
        base64::encode(&self.digest, &mut text);
        write!(formatter, "${}${:02}${text}", self.version, self.cost.get())
    }
}

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (version, rest) = match text.as_bytes() {
            [b'$', b'2', letter, b'$', rest @ ..] => (Version::from_letter(*letter)?, rest),
            _ => return Err(ParseHashError::Malformed),
        };
        let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'$', rest @ ..] = rest else {
            return Err(ParseHashError::Malformed);
        };
        let cost = Cost::new((tens - b'0') * 10 + (ones - b'0')).map_err(|_| ParseHashError::Cost)?;
        let (salt, digest) = rest.split_at_checked(22).ok_or(ParseHashError::Malformed)?;
        let salt = base64::decode(salt).ok_or(ParseHashError::Malformed)?;
        let digest = base64::decode(digest).ok_or(ParseHashError::Malformed)?;
        Ok(Self { version, cost, salt, digest })
    }
}

/// The names under which one and the same bcrypt is stored.
///
/// `$2a$` is computed as OpenBSD computes it. `crypt_blowfish` 1.1 and later answers `$2a$` differently for a few
/// passwords with bytes above 127, on purpose, to stop attacks through the old error that `$2x$` stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// `$2a$`, the first with a NUL byte at the end.
    TwoA,
    /// `$2b$`, OpenBSD's name since an error with passwords above 255 bytes was mended.
    TwoB,
    /// `$2y$`, the name of `crypt_blowfish` and PHP for a hash free of the sign extension error.
    TwoY,
}

impl Version {
    fn from_letter(letter: u8) -> Result<Self, ParseHashError> {
        match letter {
            b'a' => Ok(Self::TwoA),
            b'b' => Ok(Self::TwoB),
            b'y' => Ok(Self::TwoY),
            _ => Err(ParseHashError::Version),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TwoA => "2a",
            Self::TwoB => "2b",
            Self::TwoY => "2y",
        })
    }
}

/// Why a text is no hash that this crate checks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParseHashError {
    /// A cost below 4 or above 31.
    Cost,
    /// Not the 60 characters of a bcrypt hash, or spare bits set at the end of salt or digest: no implementation
    /// writes those, and OpenBSD's never matches them.
    Malformed,
    /// `$2x$`, which marks hashes of an implementation that mixed up passwords with bytes above 127, or an unknown
    /// letter.
    Version,
}

impl fmt::Display for ParseHashError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cost => "the cost of a bcrypt hash is between 4 and 31",
            Self::Malformed => "not a bcrypt hash",
            Self::Version => "only bcrypt hashes of the versions 2a, 2b and 2y can be checked",
        })
    }
}

impl std::error::Error for ParseHashError {}

//! bcrypt for up to four passwords at once on one core, in safe Rust.
//!
//! The output is that of every other bcrypt. The crate knows no threads, no randomness and no policy: the caller brings
//! the salt and decides which hash is old. What bcrypt cannot take whole, it refuses: a password above 72 bytes or
//! with a NUL byte.
//!
//! - One password at a time: [`hash`] and [`verify`], or [`bcrypt`] for the bare function.
//! - Several on one core: [`Lanes`]. Two lanes take about as long as one, four give three times the hashes of one.
//!
//! # Sources
//! - N. Provos, D. Mazières: *A Future-Adaptable Password Scheme*. USENIX 1999. The scheme, and `$2a$`.
//! - B. Schneier: *Description of a New Variable-Length Key, 64-Bit Block Cipher (Blowfish)*. FSE 1993, LNCS 809.
//! - OpenBSD, `lib/libc/crypt/bcrypt.c`: the text form, `$2b$`, and 23 of the 24 bytes of output.
//! - Solar Designer: `crypt_blowfish`. `$2x$` and `$2y$`, and most of the test vectors; the rest are jBCrypt's.

use std::fmt;

mod base64;
mod hash;
mod input;
mod kernel;
mod lanes;
mod pi;

pub use hash::{Hash, ParseHashError, Version};
pub use input::{Cost, CostError, Key, KeyError, Salt};
pub use lanes::{Job, Lanes};

/// What bcrypt makes of a password: 184 bits. The cipher gives 192; bcrypt has never used the last byte.
pub type Digest = [u8; 23];

/// Hashes a password for storage, as `$2b$`.
///
/// The salt must come from a cryptographic random number generator and be used for this password alone.
///
/// # Errors
/// [`KeyError`] if the password has more than 72 bytes or a NUL byte; see [`Key::from_password`].
pub fn hash(password: &[u8], cost: Cost, salt: Salt) -> Result<Hash, KeyError> {
    let key = Key::from_password(password)?;
    Ok(Hash { version: Version::TwoB, cost, salt, digest: bcrypt(cost, &salt, &key) })
}

/// Whether this is the password of a stored hash.
///
/// # Errors
/// [`VerifyError::Hash`] if the stored text is no bcrypt hash that this crate checks: a case for the operator.
/// [`VerifyError::Key`] if the password is one that [`hash`] refuses, and so belongs to no hash of this crate; hashes
/// of other implementations may have been made of its first 72 bytes (see [`Key::from_truncated`]).
pub fn verify(password: &[u8], stored: &str) -> Result<bool, VerifyError> {
    let stored: Hash = stored.parse().map_err(VerifyError::Hash)?;
    let key = Key::from_password(password).map_err(VerifyError::Key)?;
    Ok(stored.matches(&bcrypt(stored.cost, &stored.salt, &key)))
}

/// Why a password could not be compared with a stored hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VerifyError {
    /// What is stored is no bcrypt hash.
    Hash(ParseHashError),
    /// The password cannot be hashed whole.
    Key(KeyError),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(error) => error.fmt(formatter),
            Self::Key(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for VerifyError {}

/// bcrypt itself, for one key. Blocks for the whole hash: about a quarter of a second at cost 12.
#[must_use]
pub fn bcrypt(cost: Cost, salt: &Salt, key: &Key) -> Digest {
    let mut lanes = [kernel::Lane::IDLE];
    let [lane] = &mut lanes;
    lane.start(key.words(), &input::salt_words(salt));
    kernel::advance(&mut lanes, cost.rounds());
    let [lane] = &lanes;
    digest(lane)
}

fn digest(lane: &kernel::Lane) -> Digest {
    let mut bytes = lane.finish().into_iter().flat_map(u32::to_be_bytes);
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

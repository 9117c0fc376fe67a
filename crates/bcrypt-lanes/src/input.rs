//! What goes into a hash: cost, salt and key, parsed so that the kernel cannot be called with wrong ones.
//!
//! Nothing is cut or guessed: a password that bcrypt cannot take whole is refused.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::kernel::Words;

/// How much work a hash is: 2^cost rounds, between 4 and 31.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Cost(u8);

impl Cost {
    /// The least that bcrypt knows, 16 rounds. For tests.
    pub const MIN: Self = Self(4);
    /// The most that bcrypt knows, 2^31 rounds: more than a day.
    pub const MAX: Self = Self(31);

    /// A cost that is written in the program; one out of range does not compile.
    ///
    /// ```
    /// assert_eq!(bcrypt_lanes::Cost::of::<12>().rounds(), 4096);
    /// ```
    #[must_use]
    pub const fn of<const COST: u8>() -> Self {
        const { assert!(COST >= Self::MIN.0 && COST <= Self::MAX.0, "a cost is between 4 and 31") }
        Self(COST)
    }

    /// Takes a cost between 4 and 31, the range of OpenBSD's bcrypt.
    ///
    /// # Errors
    /// [`CostError`] for any other number.
    pub const fn new(cost: u8) -> Result<Self, CostError> {
        if cost < Self::MIN.0 || cost > Self::MAX.0 { Err(CostError) } else { Ok(Self(cost)) }
    }

    /// The number as it is written in a hash.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// How often key and salt are mixed in: 2^cost.
    #[must_use]
    pub const fn rounds(self) -> u32 {
        1 << self.0
    }
}

/// A cost below 4 or above 31.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CostError;

impl fmt::Display for CostError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the cost of a bcrypt hash is between 4 and 31")
    }
}

impl std::error::Error for CostError {}

/// 128 random bits that make equal passwords hash differently. Never use one twice.
pub type Salt = [u8; 16];

/// What bcrypt's key schedule mixes in: at most 72 bytes, zeroed on drop.
///
/// It lives on the heap, so that moving it leaves no copy behind.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Key(Box<Words>);

impl Key {
    /// The bytes of a key that bcrypt uses: 18 subkeys of 4 bytes.
    pub const MAX_BYTES: usize = 72;

    /// Makes the key of a password, as `$2a$`, `$2b$` and `$2y$` do: the password and a NUL byte.
    ///
    /// A password of exactly 72 bytes fills the key and has no NUL after it.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] above 72 bytes: other implementations ignore what follows, so that two passwords open one
    /// account. [`Key::from_truncated`] checks a hash that was made that way.
    /// [`KeyError::Nul`] for a password with a NUL byte: implementations in C end there, others do not.
    pub fn from_password(password: &[u8]) -> Result<Self, KeyError> {
        if password.contains(&0) {
            return Err(KeyError::Nul);
        }
        if password.len() > Self::MAX_BYTES {
            return Err(KeyError::TooLong);
        }
        Ok(Self::from_truncated(password))
    }

    /// Makes a key as most implementations do: the password and a NUL byte, of which only the first 72 bytes count.
    ///
    /// A NUL byte inside the password is like any other.
    #[must_use]
    pub fn from_truncated(password: &[u8]) -> Self {
        Self::cycled(password.iter().chain(&[0]).take(Self::MAX_BYTES))
    }

    /// Makes a key of bytes as they are: NUL bytes are like any other, none is added.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] above 72 bytes, [`KeyError::Empty`] without any.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes.len() {
            0 => Err(KeyError::Empty),
            1..=Self::MAX_BYTES => Ok(Self::cycled(bytes.iter())),
            _ => Err(KeyError::TooLong),
        }
    }

    fn cycled<'a>(bytes: impl Iterator<Item = &'a u8> + Clone) -> Self {
        let mut key = Self(Box::default());
        cycle(bytes, &mut key.0);
        key
    }

    pub(crate) fn words(&self) -> &Words {
        &self.0
    }
}

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyError {
    /// No byte at all: bcrypt repeats the key, and there is nothing to repeat.
    Empty,
    /// A NUL byte inside a password.
    Nul,
    /// More than 72 bytes.
    TooLong,
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "a bcrypt key has at least one byte",
            Self::Nul => "a password for bcrypt holds no NUL byte",
            Self::TooLong => "bcrypt takes at most 72 bytes",
        })
    }
}

impl std::error::Error for KeyError {}

/// The salt as the key schedule mixes it in.
pub(crate) fn salt_words(salt: &Salt) -> Words {
    let mut words = Words::default();
    cycle(salt.iter(), &mut words);
    words
}

/// Fills `words` with the first 72 bytes of an endless repetition, big-endian.
fn cycle<'a>(bytes: impl Iterator<Item = &'a u8> + Clone, words: &mut Words) {
    let mut bytes = bytes.cycle();
    for word in words {
        *word = bytes.by_ref().take(4).fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
}

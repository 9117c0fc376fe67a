//! One run of bcrypt: what goes in, how much work it is, what comes out.
//!
//! It blocks for as long as the work takes; where that may happen is for its caller to know.

use std::ops::Range;

use zeroize::Zeroizing;

/// What makes two hashes of one password differ.
pub(super) type Salt = [u8; 16];

/// What bcrypt makes of a key: 184 of its 192 bits, as everywhere since OpenBSD.
pub(super) type Digest = [u8; 23];

/// A password as bcrypt takes it: at most 72 bytes, none of them NUL; zeroed on drop.
pub(super) struct Key(Zeroizing<Vec<u8>>);

impl Key {
    const MAX_BYTES: usize = 72;

    /// A password that bcrypt takes whole, or nothing.
    pub(super) fn of(password: &[u8]) -> Option<Self> {
        let is_whole = password.len() <= Self::MAX_BYTES && !password.contains(&0);
        is_whole.then(|| Self::cut(password))
    }

    /// The first 72 bytes.
    pub(super) fn cut(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.iter().copied().take(Self::MAX_BYTES).collect()))
    }
}

/// One hash to be computed.
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) salt: Salt,
    pub(super) cost: u8,
    /// Costs at which to hash once more each and throw the outcome away.
    ///
    /// `a..b` brings a hash of cost `a` to the time of one of cost `b`, for 2^a + (2^a + … + 2^(b-1)) = 2^b.
    pub(super) padding: Range<u8>,
}

impl Job {
    /// The work in rounds, padding included.
    pub(super) fn rounds(&self) -> u64 {
        1 << self.cost.max(if self.padding.is_empty() { 0 } else { self.padding.end })
    }

    pub(super) fn compute(&self) -> Digest {
        let digest = bcrypt(self.cost, self.salt, &self.key);
        for cost in self.padding.clone() {
            std::hint::black_box(bcrypt(cost, self.salt, &self.key));
        }
        digest
    }
}

/// bcrypt itself, blocking.
fn bcrypt(cost: u8, salt: Salt, key: &Key) -> Digest {
    // `$2b$`: the password and a NUL byte, as far as 72 bytes reach.
    let mut terminated = Zeroizing::new(Vec::with_capacity(Key::MAX_BYTES + 1));
    terminated.extend_from_slice(&key.0);
    terminated.push(0);
    terminated.truncate(Key::MAX_BYTES);
    let whole = bcrypt::bcrypt(u32::from(cost), salt, &terminated);
    let mut digest = [0; 23];
    digest.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_makes_every_cost_the_same_work() {
        for cost in 4..=12 {
            let padded = Job { key: Key::cut(b"a"), salt: [7; 16], cost, padding: cost..12 };
            let rounds: u64 = (cost..12).map(|cost| 1 << cost).sum::<u64>() + (1 << cost);
            assert_eq!((padded.rounds(), rounds), (1 << 12, 1 << 12));
        }
    }

    #[test]
    fn a_key_is_a_password_that_bcrypt_takes_whole() {
        assert!(Key::of(b"").is_some() && Key::of(&[b'x'; 72]).is_some());
        assert!(Key::of(&[b'x'; 73]).is_none() && Key::of(b"nul\0").is_none());
    }
}

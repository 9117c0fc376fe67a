//! Chance that nobody can foresee: keys, salts, secrets, ids.
//!
//! AWS-LC's generator, seeded by the operating system. Nothing here can be seeded by hand, in tests neither.

use zeroize::Zeroizing;

/// As many random bytes as the caller's type asks for, where they will be public: a salt, an id, a nonce.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// As many random bytes as the caller's type asks for, where they must stay secret; zeroed on drop.
#[must_use]
pub fn secret<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(bytes.as_mut_slice());
    bytes
}

#[expect(clippy::expect_used, reason = "RAND_bytes of AWS-LC ends the process before it would give no or weak bytes")]
fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("RAND_bytes always succeeds");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of every process would else take three times as long: see `.cargo/config.toml`.
    #[test]
    fn aws_lc_was_built_to_leave_seeding_to_the_operating_system() {
        assert_eq!(option_env!("AWS_LC_SYS_NO_JITTER_ENTROPY"), Some("1"));
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(bytes::<16>(), bytes::<16>());
        assert_ne!(*secret::<32>(), *secret::<32>());
    }

    #[test]
    fn every_byte_is_drawn() {
        // A byte that was never written is zero in all of 64 draws; by chance that is one in 2^512.
        let mut seen = [0_u8; 33];
        for _ in 0..64 {
            seen.iter_mut().zip(bytes::<33>()).for_each(|(seen, drawn)| *seen |= drawn);
        }
        assert!(seen.iter().all(|&byte| byte != 0));
    }
}

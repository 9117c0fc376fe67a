//! Signing keys: how often they change.

use super::section::section;

section! {
    /// Signing keys: how often they change, and how that is made known.
    pub struct Keys in "keys" {
        /// How long a key signs before the next one takes over, in seconds: 30 days. 0 leaves it to `countersign keys
        /// rotate`.
        ///
        /// The shorter, the less a stolen key is worth; nobody notices a change (NIST SP 800-57 part 1 §5.3.6 allows
        /// signing keys up to three years).
        pub rotate_after_seconds: u32 = 2_592_000, in 0..=94_608_000;

        /// How long verifiers may keep the published key set, in seconds.
        ///
        /// It is the `max-age` of `/.well-known/jwks.json`. A new key is published for this long, and a margin for
        /// clocks, before it signs.
        pub max_age_seconds: u32 = 300, in 1..=86_400;
    }
}

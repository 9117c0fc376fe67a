//! The audit log: how long it is kept.

use super::section::section;

section! {
    /// The audit log: what happened to accounts, sessions and keys.
    pub struct Audit in "audit" {
        /// How long events are kept, in days: a year and a month by default, so that a yearly review finds all of its
        /// year. 0 keeps them for ever.
        ///
        /// Events hold addresses of clients, which are personal data: keep them no longer than you need them.
        pub keep_days: u32 = 400, in 0..=36_500;
    }
}

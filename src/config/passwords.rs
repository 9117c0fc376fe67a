//! Password hashing: how much work, on how many threads.

use super::public_url::PublicUrl;
use super::section::section;

section! {
    /// Password hashing: how much work, on how many threads.
    pub struct Passwords in "passwords" {
        /// The cost of bcrypt: each step doubles the work for us and for whoever steals the database.
        ///
        /// Hashes of another cost are renewed when their owner signs in. 12 takes about a quarter of a second on one
        /// core; above 16 a login takes longer than a request may.
        pub bcrypt_cost: u32 = 12, in 12..=16;

        /// How many threads hash passwords.
        ///
        /// Default: one per core. They have the lowest priority, so that other requests are answered meanwhile.
        pub hashing_threads: Option<u32> = None, in 1..=1024;

        /// A list of breached passwords that new ones are looked up in: `https://api.pwnedpasswords.com/range`, or one's
        /// own copy.
        ///
        /// It is asked for the first five digits of a SHA-1, in 500 ms at most; if it does not answer, the password is
        /// accepted and a line is logged. Without this setting only the list inside the program is used.
        pub breach_check_url: Option<PublicUrl> = None;
    }
}

//! Secrets: made, hashed, checked.
//!
//! It knows keys and bytes; it does not know users or sessions, and keeps nothing but what it is handed.

mod bcrypt_hash;
mod breach_digest;
pub mod cursor;
mod digest_key;
mod foreign;
mod hash_job;
mod hash_pool;
mod hash_queue;
mod hash_worker;
mod hasher;
pub mod mac;
mod nice;
pub mod one_time_code;
mod password_hash;
pub mod random;
pub mod refresh_token;
pub mod seal;
pub mod signing_keys;

pub use breach_digest::BreachDigest;
pub use digest_key::{Digest, DigestKey};
pub use hash_job::Begun;
pub use hash_pool::HashTally;
pub use hash_queue::{HashingStats, Overloaded};
pub use hasher::{Hasher, HasherSettings, Turn, Verdict};
pub use password_hash::{Cost, CostError, PasswordHash, UnknownHash};

//! How often something may happen: quotas, and a limiter that holds one for any number of keys in fixed memory.
//!
//! It limits this process only, forgets at a restart, and knows neither addresses nor accounts nor HTTP: whoever asks
//! brings the key and the time.

mod buckets;
mod limiter;
mod policy;
mod quota;
mod tally;

pub use self::buckets::Buckets;
pub use self::limiter::Limiter;
pub use self::policy::Policy;
pub use self::quota::{Allowance, Exceeded, Quota};
pub use self::tally::Tally;

#[cfg(test)]
mod tests;

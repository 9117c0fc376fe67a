//! The buckets of this node: a limiter for each policy that is on.
//!
//! They stand in front of the count that all nodes share, and refuse without asking it.

use std::time::Duration;

use super::{Allowance, Exceeded, Limiter, Policy, Quota};

/// A limiter for each policy. 4 MiB each, once used.
#[derive(Debug)]
pub struct Buckets(Vec<(Policy, Limiter)>);

impl Buckets {
    /// Buckets that nobody has taken from; none for a policy without a quota.
    pub fn new(quota: impl Fn(Policy) -> Option<Quota>) -> Self {
        let limiters = Policy::ALL.into_iter().filter_map(|policy| Some((policy, Limiter::new(quota(policy)?))));
        Self(limiters.collect())
    }

    /// Takes one from the quota of a key, by the monotonic clock; `Ok` with nothing if the policy has no quota.
    pub fn take_one(&self, policy: Policy, key: &[u8], now: Duration) -> Result<Option<Allowance>, Exceeded> {
        let limiter = self.0.iter().find(|(of, _)| *of == policy).map(|(_, limiter)| limiter);
        limiter.map(|limiter| limiter.take_one(key, now)).transpose()
    }
}

//! The buckets of this node: a limiter for each policy that is on.
//!
//! They stand in front of the count that all nodes share, and refuse without asking it.

use std::time::Duration;

use super::{Allowance, Exceeded, Limiter, Policy, Quota};
use crate::metrics::{Counters, Label};

/// A limiter for each policy. 4 MiB each, once used.
#[derive(Debug)]
pub struct Buckets {
    limiters: Vec<(Policy, Limiter)>,
    /// What was refused, by this node's bucket or by the count of all nodes.
    pub refused: Counters<Policy>,
}

impl Buckets {
    /// Buckets that nobody has taken from; none for a policy without a quota.
    pub fn new(quota: impl Fn(Policy) -> Option<Quota>) -> Self {
        let limiters = Policy::ALL.iter().filter_map(|policy| Some((*policy, Limiter::new(quota(*policy)?))));
        Self { limiters: limiters.collect(), refused: Counters::default() }
    }

    /// Takes one from the quota of a key, by the monotonic clock; `Ok` with nothing if the policy has no quota.
    pub fn take_one(&self, policy: Policy, key: &[u8], now: Duration) -> Result<Option<Allowance>, Exceeded> {
        let limiter = self.limiters.iter().find(|(of, _)| *of == policy).map(|(_, limiter)| limiter);
        limiter.map(|limiter| limiter.take_one(key, now)).transpose()
    }
}

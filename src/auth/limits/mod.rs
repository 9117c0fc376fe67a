//! Limits: how often something may happen for one address or one account, on all nodes together.
//!
//! The bucket of this node is asked first, so that a flood is refused without a call to the database; what passes it is
//! counted where every node counts. What cannot be counted does not happen.

pub mod purge;

use std::time::Duration;

use crate::{
    app::App,
    crypto::Digest,
    database::DatabaseError,
    domain::{Client, Email},
    limits::{Allowance, Exceeded, Policy, Quota},
    models::quota::FullAt,
};

/// Takes one from what a policy allows `subject`; `None` if the policy is switched off.
///
/// # Errors
/// [`LimitError::Exceeded`] with where the quota stands and how long to wait; [`LimitError::Database`] if it could not be
/// counted, and then it must not happen either.
pub async fn take(app: &App, policy: Policy, subject: Subject<'_>) -> Result<Option<Standing>, LimitError> {
    match pass(app, policy, subject)? {
        Some(passed) => passed.count(app).await.map(Some),
        None => Ok(None),
    }
}

/// Takes one from the bucket of this node, which asks nothing of the database; `None` if the policy is switched off.
///
/// # Errors
/// [`LimitError::Exceeded`] alone.
pub fn pass(app: &App, policy: Policy, subject: Subject<'_>) -> Result<Option<Passed>, LimitError> {
    let Some(quota) = app.config.limits.quota(policy) else { return Ok(None) };
    let key = subject.key(app, policy);
    match app.buckets.take_one(policy, &key, app.clock.monotonic()) {
        Ok(allowance) => Ok(allowance.map(|allowance| Passed { key, standing: Standing { policy, quota, allowance } })),
        Err(Exceeded { retry_after }) => Err(exceeded(app, (policy, quota), retry_after)),
    }
}

/// What has passed the bucket of this node, and is to be counted where every node counts.
pub struct Passed {
    key: Digest,
    standing: Standing,
}

impl Passed {
    /// Where the quota stands as this node alone sees it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Counts it; answers where the quota stands on all nodes.
    ///
    /// # Errors
    /// As [`take`].
    pub async fn count(self, app: &App) -> Result<Standing, LimitError> {
        let Standing { policy, quota, .. } = self.standing;
        let now = app.clock.now();
        if let Some(FullAt(full_at)) = FullAt::take_one(&mut app.database.once(), &self.key, quota, now).await? {
            return Ok(Standing { policy, quota, allowance: quota.allowance(full_at.since(now)) });
        }
        let kept = FullAt::find(&app.database, &self.key).await?;
        let retry_after = kept.map_or(Duration::ZERO, |full_at| full_at.wait(quota, now));
        Err(exceeded(app, (policy, quota), retry_after))
    }
}

fn exceeded(app: &App, (policy, quota): (Policy, Quota), retry_after: Duration) -> LimitError {
    app.buckets.refused.count(policy);
    let allowance = Allowance { remaining: 0, reset_after: retry_after };
    LimitError::Exceeded(Standing { policy, quota, allowance })
}

/// For whom is counted.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A client's address, or the /64 of one.
    Address(&'a Client),
    /// The account with this address, whether there is one or not.
    Account(&'a Email),
}

/// Where a quota stands after it was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// What is limited.
    pub policy: Policy,
    /// How often it may happen.
    pub quota: Quota,
    /// What is left; where nothing is, `reset_after` is the wait until there is one again.
    pub allowance: Allowance,
}

/// Why it may not happen.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// It has happened as often as it may; wait for `allowance.reset_after`.
    #[error("too often; try again in {:?}", .0.allowance.reset_after)]
    Exceeded(Standing),
    /// It could not be counted.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Subject<'_> {
    fn key(self, app: &App, policy: Policy) -> Digest {
        let text = match self {
            Self::Address(client) => client.network().to_string(),
            Self::Account(email) => email.as_str().to_owned(),
        };
        app.digests.digest(policy.name(), &[text.as_bytes()])
    }
}

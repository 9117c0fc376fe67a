//! A counted attempt: written down as a failure before its password is looked at, and taken back if it never was.
//!
//! A client may leave at any moment, and its request ends then, wherever it is. Who leaves while the password waits for a
//! lane has learnt nothing and cost no hash: their failure must not stay, or a stranger could hold an owner back for
//! free. Once a lane works on it, it stands, or a stranger could keep the lanes busy for free.

use std::{future::pending, panic::resume_unwind, time::Duration};

use tokio::runtime::Handle;

use super::{GuessError, account_of};
use crate::{
    app::App,
    auth::known_addresses,
    clock::Clock,
    crypto::Begun,
    database::{Database, DatabaseError, Transaction},
    domain::Timestamp,
    models::{
        account_failures::{self, Stranger},
        address_failures::{Pair, RetryAt, Waits},
    },
    traces,
};

/// What is counted, and by which rules.
pub(super) struct Claim {
    database: Database,
    clock: Clock,
    now: Timestamp,
    address: Pair,
    waits: Waits,
    stranger: Stranger,
    failures_before_known_addresses: u32,
    longest_wait: Duration,
}

impl Claim {
    pub(super) fn of(app: &App, guess: &super::Guess<'_>) -> Self {
        let limits = &app.config.limits;
        let user = guess.user.map(|user| user.id);
        let account = account_of(guess).digest(&app.digests);
        let network = guess.client.network().to_string();
        Self {
            database: app.database.clone(),
            clock: app.clock.clone(),
            now: app.clock.now(),
            address: Pair { account, address: app.digests.digest("failures", &[&account, network.as_bytes()]) },
            waits: Waits { first_after: limits.failures_before_wait, longest_millis: millis(limits.longest_wait()) },
            stranger: Stranger {
                account,
                user,
                // Nobody has no known address: a digest that no row has keeps the statement the same.
                address: user.map_or(account, |user| known_addresses::digest(app, user, guess.client)),
                known_since: known_addresses::since(app),
            },
            failures_before_known_addresses: limits.failures_before_known_addresses,
            longest_wait: limits.longest_wait(),
        }
    }

    /// Counts the attempt as a failure: for its address and for its account, or for neither. It stands once `begun`.
    ///
    /// In a task of its own, because who leaves while the count is being committed would leave it behind.
    ///
    /// # Errors
    /// [`GuessError::HeldBack`] if one of the two has failed too often, and those of the database.
    pub(super) async fn count(self, begun: Begun) -> Result<Attempt, GuessError> {
        match tokio::spawn(traces::carried(self.commit(begun))).await {
            Ok(outcome) => outcome,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and this request with it.
                Err(_cancelled) => pending().await,
            },
        }
    }

    async fn commit(self, begun: Begun) -> Result<Attempt, GuessError> {
        let is_of_account = self.failures_before_known_addresses != 0;
        let mut mark = Mark { address: self.address, counted: None, is_of_account };

        let mut transaction = self.database.begin().await?;
        if self.waits.first_after != 0 {
            mark.counted = self.address.count(&mut transaction, self.waits, self.now).await?;
            if mark.counted.is_none() {
                return Err(held_back(self.address.retry_at(&mut transaction).await?, self.now));
            }
        }
        let known_only_after = self.failures_before_known_addresses;
        if is_of_account && !self.stranger.count(&mut transaction, known_only_after, self.now).await? {
            return Err(GuessError::HeldBack { retry_after: self.longest_wait });
        }
        transaction.commit().await?;
        Ok(Attempt { mark, database: self.database, clock: self.clock, begun, stands: false })
    }
}

/// An attempt that was counted. Dropped before a lane works on its password, it takes the count back.
pub(super) struct Attempt {
    mark: Mark,
    database: Database,
    clock: Clock,
    begun: Begun,
    stands: bool,
}

impl Attempt {
    /// The password was looked at: from now on the failure stands, until [`Mark::clear`].
    pub(super) fn looked_at(mut self) -> Mark {
        self.stands = true;
        self.mark
    }

    /// The password will not be looked at. If this fails, one attempt more is counted than was made: the safe side.
    pub(super) async fn give_back(mut self) {
        self.stands = true;
        let _ = self.mark.give_back(&self.database, self.clock.now()).await;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.stands || self.begun.has_begun() {
            return;
        }
        // At the end of the process, or if it fails, one attempt more is counted than was made: the safe side.
        if let Ok(runtime) = Handle::try_current() {
            let (mark, database, clock) = (self.mark, self.database.clone(), self.clock.clone());
            runtime.spawn(async move { mark.give_back(&database, clock.now()).await });
        }
    }
}

/// Where an attempt was counted.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    address: Pair,
    /// The wait that it brought, unless waits are switched off.
    counted: Option<RetryAt>,
    is_of_account: bool,
}

impl Mark {
    /// Forgets the failures of its address, and those of its account, in the order in which they are counted, so that
    /// nobody waits for somebody who waits for them.
    pub(super) async fn clear(self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        if self.counted.is_some() {
            self.address.clear(&mut *transaction).await?;
        }
        if self.is_of_account {
            account_failures::clear(transaction, self.address.account).await?;
        }
        Ok(())
    }

    async fn give_back(self, database: &Database, now: Timestamp) -> Result<(), DatabaseError> {
        let mut transaction = database.begin().await?;
        if let Some(counted) = self.counted {
            self.address.give_back(&mut transaction, counted, now).await?;
        }
        if self.is_of_account {
            account_failures::give_back(&mut transaction, self.address.account).await?;
        }
        transaction.commit().await
    }
}

fn held_back(retry_at: Option<RetryAt>, now: Timestamp) -> GuessError {
    let retry_after = retry_at.map_or(Duration::ZERO, |RetryAt(instant)| instant.since(now));
    GuessError::HeldBack { retry_after }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

//! Failures of an account: how many wrong passwords in a row came for it, from all addresses together.
//!
//! Names that nobody has are counted by the same statements, with no user in the row.

use crate::{
    crypto::Digest,
    database::{DatabaseError, Statement, Writes},
    domain::{Timestamp, UserId},
};

/// Whose failures, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Stranger {
    /// The digest of the account, or of the name that nobody has.
    pub account: Digest,
    /// The user, if it is one.
    pub user: Option<UserId>,
    /// The digest under which the address is known to the user, if it is.
    pub address: Digest,
    /// Addresses that were signed in from before this are forgotten.
    pub known_since: Timestamp,
}

static COUNT: Statement = Statement::new(
    "insert into account_failures (account, user_id, failures, failed_at)
          values ($1, $2, 1, $3)
     on conflict (account) do update
             set failures = account_failures.failures + 1, failed_at = $3
           where account_failures.failures < $4
              or exists (select 1
                           from known_addresses
                          where known_addresses.user_id = $2
                            and known_addresses.address = $5
                            and known_addresses.signed_in_at > $6)
       returning failures",
);

static GIVE_BACK: Statement = Statement::new(
    "update account_failures
        set failures = failures - 1
      where account = $1
        and failures > 0",
);

static CLEAR: Statement = Statement::new(
    "delete from account_failures
      where account = $1",
);

static PURGE: Statement = Statement::new(
    "delete from account_failures
      where account in (select account
                          from account_failures
                         where user_id is null
                           and failed_at <= $1
                         order by failed_at
                         limit $2
                         for update skip locked)
        and failed_at <= $1",
);

impl Stranger {
    /// Counts a failure; false if there were `most` already and the address is not one that the user has signed in
    /// from, and then nothing is counted.
    pub async fn count(self, write: impl Writes, most: u32, now: Timestamp) -> Result<bool, DatabaseError> {
        let values = [
            self.account.as_slice().into(),
            self.user.map(UserId::get).into(),
            now.into(),
            i64::from(most).into(),
            self.address.as_slice().into(),
            self.known_since.into(),
        ];
        let counted: Option<i64> = write.optional(&COUNT, &values).await?;
        Ok(counted.is_some())
    }
}

/// Takes back a count that led to no password being looked at.
pub async fn give_back(write: impl Writes, account: Digest) -> Result<(), DatabaseError> {
    write.execute(&GIVE_BACK, &[account.as_slice().into()]).await.map(drop)
}

/// Forgets the failures of an account.
pub async fn clear(write: impl Writes, account: Digest) -> Result<(), DatabaseError> {
    write.execute(&CLEAR, &[account.as_slice().into()]).await.map(drop)
}

/// Deletes so many of those of names that nobody has and that nobody tried since; says how many.
pub async fn purge(write: impl Writes, before: Timestamp, most: i64) -> Result<u64, DatabaseError> {
    write.execute(&PURGE, &[before.into(), most.into()]).await
}

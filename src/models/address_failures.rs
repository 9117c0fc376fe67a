//! Failures of an address: how many wrong passwords in a row came from it for one account.
//!
//! The row is written before the password is looked at, and deleted when it was right.

use super::columns::word;
use crate::{
    crypto::Digest,
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::Timestamp,
};

/// An account and an address, as digests.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Of the account, or of the name that nobody has.
    pub account: Digest,
    /// Of the address.
    pub address: Digest,
}

/// When the next password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAt(pub Timestamp);

/// How waits grow.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// The failure after which the first wait comes; it is a second, and each further failure doubles it.
    pub first_after: u32,
    /// The longest, in milliseconds.
    pub longest_millis: i64,
}

/// The wait that all others are multiples of (the contract's 2^0 seconds), in milliseconds.
const FIRST_WAIT: i64 = 1000;

static COUNT: Statement = Statement::new(
    "insert into address_failures (account, address, failures, wait, retry_at)
          values ($1, $2, 1, $4, $3 + $4)
     on conflict (account, address) do update
             set failures = address_failures.failures + 1,
                 wait = case
                        when address_failures.failures + 1 < $5 then 0
                        when address_failures.wait = 0 then $6
                        when address_failures.wait * 2 > $7 then $7
                        else address_failures.wait * 2
                        end,
                 retry_at = $3 + case
                                 when address_failures.failures + 1 < $5 then 0
                                 when address_failures.wait = 0 then $6
                                 when address_failures.wait * 2 > $7 then $7
                                 else address_failures.wait * 2
                                 end
           where address_failures.retry_at <= $3
              or address_failures.retry_at > $3 + $7 * 2
       returning retry_at",
);

static FIND: Statement = Statement::new(
    "select retry_at
       from address_failures
      where account = $1
        and address = $2",
);

static GIVE_BACK: Statement = Statement::new(
    "update address_failures
        set failures = failures - 1,
            wait = case when retry_at <> $3 then wait when wait <= $5 then 0 else wait / 2 end,
            retry_at = case when retry_at <> $3 then retry_at else $4 end
      where account = $1
        and address = $2
        and failures > 0",
);

static CLEAR: Statement = Statement::new(
    "delete from address_failures
      where account = $1
        and address = $2",
);

static CLEAR_ACCOUNT: Statement = Statement::new(
    "delete from address_failures
      where account = $1",
);

static PURGE: Statement = Statement::new(
    "delete from address_failures
      where (account, address) in (select account, address
                                     from address_failures
                                    where retry_at <= $1
                                    order by retry_at
                                    limit $2
                                    for update skip locked)
        and retry_at <= $1",
);

impl Pair {
    /// Counts a failure; `None` if the wait after the one before is not over, and then nothing is counted.
    ///
    /// An instant further ahead than twice the longest wait comes from a clock that has been set back since.
    pub async fn count(
        self,
        write: impl Writes,
        waits: Waits,
        now: Timestamp,
    ) -> Result<Option<RetryAt>, DatabaseError> {
        let first = FIRST_WAIT.min(waits.longest_millis);
        let at_once = if waits.first_after <= 1 { first } else { 0 };
        let values = [
            self.account.as_slice().into(),
            self.address.as_slice().into(),
            now.into(),
            at_once.into(),
            i64::from(waits.first_after).into(),
            first.into(),
            waits.longest_millis.into(),
        ];
        write.optional(&COUNT, &values).await
    }

    /// When the next password is looked at, if any was wrong.
    pub async fn retry_at(self, read: impl Reads) -> Result<Option<RetryAt>, DatabaseError> {
        read.optional(&FIND, &[self.account.as_slice().into(), self.address.as_slice().into()]).await
    }

    /// Takes back a count that led to no password being looked at. The wait that it brought is taken back only if
    /// nothing was counted since.
    pub async fn give_back(self, write: impl Writes, counted: RetryAt, now: Timestamp) -> Result<(), DatabaseError> {
        let values = [
            self.account.as_slice().into(),
            self.address.as_slice().into(),
            counted.0.into(),
            now.into(),
            FIRST_WAIT.into(),
        ];
        write.execute(&GIVE_BACK, &values).await.map(drop)
    }

    /// Forgets the failures of this address.
    pub async fn clear(self, write: impl Writes) -> Result<(), DatabaseError> {
        write.execute(&CLEAR, &[self.account.as_slice().into(), self.address.as_slice().into()]).await.map(drop)
    }
}

/// Forgets what all addresses have failed at.
pub async fn clear(write: impl Writes, account: Digest) -> Result<(), DatabaseError> {
    write.execute(&CLEAR_ACCOUNT, &[account.as_slice().into()]).await.map(drop)
}

/// Deletes so many of those whose wait was over by this time; says how many.
pub async fn purge(write: impl Writes, before: Timestamp, most: i64) -> Result<u64, DatabaseError> {
    write.execute(&PURGE, &[before.into(), most.into()]).await
}

impl FromRow for RetryAt {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        word(row, 0).map(Self)
    }
}

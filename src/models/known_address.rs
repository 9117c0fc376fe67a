//! Known addresses: where a user has signed in.

use crate::{
    crypto::Digest,
    database::{DatabaseError, Reads, Statement, Writes},
    domain::{Timestamp, UserId},
};

/// An address of one user, as a digest that is theirs alone.
#[derive(Clone, Copy, Debug)]
pub struct KnownAddress {
    /// The user.
    pub user: UserId,
    /// The digest.
    pub address: Digest,
}

static REMEMBER: Statement = Statement::new(
    "insert into known_addresses (user_id, address, signed_in_at)
          values ($1, $2, $3)
     on conflict (user_id, address) do update
             set signed_in_at = $3",
);

static IS_KNOWN: Statement = Statement::new(
    "select exists (select 1
                      from known_addresses
                     where user_id = $1
                       and address = $2
                       and signed_in_at > $3)",
);

static HAS_ANY: Statement = Statement::new(
    "select exists (select 1
                      from known_addresses
                     where user_id = $1
                       and signed_in_at > $2)",
);

static PURGE: Statement = Statement::new(
    "delete from known_addresses
      where (user_id, address) in (select user_id, address
                                     from known_addresses
                                    where signed_in_at <= $1
                                    order by signed_in_at
                                    limit $2
                                    for update skip locked)
        and signed_in_at <= $1",
);

impl KnownAddress {
    /// Keeps it, or keeps it longer.
    pub async fn remember(self, write: impl Writes, now: Timestamp) -> Result<(), DatabaseError> {
        let values = [self.user.into(), self.address.as_slice().into(), now.into()];
        write.execute(&REMEMBER, &values).await.map(drop)
    }

    /// Whether the user has signed in from it since.
    pub async fn is_known(self, read: impl Reads, since: Timestamp) -> Result<bool, DatabaseError> {
        read.one(&IS_KNOWN, &[self.user.into(), self.address.as_slice().into(), since.into()]).await
    }
}

/// Whether the user has signed in from anywhere since.
pub async fn has_any(read: impl Reads, user: UserId, since: Timestamp) -> Result<bool, DatabaseError> {
    read.one(&HAS_ANY, &[user.into(), since.into()]).await
}

/// Deletes so many of those that were signed in from before this; says how many.
pub async fn purge(write: impl Writes, before: Timestamp, most: i64) -> Result<u64, DatabaseError> {
    write.execute(&PURGE, &[before.into(), most.into()]).await
}

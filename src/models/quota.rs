//! Quotas: one row for each key that has used some of its own, until it is full again.

use std::time::Duration;

use super::columns::word;
use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::Timestamp,
    limits::Quota,
};

/// When the quota of a key is full again: all that is kept of it (GCRA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullAt(pub Timestamp);

static TAKE_ONE: Statement = Statement::new(
    "insert into quotas (key, full_at)
          values ($1, $2)
     on conflict (key) do update
             set full_at = case
                           when quotas.full_at <= $3 or quotas.full_at > $6 then $2
                           else quotas.full_at + $4
                           end
           where quotas.full_at <= $5
              or quotas.full_at > $6
       returning full_at",
);

static FIND: Statement = Statement::new(
    "select full_at
       from quotas
      where key = $1",
);

static PURGE: Statement = Statement::new(
    "delete from quotas
      where key in (select key
                      from quotas
                     where full_at <= $1
                     order by full_at
                     limit $2
                     for update skip locked)
        and full_at <= $1",
);

impl FullAt {
    /// Takes one from the quota of a key; `None` if nothing is left. Of any number that ask at once, no more than the
    /// quota get one.
    ///
    /// An instant further ahead than twice the window comes from a clock that has been set back since: no quota reaches
    /// so far, and nodes do not differ so much. It counts as full.
    pub async fn take_one(
        write: impl Writes,
        key: &[u8],
        quota: Quota,
        now: Timestamp,
    ) -> Result<Option<Self>, DatabaseError> {
        let one = quota.interval();
        let values = [
            key.into(),
            (now + one).into(),
            now.into(),
            millis(one).into(),
            last_with_one_left(quota, now).into(),
            (now + quota.window() * 2).into(),
        ];
        write.optional(&TAKE_ONE, &values).await
    }

    /// Of the key, if it is kept.
    pub async fn find(read: impl Reads, key: &[u8]) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND, &[key.into()]).await
    }

    /// Deletes so many of those that are full again; says how many.
    pub async fn purge(write: impl Writes, now: Timestamp, most: i64) -> Result<u64, DatabaseError> {
        write.execute(&PURGE, &[now.into(), most.into()]).await
    }

    /// How long until one can be taken again.
    #[must_use]
    pub fn wait(self, quota: Quota, now: Timestamp) -> Duration {
        self.0.since(last_with_one_left(quota, now))
    }
}

/// With a quota that is full later than this there is nothing left to take.
fn last_with_one_left(quota: Quota, now: Timestamp) -> Timestamp {
    now + quota.window().saturating_sub(quota.interval())
}

fn millis(step: Duration) -> i64 {
    i64::try_from(step.as_millis()).unwrap_or(i64::MAX)
}

impl FromRow for FullAt {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        word(row, 0).map(Self)
    }
}

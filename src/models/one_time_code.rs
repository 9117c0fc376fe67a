//! One-time codes: one row for each user, purpose and address that a code was sent to.
//!
//! A newer code takes the place of the older; a used one is deleted. So each is good once, and the newest alone.

use super::{
    columns::word,
    user::{COLUMNS as USER_COLUMNS, User},
};
use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::{Email, Timestamp, UserId},
};

/// A code that was sent and not used yet.
#[derive(Clone, Debug)]
pub struct OneTimeCode {
    /// Whose account it is for.
    pub user_id: UserId,
    /// What it is good for.
    pub purpose: Purpose,
    /// The address it went to.
    pub sent_to: Email,
    /// The digest of what its link carries.
    pub token_digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}

/// What a code is good for, and nothing else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Confirms the address that somebody registered with.
    ConfirmEmail,
    /// Gives somebody the address that it was sent to.
    ChangeEmail,
    /// Gives somebody back the address that it was sent to.
    UndoEmailChange,
    /// Sets another password.
    ResetPassword,
}

/// The digests of a code that is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Digests {
    /// Of what its link carries.
    pub token: [u8; 32],
    /// Of what may be typed instead, if anything.
    pub typed: Option<[u8; 16]>,
}

static REPLACE: Statement = Statement::new(
    "insert into one_time_codes (user_id, purpose, sent_to, token_digest, typed_digest, created_at, expires_at)
          values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (user_id, purpose, sent_to)
       do update
             set token_digest = excluded.token_digest, typed_digest = excluded.typed_digest,
                 created_at = excluded.created_at, expires_at = excluded.expires_at",
);

static DELETE_ELSEWHERE: Statement = Statement::new(
    "delete from one_time_codes
      where user_id = $1
        and purpose = $2
        and sent_to <> $3",
);

static FIND_BY_TOKEN: Statement = Statement::new(
    "select u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
            u.updated_at, c.user_id, c.purpose, c.sent_to, c.token_digest, c.created_at, c.expires_at
       from one_time_codes c
       join users u
         on u.id = c.user_id
      where c.token_digest = $1
        and c.expires_at > $2
        and u.is_active",
);

static FIND_BY_TYPED: Statement = Statement::new(
    "select u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
            u.updated_at, c.user_id, c.purpose, c.sent_to, c.token_digest, c.created_at, c.expires_at
       from one_time_codes c
       join users u
         on u.id = c.user_id
      where c.typed_digest = $1
        and c.expires_at > $2
        and u.is_active
      order by c.created_at desc
      limit 1",
);

static USE_UP: Statement = Statement::new(
    "delete from one_time_codes
      where user_id = $1
        and purpose = $2
        and sent_to = $3
        and token_digest = $4
        and expires_at > $5",
);

static DELETE_OF: Statement = Statement::new(
    "delete from one_time_codes
      where user_id = $1
        and (purpose <> 'undo_email_change' or created_at > $2)",
);

static HELD_BACK_FOR: Statement = Statement::new(
    "select u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
            u.updated_at
       from one_time_codes c
       join users u
         on u.id = c.user_id
      where c.sent_to = $1
        and c.purpose = 'undo_email_change'
        and c.expires_at > $2
      order by c.created_at
      limit 1",
);

static PURGE: Statement = Statement::new(
    "delete from one_time_codes
      where (user_id, purpose, sent_to) in (select user_id, purpose, sent_to
                                              from one_time_codes
                                             where expires_at <= $1
                                             order by expires_at
                                             limit $2
                                             for update skip locked)",
);

impl OneTimeCode {
    /// Writes down a code, in the place of an older one for the same purpose and address.
    pub async fn replace(
        write: impl Writes,
        (user, purpose, sent_to): (UserId, Purpose, &Email),
        digests: Digests,
        (now, expires_at): (Timestamp, Timestamp),
    ) -> Result<(), DatabaseError> {
        let values = [
            user.into(),
            purpose.as_str().into(),
            sent_to.as_str().into(),
            digests.token.as_slice().into(),
            digests.typed.as_ref().map(<[u8; 16]>::as_slice).into(),
            now.into(),
            expires_at.into(),
        ];
        write.execute(&REPLACE, &values).await.map(drop)
    }

    /// Deletes the codes of this purpose that went to any other address.
    pub async fn delete_elsewhere(
        write: impl Writes,
        (user, purpose, sent_to): (UserId, Purpose, &Email),
    ) -> Result<(), DatabaseError> {
        let values = [user.into(), purpose.as_str().into(), sent_to.as_str().into()];
        write.execute(&DELETE_ELSEWHERE, &values).await.map(drop)
    }

    /// The code whose link carries a token of this digest, and its user, if they are active.
    pub async fn find_by_token(
        read: impl Reads,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(User, Self)>, DatabaseError> {
        read.optional(&FIND_BY_TOKEN, &[digest.as_slice().into(), now.into()]).await
    }

    /// The code that is typed with this digest, and its user, if they are active.
    pub async fn find_by_typed(
        read: impl Reads,
        digest: [u8; 16],
        now: Timestamp,
    ) -> Result<Option<(User, Self)>, DatabaseError> {
        read.optional(&FIND_BY_TYPED, &[digest.as_slice().into(), now.into()]).await
    }

    /// Uses the code up; false if somebody else has, or a newer one has taken its place, or its time is over.
    pub async fn use_up(&self, write: impl Writes, now: Timestamp) -> Result<bool, DatabaseError> {
        let values = [
            self.user_id.into(),
            self.purpose.as_str().into(),
            self.sent_to.as_str().into(),
            self.token_digest.as_slice().into(),
            now.into(),
        ];
        Ok(write.execute(&USE_UP, &values).await? == 1)
    }

    /// Deletes every code of a user but those that take back an address and were not made after `since`.
    pub async fn delete_of(write: impl Writes, user: UserId, since: Timestamp) -> Result<(), DatabaseError> {
        write.execute(&DELETE_OF, &[user.into(), since.into()]).await.map(drop)
    }

    /// Who can still take this address back: of several, whoever had it first.
    pub async fn held_back_for(
        read: impl Reads,
        address: &Email,
        now: Timestamp,
    ) -> Result<Option<User>, DatabaseError> {
        read.optional(&HELD_BACK_FOR, &[address.as_str().into(), now.into()]).await
    }

    /// Deletes at most `count` codes whose time is over; says how many.
    pub async fn purge(write: impl Writes, now: Timestamp, count: i64) -> Result<u64, DatabaseError> {
        write.execute(&PURGE, &[now.into(), count.into()]).await
    }
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::ConfirmEmail, Self::ChangeEmail, Self::UndoEmailChange, Self::ResetPassword];

    /// The name in rows and digests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::ChangeEmail => "change_email",
            Self::UndoEmailChange => "undo_email_change",
            Self::ResetPassword => "reset_password",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

impl FromRow for (User, OneTimeCode) {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        let first = USER_COLUMNS;
        let purpose = Purpose::parse(&row.get::<String>(first + 1)?);
        let code = OneTimeCode {
            user_id: word(row, first)?,
            purpose: purpose.ok_or_else(|| DatabaseError::Other("a code for an unknown purpose".to_owned()))?,
            sent_to: word(row, first + 2)?,
            token_digest: row.get(first + 3)?,
            created_at: word(row, first + 4)?,
            expires_at: word(row, first + 5)?,
        };
        Ok((User::from_columns(row, 0)?, code))
    }
}

//! Accounts: users as administrators see and change them, each with the version that a change is held against.

use super::{
    columns::word,
    user::{COLUMNS as USER_COLUMNS, User},
};
use crate::{
    crypto::PasswordHash,
    database::{DatabaseError, FromRow, Reads, Row, Statement, Transaction, Writes},
    domain::{Roles, Timestamp, UserId},
};

/// A user and how often their row has changed.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// How often the row has changed.
    pub revision: i64,
}

/// What an administrator may change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Whether the user may sign in.
    pub is_active: bool,
    /// What they may do beyond being a user.
    pub roles: Roles,
    /// Whether the address counts as confirmed.
    pub email_verified: bool,
}

/// A stretch of an ordered list: what begins with the prefix and comes after a key.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// What the key begins with, in ASCII.
    pub prefix: &'a str,
    /// The key after which the stretch begins; empty at the beginning.
    pub after: &'a str,
    /// How many at most.
    pub limit: i64,
}

static FIND: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at, revision
       from users
      where id = $1",
);

static HOLD: Statement = Statement::new(
    "update users
        set revision = revision
      where id = $1
  returning id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at, revision",
);

static SET_STANDING: Statement = Statement::new(
    "update users
        set is_active = $2, roles = $3, email_verified = $4, updated_at = $5, revision = revision + 1
      where id = $1
  returning id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at, revision",
);

static SET_PASSWORD_HASH: Statement = Statement::new(
    "update users
        set hashed_password = $2, updated_at = $3, revision = revision + 1
      where id = $1",
);

static DELETE: Statement = Statement::new(
    "delete from users
      where id = $1",
);

static ANOTHER_ADMIN: Statement = Statement::new(
    "select id
       from users
      where roles <> ''
        and is_active
        and ' ' || roles || ' ' like '% admin %'
        and id <> $1
      limit 1",
);

static ALL: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where id > $1
      order by id
      limit $2",
);

static BY_EMAIL: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where email >= $1
        and email < $2
        and email > $3
      order by email
      limit $4",
);

static BY_USERNAME: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where lower(username) >= $1
        and lower(username) < $2
        and lower(username) > $3
        and not (email >= $1 and email < $2)
      order by lower(username)
      limit $4",
);

impl Account {
    /// The account with this id.
    pub async fn find(read: impl Reads, id: UserId) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND, &[id.into()]).await
    }

    /// The account with this id, kept as it is until the transaction ends; others who change it wait.
    pub async fn hold(write: &mut Transaction, id: UserId) -> Result<Option<Self>, DatabaseError> {
        write.optional(&HOLD, &[id.into()]).await
    }

    /// Changes what an administrator may change.
    pub async fn set_standing(
        write: &mut Transaction,
        id: UserId,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Self, DatabaseError> {
        let roles = standing.roles.to_string();
        let values =
            [id.into(), standing.is_active.into(), (&roles).into(), standing.email_verified.into(), now.into()];
        write.one(&SET_STANDING, &values).await
    }

    /// Puts another hash in the place of whatever there was.
    pub async fn set_password_hash(
        write: &mut Transaction,
        id: UserId,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        write.execute(&SET_PASSWORD_HASH, &[id.into(), hash.as_stored().into(), now.into()]).await.map(drop)
    }

    /// Deletes the account, and its sessions; false if there is none.
    pub async fn delete(write: &mut Transaction, id: UserId) -> Result<bool, DatabaseError> {
        Ok(write.execute(&DELETE, &[id.into()]).await? == 1)
    }

    /// Whether somebody else is an administrator and may sign in.
    pub async fn has_another_admin(read: impl Reads, id: UserId) -> Result<bool, DatabaseError> {
        Ok(read.optional::<UserId>(&ANOTHER_ADMIN, &[id.into()]).await?.is_some())
    }

    /// Accounts in the order of their ids, after this one.
    pub async fn all_after(read: impl Reads, after: i64, limit: i64) -> Result<Vec<User>, DatabaseError> {
        read.all(&ALL, &[after.into(), limit.into()]).await
    }

    /// Accounts whose address begins with the prefix, in the order of their addresses.
    pub async fn by_email(read: impl Reads, stretch: Stretch<'_>) -> Result<Vec<User>, DatabaseError> {
        let end = end_of(stretch.prefix);
        let values = [stretch.prefix.into(), (&end).into(), stretch.after.into(), stretch.limit.into()];
        read.all(&BY_EMAIL, &values).await
    }

    /// Accounts whose name, but not whose address, begins with the prefix, in the order of their names in lowercase.
    pub async fn by_username(read: impl Reads, stretch: Stretch<'_>) -> Result<Vec<User>, DatabaseError> {
        let end = end_of(stretch.prefix);
        let values = [stretch.prefix.into(), (&end).into(), stretch.after.into(), stretch.limit.into()];
        read.all(&BY_USERNAME, &values).await
    }

    /// What an administrator may change, as it is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            is_active: self.user.is_active,
            roles: self.user.roles.clone(),
            email_verified: self.user.email_verified,
        }
    }

    /// The version: the instant of the last change, and its number, because two may share an instant. The number alone
    /// would come back with a restored backup, and stand still while a node of the release before changes the row.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}-{}", self.user.updated_at.as_unix_millis(), self.revision)
    }
}

/// What comes after every text of printable ASCII that begins with the prefix.
fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{7f}")
}

impl FromRow for Account {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self { user: User::from_columns(row, 0)?, revision: row.get(USER_COLUMNS)? })
    }
}

impl FromRow for UserId {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        word(row, 0)
    }
}

//! Users: one row for each account.

use super::columns::word;
use crate::{
    crypto::PasswordHash,
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::{Email, Roles, Timestamp, UserId, Username},
};

/// The constraint that an address belongs to one user.
pub const EMAIL_KEY: &str = "users_email_key";
/// The constraint that a name, in any case, belongs to one user.
pub const USERNAME_KEY: &str = "users_username_key";

/// A user as the database knows them.
#[derive(Clone, Debug)]
pub struct User {
    /// The key; never given to another user.
    pub id: UserId,
    /// The address that signs in.
    pub email: Email,
    /// The name, as it was written at registration.
    pub username: Username,
    /// What the password is checked against.
    pub password_hash: PasswordHash,
    /// Whether the user may sign in at all.
    pub is_active: bool,
    /// Whether the address has been confirmed.
    pub email_verified: bool,
    /// What the user may do beyond being a user.
    pub roles: Roles,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

/// A user who may sign in. Only [`User::active`] makes one, so no session can be opened for a disabled user.
#[derive(Clone, Debug)]
pub struct ActiveUser(User);

/// What a new user is made of.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// The address that will sign in.
    pub email: &'a Email,
    /// The name.
    pub username: &'a Username,
    /// The hash of the password.
    pub password_hash: &'a PasswordHash,
    /// Now.
    pub created_at: Timestamp,
}

static INSERT: Statement = Statement::new(
    "insert into users (email, username, hashed_password, created_at, updated_at)
          values ($1, $2, $3, $4, $4)
       returning id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at",
);

static FIND: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where id = $1",
);

static FIND_BY_EMAIL: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where email = $1",
);

static FIND_BY_USERNAME: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where lower(username) = lower($1)",
);

static STRETCH: Statement = Statement::new(
    "select id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at
       from users
      where id > $1
      order by id
      limit $2",
);

static REPLACE_PASSWORD_HASH: Statement = Statement::new(
    "update users
        set hashed_password = $3, updated_at = $4, revision = revision + 1
      where id = $1
        and hashed_password = $2
        and is_active",
);

static HOLD: Statement = Statement::new(
    "update users
        set is_active = is_active
      where id = $1
        and hashed_password = $2
        and is_active",
);

static RENAME: Statement = Statement::new(
    "update users
        set username = $2, updated_at = $3, revision = revision + 1
      where id = $1
        and is_active
  returning id, email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at",
);

static CONFIRM_EMAIL: Statement = Statement::new(
    "update users
        set email_verified = true, updated_at = $3, revision = revision + 1
      where id = $1
        and email = $2
        and is_active",
);

static RESET_PASSWORD: Statement = Statement::new(
    "update users
        set hashed_password = $3, email_verified = true, updated_at = $4, revision = revision + 1
      where id = $1
        and email = $2
        and is_active",
);

static CHANGE_EMAIL: Statement = Statement::new(
    "update users
        set email = $3, email_verified = true, updated_at = $4, revision = revision + 1
      where id = $1
        and email = $2
        and is_active",
);

static RESTORE_EMAIL: Statement = Statement::new(
    "update users
        set email = $2, email_verified = true, hashed_password = $3, updated_at = $4, revision = revision + 1
      where id = $1
        and is_active",
);

static DELETE: Statement = Statement::new(
    "delete from users
      where id = $1
        and hashed_password = $2",
);

impl User {
    /// Makes a user. A duplicate is refused by the constraints `users_email_key` and `users_username_key`.
    pub async fn insert(write: impl Writes, new: NewUser<'_>) -> Result<Self, DatabaseError> {
        let (email, username) = (new.email.as_str(), new.username.as_str());
        let values = [email.into(), username.into(), new.password_hash.as_stored().into(), new.created_at.into()];
        write.one(&INSERT, &values).await
    }

    /// The user with this id.
    pub async fn find(read: impl Reads, id: UserId) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND, &[id.into()]).await
    }

    /// The user with this address.
    pub async fn find_by_email(read: impl Reads, email: &Email) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND_BY_EMAIL, &[email.as_str().into()]).await
    }

    /// The user with this name, in any case.
    pub async fn find_by_username(read: impl Reads, username: &Username) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND_BY_USERNAME, &[username.as_str().into()]).await
    }

    /// So many users in the order of their ids, from the beginning or after one of them.
    pub async fn stretch(read: impl Reads, after: Option<UserId>, count: i64) -> Result<Vec<Self>, DatabaseError> {
        read.all(&STRETCH, &[after.map_or(0, UserId::get).into(), count.into()]).await
    }

    /// Puts another hash in the place of the one that was just verified; false if it, or the activity, has changed.
    pub async fn replace_password_hash(
        &self,
        write: impl Writes,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let values = [self.id.into(), self.password_hash.as_stored().into(), hash.as_stored().into(), now.into()];
        Ok(write.execute(&REPLACE_PASSWORD_HASH, &values).await? == 1)
    }

    /// Keeps the row as it was read until the transaction ends; false if the password or the activity has changed.
    pub async fn hold(&self, write: impl Writes) -> Result<bool, DatabaseError> {
        Ok(write.execute(&HOLD, &[self.id.into(), self.password_hash.as_stored().into()]).await? == 1)
    }

    /// Gives the user another name; `None` if the user is gone. Refused by the constraint `users_username_key`.
    pub async fn rename(
        &self,
        write: impl Writes,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<Self>, DatabaseError> {
        write.optional(&RENAME, &[self.id.into(), username.as_str().into(), now.into()]).await
    }

    /// Notes that the owner of the address has confirmed it; false if it has changed meanwhile.
    pub async fn confirm_email(&self, write: impl Writes, now: Timestamp) -> Result<bool, DatabaseError> {
        Ok(write.execute(&CONFIRM_EMAIL, &[self.id.into(), self.email.as_str().into(), now.into()]).await? == 1)
    }

    /// Sets the password that the owner of the address has chosen, which confirms the address; false if it has changed
    /// meanwhile.
    pub async fn reset_password(
        &self,
        write: impl Writes,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let values = [self.id.into(), self.email.as_str().into(), hash.as_stored().into(), now.into()];
        Ok(write.execute(&RESET_PASSWORD, &values).await? == 1)
    }

    /// Gives the user another address, which its owner has confirmed; false if theirs has changed meanwhile. Refused by
    /// the constraint `users_email_key`.
    pub async fn change_email(&self, write: impl Writes, email: &Email, now: Timestamp) -> Result<bool, DatabaseError> {
        let values = [self.id.into(), self.email.as_str().into(), email.as_str().into(), now.into()];
        Ok(write.execute(&CHANGE_EMAIL, &values).await? == 1)
    }

    /// Gives the user an address back, and a password that nobody knows; false if they are gone. Refused by the
    /// constraint `users_email_key`.
    pub async fn restore_email(
        &self,
        write: impl Writes,
        (email, hash): (&Email, &PasswordHash),
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let values = [self.id.into(), email.as_str().into(), hash.as_stored().into(), now.into()];
        Ok(write.execute(&RESTORE_EMAIL, &values).await? == 1)
    }

    /// Deletes the user whose password was just verified, and their sessions; false if it has changed meanwhile.
    pub async fn delete(&self, write: impl Writes) -> Result<bool, DatabaseError> {
        Ok(write.execute(&DELETE, &[self.id.into(), self.password_hash.as_stored().into()]).await? == 1)
    }

    /// The user, if they may sign in.
    #[must_use]
    pub fn active(self) -> Option<ActiveUser> {
        self.is_active.then_some(ActiveUser(self))
    }
}

impl std::ops::Deref for ActiveUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}

impl From<ActiveUser> for User {
    fn from(user: ActiveUser) -> Self {
        user.0
    }
}

/// How many columns a user takes in a select list that names them in the order of [`FIND`].
pub(super) const COLUMNS: usize = 9;

impl FromRow for User {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Self::from_columns(row, 0)
    }
}

impl User {
    /// Reads a user from the columns that begin at `first`, for statements that join.
    pub(super) fn from_columns(row: &Row<'_>, first: usize) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: word(row, first)?,
            email: word(row, first + 1)?,
            username: word(row, first + 2)?,
            password_hash: word(row, first + 3)?,
            is_active: row.get(first + 4)?,
            email_verified: row.get(first + 5)?,
            roles: word(row, first + 6)?,
            created_at: word(row, first + 7)?,
            updated_at: word(row, first + 8)?,
        })
    }
}

//! Petitions: what was asked for an address by somebody who may not learn whether it has an account.
//!
//! The row is the same for every address, so that writing it takes the same time. It goes in the transaction that
//! answers it.

use super::columns::{optional_word, word};
use crate::{
    crypto::PasswordHash,
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::{Email, Timestamp, Username},
};

/// Something that was asked for.
#[derive(Debug)]
pub struct Petition {
    /// Its number.
    pub id: i64,
    /// For which address.
    pub email: Email,
    /// What.
    pub wish: Wish,
}

/// What somebody asked for.
#[derive(Debug)]
pub enum Wish {
    /// Another password, because they have forgotten theirs.
    ResetPassword,
    /// An account.
    Register {
        /// The name.
        username: Username,
        /// The hash of the password.
        password_hash: PasswordHash,
    },
}

static INSERT: Statement = Statement::new(
    "insert into petitions (kind, email, username, hashed_password, created_at)
          values ($1, $2, $3, $4, $5)",
);

static TAKE: Statement = Statement::new(
    "delete from petitions
      where id = (select id
                    from petitions
                   where id > $1
                   order by id
                   limit 1
                     for update skip locked)
  returning id, kind, email, username, hashed_password",
);

static ANY: Statement = Statement::new(
    "select id
       from petitions
      limit 1",
);

impl Petition {
    /// Writes down what was asked for.
    pub async fn insert(
        write: impl Writes,
        (email, wish): (&Email, &Wish),
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let (kind, username, hash) = match wish {
            Wish::ResetPassword => ("reset_password", None, None),
            Wish::Register { username, password_hash } => {
                ("register", Some(username.as_str()), Some(password_hash.as_stored()))
            }
        };
        let values = [kind.into(), email.as_str().into(), username.into(), hash.into(), now.into()];
        write.execute(&INSERT, &values).await.map(drop)
    }

    /// Takes the oldest petition after the number `after` out of the table; it is back if the transaction is.
    pub async fn take(write: impl Writes, after: i64) -> Result<Option<Self>, DatabaseError> {
        write.optional(&TAKE, &[after.into()]).await
    }

    /// Whether there is any: a read, so that looking costs no write.
    pub async fn any(read: impl Reads) -> Result<bool, DatabaseError> {
        Ok(read.optional::<i64>(&ANY, &[]).await?.is_some())
    }
}

impl FromRow for Petition {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        let wish = match (optional_word(row, 3)?, optional_word(row, 4)?) {
            (Some(username), Some(password_hash)) => Wish::Register { username, password_hash },
            _ => Wish::ResetPassword,
        };
        Ok(Self { id: row.get(0)?, email: word(row, 2)?, wish })
    }
}

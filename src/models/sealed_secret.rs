//! Sealed secrets: keys that every node shares and that rest in the database under the root secret.

use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::Timestamp,
};

/// A secret that has a name and is sealed.
pub struct SealedSecret {
    /// What it is for; also what it is sealed for.
    pub name: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

static FIND: Statement = Statement::new(
    "select name, sealed
       from sealed_secrets
      where name = $1",
);

static INSERT: Statement = Statement::new(
    "insert into sealed_secrets (name, sealed, created_at)
          values ($1, $2, $3)
     on conflict do nothing",
);

static RESEAL: Statement = Statement::new(
    "update sealed_secrets
        set sealed = $3
      where name = $1
        and sealed = $2",
);

static HOLD: Statement = Statement::new(
    "update sealed_secrets
        set name = name
      where name = $1",
);

impl SealedSecret {
    /// Keeps the row until the transaction ends; others who hold it wait.
    pub async fn hold(write: impl Writes, name: &str) -> Result<(), DatabaseError> {
        write.execute(&HOLD, &[name.into()]).await.map(drop)
    }

    /// The secret of this name.
    pub async fn find(read: impl Reads, name: &str) -> Result<Option<Self>, DatabaseError> {
        read.optional(&FIND, &[name.into()]).await
    }

    /// Adds the secret; false if another node was first.
    pub async fn insert(&self, write: impl Writes, now: Timestamp) -> Result<bool, DatabaseError> {
        let values = [self.name.as_str().into(), self.sealed.as_slice().into(), now.into()];
        Ok(write.execute(&INSERT, &values).await? == 1)
    }

    /// Replaces the sealed bytes by the same secret under another seal; false if another node was first.
    pub async fn reseal(&self, write: impl Writes, sealed: &[u8]) -> Result<bool, DatabaseError> {
        let values = [self.name.as_str().into(), self.sealed.as_slice().into(), sealed.into()];
        Ok(write.execute(&RESEAL, &values).await? == 1)
    }
}

impl FromRow for SealedSecret {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self { name: row.get(0)?, sealed: row.get(1)? })
    }
}

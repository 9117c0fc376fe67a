//! Signing keys: one row for each key that signed, signs or will sign access tokens.
//!
//! *next* is published and does not sign; *active* signs; *verify-only* is believed until the last token it signed
//! has died; *retired* is history, its private part gone. The table lets there be one *next* and one *active*.

use super::columns::{optional_word, word};
use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::Timestamp,
};

/// A key as the database knows it.
#[derive(Clone)]
pub struct SigningKey {
    /// The name that tokens carry: the thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// The algorithm, by its JOSE name.
    pub algorithm: String,
    /// What it is good for.
    pub state: State,
    /// The public part as a JWK.
    pub public_jwk: String,
    /// The private part, PKCS#8, sealed; gone from retired keys.
    pub sealed_private_key: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it may begin to sign, or began to.
    pub activates_at: Timestamp,
    /// When the last token that it signed is dead; known once it has ceased to sign.
    pub retires_at: Option<Timestamp>,
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published, so that verifiers know it before it signs.
    Next,
    /// Signs.
    Active,
    /// Believed, no longer signing.
    VerifyOnly,
    /// Neither.
    Retired,
}

static INSERT: Statement = Statement::new(
    "insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, created_at, activates_at)
          values ($1, $2, $3, $4, $5, $6, $7)
     on conflict do nothing",
);

static ALL: Statement = Statement::new(
    "select kid, algorithm, state, public_jwk, sealed_private_key, created_at, activates_at, retires_at
       from signing_keys
      order by created_at, kid",
);

static CEASE: Statement = Statement::new(
    "update signing_keys
        set state = 'verify-only', deactivated_at = $2, retires_at = $3
      where kid = $1
        and state = 'active'",
);

static ACTIVATE: Statement = Statement::new(
    "update signing_keys
        set state = 'active', activates_at = $2
      where kid = $1
        and state = 'next'",
);

static BRING_FORWARD: Statement = Statement::new(
    "update signing_keys
        set activates_at = $2
      where kid = $1
        and state = 'next'
        and activates_at > $2",
);

static RETIRE: Statement = Statement::new(
    "update signing_keys
        set state = 'retired', sealed_private_key = null, retired_at = $2
      where kid = $1
        and state <> 'retired'",
);

static RESEAL: Statement = Statement::new(
    "update signing_keys
        set sealed_private_key = $3
      where kid = $1
        and sealed_private_key = $2",
);

impl SigningKey {
    /// Adds a key; false if there is one in this state already.
    pub async fn insert(&self, write: impl Writes) -> Result<bool, DatabaseError> {
        let values = [
            self.kid.as_str().into(),
            self.algorithm.as_str().into(),
            self.state.as_str().into(),
            self.public_jwk.as_str().into(),
            self.sealed_private_key.as_deref().into(),
            self.created_at.into(),
            self.activates_at.into(),
        ];
        Ok(write.execute(&INSERT, &values).await? == 1)
    }

    /// Every key, the oldest first.
    pub async fn all(read: impl Reads) -> Result<Vec<Self>, DatabaseError> {
        read.all(&ALL, &[]).await
    }

    /// Ends this key's signing; false if another node was first.
    pub async fn cease(
        &self,
        write: impl Writes,
        now: Timestamp,
        retires_at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        Ok(write.execute(&CEASE, &[self.kid.as_str().into(), now.into(), retires_at.into()]).await? == 1)
    }

    /// Begins this key's signing; false if another node was first.
    pub async fn activate(&self, write: impl Writes, now: Timestamp) -> Result<bool, DatabaseError> {
        Ok(write.execute(&ACTIVATE, &[self.kid.as_str().into(), now.into()]).await? == 1)
    }

    /// Has this key sign from an earlier moment on; false if it is not the next one any more.
    pub async fn bring_forward(&self, write: impl Writes, activates_at: Timestamp) -> Result<bool, DatabaseError> {
        Ok(write.execute(&BRING_FORWARD, &[self.kid.as_str().into(), activates_at.into()]).await? == 1)
    }

    /// Takes this key out of use for good and forgets its private part.
    pub async fn retire(&self, write: impl Writes, now: Timestamp) -> Result<bool, DatabaseError> {
        Ok(write.execute(&RETIRE, &[self.kid.as_str().into(), now.into()]).await? == 1)
    }

    /// Replaces the sealed private part by the same under another seal.
    pub async fn reseal(&self, write: impl Writes, sealed: &[u8]) -> Result<bool, DatabaseError> {
        let values = [self.kid.as_str().into(), self.sealed_private_key.as_deref().into(), sealed.into()];
        Ok(write.execute(&RESEAL, &values).await? == 1)
    }
}

impl State {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::VerifyOnly => "verify-only",
            Self::Retired => "retired",
        }
    }

    fn parse(word: &str) -> Result<Self, DatabaseError> {
        [Self::Next, Self::Active, Self::VerifyOnly, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| DatabaseError::Other("signing_keys.state holds no state".to_owned()))
    }
}

impl FromRow for SigningKey {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok(Self {
            kid: row.get(0)?,
            algorithm: row.get(1)?,
            state: State::parse(&row.get::<String>(2)?)?,
            public_jwk: row.get(3)?,
            sealed_private_key: row.get(4)?,
            created_at: word(row, 5)?,
            activates_at: word(row, 6)?,
            retires_at: optional_word(row, 7)?,
        })
    }
}

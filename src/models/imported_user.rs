//! Users who come from elsewhere with all they have, many at a time.

use std::collections::BTreeSet;

use crate::{
    crypto::PasswordHash,
    database::{DatabaseError, Reads, Statement, Value, Writes},
    domain::{Email, Roles, Timestamp, Username},
};

/// A user as another program knew them, in our words.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// The address that will sign in.
    pub email: Email,
    /// The name.
    pub username: Username,
    /// What the password is checked against.
    pub password_hash: PasswordHash,
    /// Whether the user may sign in at all.
    pub is_active: bool,
    /// Whether the address has been confirmed.
    pub email_verified: bool,
    /// What the user may do beyond being a user.
    pub roles: Roles,
    /// When the user opened the account, here or there.
    pub created_at: Timestamp,
}

/// How many go into one statement. On PostgreSQL each is a round trip, and a user alone in one costs ten times as much.
pub const AT_ONCE: usize = 16;

/// Whoever is there already, by address or by name, stays as they are.
static INSERT: Statement = Statement::new(
    "insert into users (email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at)
          values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict do nothing
       returning email",
);

static INSERT_SIXTEEN: Statement = Statement::new(
    "insert into users (email, username, hashed_password, is_active, email_verified, roles, created_at, updated_at)
          values ($1, $2, $3, $4, $5, $6, $7, $8),
                 ($9, $10, $11, $12, $13, $14, $15, $16),
                 ($17, $18, $19, $20, $21, $22, $23, $24),
                 ($25, $26, $27, $28, $29, $30, $31, $32),
                 ($33, $34, $35, $36, $37, $38, $39, $40),
                 ($41, $42, $43, $44, $45, $46, $47, $48),
                 ($49, $50, $51, $52, $53, $54, $55, $56),
                 ($57, $58, $59, $60, $61, $62, $63, $64),
                 ($65, $66, $67, $68, $69, $70, $71, $72),
                 ($73, $74, $75, $76, $77, $78, $79, $80),
                 ($81, $82, $83, $84, $85, $86, $87, $88),
                 ($89, $90, $91, $92, $93, $94, $95, $96),
                 ($97, $98, $99, $100, $101, $102, $103, $104),
                 ($105, $106, $107, $108, $109, $110, $111, $112),
                 ($113, $114, $115, $116, $117, $118, $119, $120),
                 ($121, $122, $123, $124, $125, $126, $127, $128)
     on conflict do nothing
       returning email",
);

static FIND_SIXTEEN: Statement = Statement::new(
    "select email
       from users
      where email in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
);

impl ImportedUser {
    /// Adds the user and answers the address; `None` if the address or the name is taken.
    pub async fn insert(&self, write: impl Writes, now: Timestamp) -> Result<Option<String>, DatabaseError> {
        write.optional(&INSERT, &self.values(&self.roles.to_string(), now)).await
    }

    /// Adds those whose address and name are free, and answers their addresses.
    pub async fn insert_sixteen(
        write: impl Writes,
        users: &[Self; AT_ONCE],
        now: Timestamp,
    ) -> Result<BTreeSet<String>, DatabaseError> {
        let roles = users.each_ref().map(|user| user.roles.to_string());
        let rows: Vec<_> = users.iter().zip(&roles).map(|(user, roles)| user.values(roles, now)).collect();
        let added: Vec<String> = write.all(&INSERT_SIXTEEN, rows.as_flattened()).await?;
        Ok(added.into_iter().collect())
    }

    /// Those of these addresses, [`AT_ONCE`] or fewer, that belong to a user.
    pub async fn known(read: impl Reads, emails: &[&Email]) -> Result<BTreeSet<String>, DatabaseError> {
        // The empty text is nobody's address.
        let values: Vec<Value<'_>> = emails
            .iter()
            .map(|email| email.as_str())
            .chain(std::iter::repeat(""))
            .take(AT_ONCE)
            .map(Value::from)
            .collect();
        let known: Vec<String> = read.all(&FIND_SIXTEEN, &values).await?;
        Ok(known.into_iter().collect())
    }

    fn values<'a>(&'a self, roles: &'a str, now: Timestamp) -> [Value<'a>; 8] {
        [
            self.email.as_str().into(),
            self.username.as_str().into(),
            self.password_hash.as_stored().into(),
            self.is_active.into(),
            self.email_verified.into(),
            roles.into(),
            self.created_at.into(),
            now.into(),
        ]
    }
}

//! Sessions: one row for each sign-in, from the first token to the end.
//!
//! The access token names its session, the refresh token its session and generation. Ending a session is one
//! statement; nothing is kept per token.

pub use super::end_reason::EndReason;
use super::{
    columns::{optional_word, word},
    user::{COLUMNS as USER_COLUMNS, User},
};
use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Transaction, Writes},
    domain::{SessionId, Timestamp, UserId},
};

/// A session as the database knows it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The id that tokens name as `sid`.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How often it has been refreshed.
    pub generation: i64,
    /// When it was refreshed last, or opened.
    pub refreshed_at: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends, however often it is refreshed.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub ended_at: Option<Timestamp>,
    /// The address it was opened or last refreshed from.
    pub ip: Option<String>,
    /// What the client called itself then.
    pub user_agent: Option<String>,
}

/// What a new session is made of.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The digest of the secret that its refresh tokens carry.
    pub secret_digest: [u8; 32],
    /// Now.
    pub created_at: Timestamp,
    /// When it ends, however often it is refreshed.
    pub expires_at: Timestamp,
    /// The client's address.
    pub ip: &'a str,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
}

/// One step of a session, from one generation to the next.
#[derive(Debug)]
pub struct Step<'a> {
    /// The session.
    pub id: SessionId,
    /// The generation that the presented token carries.
    pub generation: i64,
    /// The digest of the secret that it carries.
    pub secret_digest: [u8; 32],
    /// Now.
    pub now: Timestamp,
    /// Sessions that were refreshed before this instant have been idle too long.
    pub idle_since: Timestamp,
    /// The client's address.
    pub ip: &'a str,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
}

/// Another secret for an open session.
#[derive(Debug)]
pub struct Renewal<'a> {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The digest of the new secret.
    pub secret_digest: [u8; 32],
    /// Now.
    pub now: Timestamp,
    /// The client's address.
    pub ip: &'a str,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
}

static INSERT: Statement = Statement::new(
    "insert into sessions
            (id, user_id, generation, secret_digest, refreshed_at, created_at, expires_at, ip, user_agent)
     values ($1, $2, 0, $3, $4, $4, $5, $6, $7)",
);

static FIND_BY_SECRET: Statement = Statement::new(
    "select u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
            u.updated_at, s.id, s.user_id, s.generation, s.refreshed_at, s.created_at, s.expires_at, s.ended_at, s.ip,
            s.user_agent
       from sessions s
       join users u
         on u.id = s.user_id
      where s.id = $1
        and s.secret_digest = $2",
);

static FIND_WITH_USER: Statement = Statement::new(
    "select u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
            u.updated_at, s.id, s.user_id, s.generation, s.refreshed_at, s.created_at, s.expires_at, s.ended_at, s.ip,
            s.user_agent
       from sessions s
       join users u
         on u.id = s.user_id
      where s.id = $1",
);

static OPEN_OF_USER: Statement = Statement::new(
    "select id, user_id, generation, refreshed_at, created_at, expires_at, ended_at, ip, user_agent
       from sessions
      where user_id = $1
        and ended_at is null
        and expires_at > $2
        and refreshed_at > $3
      order by refreshed_at desc, id desc",
);

// Session and user in one statement: a second one would cost a round trip more. The bench has its own copy for pgbench.
static REFRESH: Statement = Statement::of_two_tables(
    "update sessions
        set generation = generation + 1, refreshed_at = $4, ip = $6, user_agent = $7
       from users u
      where sessions.id = $1
        and generation = $2
        and secret_digest = $3
        and ended_at is null
        and expires_at > $4
        and refreshed_at > $5
        and u.id = sessions.user_id
        and u.is_active
  returning u.id, u.email, u.username, u.hashed_password, u.is_active, u.email_verified, u.roles, u.created_at,
            u.updated_at, sessions.id, user_id, generation, refreshed_at, sessions.created_at, expires_at, ended_at, ip,
            user_agent",
    "update sessions
        set generation = generation + 1, refreshed_at = $4, ip = $6, user_agent = $7
      where id = $1
        and generation = $2
        and secret_digest = $3
        and ended_at is null
        and expires_at > $4
        and refreshed_at > $5
        and exists (select 1 from users u where u.id = sessions.user_id and u.is_active)
  returning (select u.id from users u where u.id = sessions.user_id),
            (select u.email from users u where u.id = sessions.user_id),
            (select u.username from users u where u.id = sessions.user_id),
            (select u.hashed_password from users u where u.id = sessions.user_id),
            (select u.is_active from users u where u.id = sessions.user_id),
            (select u.email_verified from users u where u.id = sessions.user_id),
            (select u.roles from users u where u.id = sessions.user_id),
            (select u.created_at from users u where u.id = sessions.user_id),
            (select u.updated_at from users u where u.id = sessions.user_id),
            id, user_id, generation, refreshed_at, created_at, expires_at, ended_at, ip, user_agent",
);

static END: Statement = Statement::new(
    "update sessions
        set ended_at = $3, end_reason = $4
      where id = $1
        and user_id = $2
        and ended_at is null",
);

static END_ALL: Statement = Statement::new(
    "update sessions
        set ended_at = $2, end_reason = $3
      where user_id = $1
        and ended_at is null",
);

static END_OTHERS: Statement = Statement::new(
    "update sessions
        set ended_at = $3, end_reason = $4
      where user_id = $1
        and id <> $2
        and ended_at is null",
);

static RENEW: Statement = Statement::new(
    "update sessions
        set generation = generation + 1, secret_digest = $3, refreshed_at = $4, ip = $5, user_agent = $6
      where id = $1
        and user_id = $2
        and ended_at is null
  returning id, user_id, generation, refreshed_at, created_at, expires_at, ended_at, ip, user_agent",
);

// A row that somebody holds is left for the next time: whoever ends all sessions of a user takes their rows in another
// order, and the two would wait for one another.
static PURGE: Statement = Statement::new(
    "delete from sessions
      where id in (select id
                     from sessions
                    where id > $1
                      and id <= $2
                      and (expires_at < $3 or refreshed_at < $4 or ended_at < $5)
                      for update skip locked)",
);

static STRETCH_END: Statement = Statement::new(
    "select id
       from (select id
               from sessions
              where id > $1
              order by id
              limit $2) as stretch
      order by id desc
      limit 1",
);

impl Session {
    /// Opens a session.
    pub async fn insert(write: impl Writes, new: NewSession<'_>) -> Result<(), DatabaseError> {
        let values = [
            (&new.id).into(),
            new.user_id.into(),
            new.secret_digest.as_slice().into(),
            new.created_at.into(),
            new.expires_at.into(),
            new.ip.into(),
            new.user_agent.into(),
        ];
        write.execute(&INSERT, &values).await?;
        Ok(())
    }

    /// The session with this id, open or not, and its user, if the digest is that of its secret.
    pub async fn find_by_secret(
        read: impl Reads,
        id: SessionId,
        secret_digest: [u8; 32],
    ) -> Result<Option<(User, Self)>, DatabaseError> {
        read.optional(&FIND_BY_SECRET, &[(&id).into(), secret_digest.as_slice().into()]).await
    }

    /// The session with this id, open or not, and its user.
    pub async fn find_with_user(read: impl Reads, id: SessionId) -> Result<Option<(User, Self)>, DatabaseError> {
        read.optional(&FIND_WITH_USER, &[(&id).into()]).await
    }

    /// The open sessions of a user, the one used last first.
    pub async fn open_of(
        read: impl Reads,
        user: UserId,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<Self>, DatabaseError> {
        read.all(&OPEN_OF_USER, &[user.into(), now.into(), idle_since.into()]).await
    }

    /// Takes the session one generation on, if the token presented is its newest, it is open and its user active.
    pub async fn refresh(write: impl Writes, step: &Step<'_>) -> Result<Option<(User, Self)>, DatabaseError> {
        let values = [
            (&step.id).into(),
            step.generation.into(),
            step.secret_digest.as_slice().into(),
            step.now.into(),
            step.idle_since.into(),
            step.ip.into(),
            step.user_agent.into(),
        ];
        write.optional(&REFRESH, &values).await
    }

    /// Ends a session of this user; false if it was none of theirs, or had ended.
    pub async fn end(
        write: impl Writes,
        (id, user): (SessionId, UserId),
        now: Timestamp,
        reason: EndReason,
    ) -> Result<bool, DatabaseError> {
        let values = [(&id).into(), user.into(), now.into(), reason.as_str().into()];
        Ok(write.execute(&END, &values).await? == 1)
    }

    /// Ends every session of this user; says how many.
    pub async fn end_all(
        write: impl Writes,
        user: UserId,
        now: Timestamp,
        reason: EndReason,
    ) -> Result<u64, DatabaseError> {
        write.execute(&END_ALL, &[user.into(), now.into(), reason.as_str().into()]).await
    }

    /// Ends every session of this user but one; says how many.
    pub async fn end_others(
        write: impl Writes,
        (kept, user): (SessionId, UserId),
        now: Timestamp,
        reason: EndReason,
    ) -> Result<u64, DatabaseError> {
        write.execute(&END_OTHERS, &[user.into(), (&kept).into(), now.into(), reason.as_str().into()]).await
    }

    /// Gives an open session another secret, so that every refresh token made before is worth nothing.
    pub async fn renew(write: impl Writes, renewal: &Renewal<'_>) -> Result<Option<Self>, DatabaseError> {
        let values = [
            (&renewal.id).into(),
            renewal.user_id.into(),
            renewal.secret_digest.as_slice().into(),
            renewal.now.into(),
            renewal.ip.into(),
            renewal.user_agent.into(),
        ];
        write.optional(&RENEW, &values).await
    }

    /// Deletes the dead among the next `stretch` sessions after `cursor`, in the order of their ids; says how many, and
    /// where the stretch ended, or `None` at the end of the table.
    ///
    /// Walking the primary key stretch by stretch needs no index that every refresh would have to keep up.
    pub async fn purge(
        write: &mut Transaction,
        dead: &Dead,
        (cursor, stretch): (&[u8], i64),
    ) -> Result<(u64, Option<SessionId>), DatabaseError> {
        let end = write.optional::<SessionId>(&STRETCH_END, &[cursor.into(), stretch.into()]).await?;
        let Some(last) = &end else { return Ok((0, None)) };
        let values =
            [cursor.into(), last.into(), dead.expired_before.into(), dead.idle_since.into(), dead.ended_before.into()];
        Ok((write.execute(&PURGE, &values).await?, end))
    }

    /// Whether the session can be used: not ended, not too old, not idle too long.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, idle_since: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at > now && self.refreshed_at > idle_since
    }
}

/// Which sessions are over for good.
#[derive(Clone, Copy, Debug)]
pub struct Dead {
    /// Those whose last moment was before this.
    pub expired_before: Timestamp,
    /// Those not refreshed since.
    pub idle_since: Timestamp,
    /// Those ended before this.
    pub ended_before: Timestamp,
}

impl FromRow for Session {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Self::from_columns(row, 0)
    }
}

impl FromRow for (User, Session) {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        Ok((User::from_columns(row, 0)?, Session::from_columns(row, USER_COLUMNS)?))
    }
}

impl Session {
    fn from_columns(row: &Row<'_>, first: usize) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: word(row, first)?,
            user_id: word(row, first + 1)?,
            generation: row.get(first + 2)?,
            refreshed_at: word(row, first + 3)?,
            created_at: word(row, first + 4)?,
            expires_at: word(row, first + 5)?,
            ended_at: optional_word(row, first + 6)?,
            ip: row.get(first + 7)?,
            user_agent: row.get(first + 8)?,
        })
    }
}

//! Audit events: one row for each fact about accounts, sessions and keys.
//!
//! A row is never changed but once, when it gets its place in the chain. It names people by number, never by address
//! or name, so that it can stay when they have gone.

use serde::Serialize;

use super::columns::word;
use crate::{
    database::{DatabaseError, FromRow, Reads, Row, Statement, Writes},
    domain::{Timestamp, UserId},
};

/// What happened, as it is written down. Texts and numbers, not words: a row that was altered can be read as well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// When.
    pub occurred_at: Timestamp,
    /// What.
    pub kind: String,
    /// What kind of actor did it.
    pub actor_kind: String,
    /// Which user that was.
    pub actor_id: Option<i64>,
    /// Whose account it was done to.
    pub user_id: Option<i64>,
    /// The session that it was about.
    pub session_id: Option<Vec<u8>>,
    /// The client's address.
    pub ip: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The request, as the log names it.
    pub request_id: Option<String>,
    /// What else there is to say: a JSON object.
    pub details: String,
}

/// A fact as the database keeps it.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// The key.
    pub id: i64,
    /// What happened.
    pub fact: Fact,
    /// The mark of whoever wrote it.
    pub tag: Vec<u8>,
    /// Its place in the chain, once it has one.
    pub place: Option<i64>,
    /// The link of the chain at this place.
    pub link: Option<Vec<u8>>,
}

/// Which events are asked for, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// Those about this user.
    pub user: Option<UserId>,
    /// Those of this kind.
    pub kind: Option<&'a str>,
    /// Not before this.
    pub since: Timestamp,
    /// Before this.
    pub until: Timestamp,
    /// Those that come after this one in the list: its instant and its id.
    pub after: (Timestamp, i64),
}

static INSERT: Statement = Statement::new(
    "insert into audit_events
            (occurred_at, kind, actor_kind, actor_id, user_id, session_id, ip, user_agent, request_id, details, tag)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);

static OF_ALL: Statement = Statement::new(
    "select id, occurred_at, kind, actor_kind, actor_id, user_id, session_id, ip, user_agent, request_id, details, tag,
            place, link
       from audit_events
      where occurred_at >= $1
        and occurred_at < $2
        and (occurred_at, id) < ($3, $4)
      order by occurred_at desc, id desc
      limit $5",
);

static OF_KIND: Statement = Statement::new(
    "select id, occurred_at, kind, actor_kind, actor_id, user_id, session_id, ip, user_agent, request_id, details, tag,
            place, link
       from audit_events
      where kind = $6
        and occurred_at >= $1
        and occurred_at < $2
        and (occurred_at, id) < ($3, $4)
      order by occurred_at desc, id desc
      limit $5",
);

static OF_USER: Statement = Statement::new(
    "select id, occurred_at, kind, actor_kind, actor_id, user_id, session_id, ip, user_agent, request_id, details, tag,
            place, link
       from audit_events
      where user_id = $6
        and (cast($7 as text) is null or kind = $7)
        and occurred_at >= $1
        and occurred_at < $2
        and (occurred_at, id) < ($3, $4)
      order by occurred_at desc, id desc
      limit $5",
);

static CHAINED: Statement = Statement::new(
    "select id, occurred_at, kind, actor_kind, actor_id, user_id, session_id, ip, user_agent, request_id, details, tag,
            place, link
       from audit_events
      where place > $1
      order by place
      limit $2",
);

static UNCHAINED: Statement = Statement::new(
    "select id, occurred_at, kind, actor_kind, actor_id, user_id, session_id, ip, user_agent, request_id, details, tag,
            place, link
       from audit_events
      where place is null
        and id > $1
      order by id
      limit $2",
);

static CHAIN: Statement = Statement::new(
    "update audit_events
        set place = $2, link = $3
      where id = $1
        and place is null",
);

static FORGET: Statement = Statement::new(
    "delete from audit_events
      where place <= $1",
);

impl Fact {
    /// Writes details as the JSON object that they are kept as.
    pub fn details<'a>(pairs: impl IntoIterator<Item = (&'a str, impl Serialize)>) -> String {
        let pairs = pairs.into_iter();
        let object: serde_json::Map<_, _> =
            pairs.filter_map(|(name, detail)| Some((name.to_owned(), serde_json::to_value(detail).ok()?))).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// Writes the fact down, under the mark of whoever knows it.
    pub async fn insert(&self, write: impl Writes, tag: &[u8]) -> Result<(), DatabaseError> {
        let values = [
            self.occurred_at.into(),
            (&self.kind).into(),
            (&self.actor_kind).into(),
            self.actor_id.into(),
            self.user_id.into(),
            self.session_id.as_deref().into(),
            (&self.ip).into(),
            (&self.user_agent).into(),
            (&self.request_id).into(),
            (&self.details).into(),
            tag.into(),
        ];
        write.execute(&INSERT, &values).await.map(drop)
    }
}

impl AuditEvent {
    /// The events that pass the filter, the newest first.
    pub async fn list(read: impl Reads, filter: &Filter<'_>, limit: i64) -> Result<Vec<Self>, DatabaseError> {
        let (instant, id) = filter.after;
        let common = [filter.since.into(), filter.until.into(), instant.into(), id.into(), limit.into()];
        let [since, until, instant, id, limit] = common;
        match (filter.user, filter.kind) {
            (Some(user), kind) => {
                read.all(&OF_USER, &[since, until, instant, id, limit, user.into(), kind.into()]).await
            }
            (None, Some(kind)) => read.all(&OF_KIND, &[since, until, instant, id, limit, kind.into()]).await,
            (None, None) => read.all(&OF_ALL, &common).await,
        }
    }

    /// The next events of the chain after this place.
    pub async fn chained(read: impl Reads, after: i64, limit: i64) -> Result<Vec<Self>, DatabaseError> {
        read.all(&CHAINED, &[after.into(), limit.into()]).await
    }

    /// The next events after this id that wait for their place.
    pub async fn unchained(read: impl Reads, after: i64, limit: i64) -> Result<Vec<Self>, DatabaseError> {
        read.all(&UNCHAINED, &[after.into(), limit.into()]).await
    }

    /// Gives the event its place and link; false if it has one.
    pub async fn chain(&self, write: impl Writes, place: i64, link: &[u8]) -> Result<bool, DatabaseError> {
        Ok(write.execute(&CHAIN, &[self.id.into(), place.into(), link.into()]).await? == 1)
    }

    /// Deletes the beginning of the chain up to this place; says how many events that were.
    pub async fn forget(write: impl Writes, through: i64) -> Result<u64, DatabaseError> {
        write.execute(&FORGET, &[through.into()]).await
    }
}

impl FromRow for AuditEvent {
    fn from_row(row: &Row<'_>) -> Result<Self, DatabaseError> {
        let fact = Fact {
            occurred_at: word(row, 1)?,
            kind: row.get(2)?,
            actor_kind: row.get(3)?,
            actor_id: row.get(4)?,
            user_id: row.get(5)?,
            session_id: row.get(6)?,
            ip: row.get(7)?,
            user_agent: row.get(8)?,
            request_id: row.get(9)?,
            details: row.get(10)?,
        };
        Ok(Self { id: row.get(0)?, fact, tag: row.get(11)?, place: row.get(12)?, link: row.get(13)? })
    }
}

//! Audit events, as administrators and operators look through them: the newest first, page by page.

pub mod routes;

use crate::{
    audit::Kind,
    database::{Database, DatabaseError},
    domain::{Timestamp, UserId},
    models::audit_event::{AuditEvent, Filter},
};

/// The events that match, after this position.
///
/// # Errors
/// Those of the database.
pub async fn list(
    database: &Database,
    wanted: &Wanted,
    after: Option<Position>,
    limit: usize,
) -> Result<Page, DatabaseError> {
    let until = wanted.until.unwrap_or(Timestamp::MAX);
    // Before the first event of that instant, so that the index is entered there and not at its newest end.
    let Position { occurred_at, id } = after.unwrap_or(Position { occurred_at: until, id: 0 });
    let filter = Filter {
        user: wanted.user,
        kind: wanted.kind.map(Kind::as_str),
        since: wanted.since.unwrap_or(Timestamp::MIN),
        until,
        after: (occurred_at, id),
    };
    // One more than asked for tells whether there is another page.
    let with_next = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut events = AuditEvent::list(database, &filter, with_next).await?;
    let has_more = events.len() > limit;
    events.truncate(limit);
    let last = events.last().filter(|_| has_more);
    let next = last.map(|event| Position { occurred_at: event.fact.occurred_at, id: event.id });
    Ok(Page { events, next })
}

/// Which events are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Those about this user.
    pub user: Option<UserId>,
    /// Those of this kind.
    pub kind: Option<Kind>,
    /// Those that did not happen before this.
    pub since: Option<Timestamp>,
    /// Those that happened before this.
    pub until: Option<Timestamp>,
}

/// An event's place in the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its key.
    pub id: i64,
}

/// Some of the events that match.
#[derive(Debug)]
pub struct Page {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}

impl Position {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (millis, id) = text.split_once(':')?;
        Some(Self { occurred_at: Timestamp::from_unix_millis(millis.parse().ok()?), id: id.parse().ok()? })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.occurred_at.as_unix_millis(), self.id)
    }
}

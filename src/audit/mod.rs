//! The audit log: what happened to accounts, sessions and keys, written down in the transaction of the fact.
//!
//! Either both are there or neither. A row carries the mark of whoever wrote it, so nobody who has only the database
//! can add or alter one; a moment later it gets its place in a chain, so nobody can take one out or move it. The log
//! names people by number only, and knows no passwords, addresses or tokens.

pub mod chain;
mod event;
pub mod failures;
pub mod retention;
pub mod verify;

use crate::{
    app::App,
    crypto::mac::MacKey,
    database::{DatabaseError, Writes},
    domain::{Timestamp, UserId},
    models::audit_event::Fact,
};
pub use event::{By, Detail, Event, Kind};

/// Writes an event down, in the transaction of the fact that it reports.
///
/// # Errors
/// Those of the database; what was to be reported then does not happen either.
pub async fn record(write: impl Writes, scribe: Scribe<'_>, event: Event<'_>) -> Result<(), DatabaseError> {
    let fact = fact(event, scribe.now);
    fact.insert(write, &chain::tag(scribe.key, &fact)).await
}

/// What writes events down: the key that marks them, and the time.
#[derive(Clone, Copy)]
pub struct Scribe<'a> {
    /// Marks rows.
    pub key: &'a MacKey,
    /// Now.
    pub now: Timestamp,
}

impl<'a> From<&'a App> for Scribe<'a> {
    fn from(app: &'a App) -> Self {
        Self { key: &app.trail, now: app.clock.now() }
    }
}

/// The name of the sealed secret that the key of the log is derived from.
///
/// Not the key of the refresh tokens: to replace that signs everybody out, to replace this one ends a chain that is to
/// be verified for years.
pub const SEED: &str = "audit_seed";

/// What the key of the log is derived for.
pub const KEY_PURPOSE: &str = "audit/1";

/// The longest text of a detail, in bytes: the roles of a user, all of them as long as they may be, are 1,055.
const DETAIL_MAX: usize = 1_100;

fn fact(event: Event<'_>, now: Timestamp) -> Fact {
    let client = event.by.client;
    Fact {
        occurred_at: now,
        kind: event.kind.as_str().to_owned(),
        actor_kind: event.by.actor.kind().to_owned(),
        actor_id: event.by.actor.id().map(UserId::get),
        user_id: event.user.map(UserId::get),
        session_id: event.session.map(|id| id.as_bytes().to_vec()),
        ip: client.map(|client| client.ip.to_string()),
        user_agent: client.and_then(|client| client.user_agent.clone()),
        request_id: client.and_then(|client| client.request_id.clone()),
        details: Fact::details(event.details.into_iter().map(|(name, detail)| (name, bounded(detail)))),
    }
}

fn bounded(detail: Detail) -> Detail {
    match detail {
        Detail::Text(text) if text.len() > DETAIL_MAX => {
            Detail::Text(text.chars().take(DETAIL_MAX / 4).chain(['…']).collect())
        }
        detail => detail,
    }
}

//! The chain: each event gets a place, and a link made of the link before it.
//!
//! Marks and links are HMACs, not digests: whoever can rewrite the table could compute digests anew as well. Events
//! are chained about a second after they were committed, in stretches, by whichever node holds the head: sign-ins do
//! not wait for one another.

use crate::{
    crypto::mac::{MacKey, Mark},
    database::{Database, DatabaseError, Transaction},
    models::{
        audit_anchor::{AuditAnchor, End},
        audit_event::{AuditEvent, Fact},
    },
};

/// How many events one transaction chains: a tenth of a second on a server at a millisecond's distance.
const STRETCH: i64 = 100;

/// Chains the next events that wait for their place; says how many. Any node may call it at any time.
///
/// # Errors
/// [`ChainError`]; the events keep waiting.
pub async fn advance(database: &Database, key: &MacKey) -> Result<usize, ChainError> {
    if AuditEvent::unchained(database, 0, 1).await?.is_empty() {
        return Ok(0);
    }
    let mut transaction = database.begin().await?;
    let head = hold(&mut transaction, key, End::Head).await?;
    let (mut place, mut link) = (head.place, head.link);
    let waiting = AuditEvent::unchained(&mut transaction, 0, STRETCH).await?;
    for event in &waiting {
        place = place.saturating_add(1);
        link = self::link(key, &link, place, event).to_vec();
        event.chain(&mut transaction, place, &link).await?;
    }
    anchor(key, End::Head, place, link).set(&mut transaction, End::Head).await?;
    transaction.commit().await?;
    Ok(waiting.len())
}

/// Why events were not chained.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// An end of the chain is gone, or not what this service wrote. Going on would hide that.
    #[error("the {} of the audit log was removed or altered; look with `countersign audit verify`", .0.name())]
    Anchor(End),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Holds an end of the chain, once it is known to be what this service wrote; at the very beginning makes both.
pub(super) async fn hold(transaction: &mut Transaction, key: &MacKey, end: End) -> Result<AuditAnchor, ChainError> {
    let mut held = AuditAnchor::hold(&mut *transaction, end).await?;
    if held.is_none() {
        for end in [End::Base, End::Head] {
            anchor(key, end, 0, Vec::new()).begin(&mut *transaction, end).await?;
        }
        held = AuditAnchor::hold(transaction, end).await?;
    }
    let held = held.ok_or(ChainError::Anchor(end))?;
    if is_ours(key, end, &held) { Ok(held) } else { Err(ChainError::Anchor(end)) }
}

/// The mark of an event.
pub(super) fn tag(key: &MacKey, fact: &Fact) -> Mark {
    key.mark(&fields(fact, &numbers(fact)))
}

/// Whether this service wrote the event, and it is as it was written.
pub(super) fn has_written(key: &MacKey, event: &AuditEvent) -> bool {
    key.has_marked(&fields(&event.fact, &numbers(&event.fact)), &event.tag)
}

/// The link at a place.
pub(super) fn link(key: &MacKey, before: &[u8], place: i64, event: &AuditEvent) -> Mark {
    let (place, id) = (place.to_be_bytes(), event.id.to_be_bytes());
    key.mark(&[Some(b"link"), Some(before), Some(&place), Some(&id), Some(&event.tag)])
}

/// An end of the chain, with its mark.
pub(super) fn anchor(key: &MacKey, end: End, place: i64, link: Vec<u8>) -> AuditAnchor {
    let tag = key.mark(&[Some(b"anchor"), Some(end.name().as_bytes()), Some(&place.to_be_bytes()), Some(&link)]);
    AuditAnchor { place, link, tag: tag.to_vec() }
}

/// Whether this service wrote the anchor.
pub(super) fn is_ours(key: &MacKey, end: End, found: &AuditAnchor) -> bool {
    let place = found.place.to_be_bytes();
    key.has_marked(&[Some(b"anchor"), Some(end.name().as_bytes()), Some(&place), Some(&found.link)], &found.tag)
}

/// The numbers of a fact, as bytes: the instant, the actor and the user.
type Numbers = ([u8; 8], Option<[u8; 8]>, Option<[u8; 8]>);

fn numbers(fact: &Fact) -> Numbers {
    let bytes = i64::to_be_bytes;
    (bytes(fact.occurred_at.as_unix_millis()), fact.actor_id.map(bytes), fact.user_id.map(bytes))
}

fn fields<'a>(fact: &'a Fact, (instant, actor, user): &'a Numbers) -> [Option<&'a [u8]>; 11] {
    [
        Some(b"event"),
        Some(instant),
        Some(fact.kind.as_bytes()),
        Some(fact.actor_kind.as_bytes()),
        actor.as_ref().map(<[u8; 8]>::as_slice),
        user.as_ref().map(<[u8; 8]>::as_slice),
        fact.session_id.as_deref(),
        fact.ip.as_deref().map(str::as_bytes),
        fact.user_agent.as_deref().map(str::as_bytes),
        fact.request_id.as_deref().map(str::as_bytes),
        Some(fact.details.as_bytes()),
    ]
}

//! Retention: events that are old enough are forgotten, from the beginning of the chain on.
//!
//! The base of the chain moves behind the last of them and keeps its link, so that what stays can be verified as
//! before. An event that waits for its place, or stands behind a younger one, stays a little longer.

use super::chain::{self, ChainError};
use crate::{
    crypto::mac::MacKey,
    database::Database,
    domain::Timestamp,
    models::{
        audit_anchor::{AuditAnchor, End},
        audit_event::AuditEvent,
    },
};

/// How many events one transaction forgets: a few milliseconds of the one writer of SQLite.
const STRETCH: i64 = 500;

/// Forgets the next events that happened before `cutoff`; says how many. Any node may call it at any time.
///
/// # Errors
/// [`ChainError`]; everything then stays.
pub async fn forget(database: &Database, key: &MacKey, cutoff: Timestamp) -> Result<u64, ChainError> {
    let Some(base) = AuditAnchor::find(database, End::Base).await? else { return Ok(0) };
    let is_old = |event: &AuditEvent| event.fact.occurred_at < cutoff;
    if !AuditEvent::chained(database, base.place, 1).await?.first().is_some_and(is_old) {
        return Ok(0);
    }
    let mut transaction = database.begin().await?;
    let base = chain::hold(&mut transaction, key, End::Base).await?;
    let oldest = AuditEvent::chained(&mut transaction, base.place, STRETCH).await?;
    let Some(AuditEvent { place: Some(place), link: Some(link), .. }) = oldest.into_iter().take_while(is_old).last()
    else {
        return Ok(0);
    };
    let forgotten = AuditEvent::forget(&mut transaction, place).await?;
    chain::anchor(key, End::Base, place, link).set(&mut transaction, End::Base).await?;
    transaction.commit().await?;
    Ok(forgotten)
}

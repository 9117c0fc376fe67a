//! Purge: forget sessions that are over, a little at a time.
//!
//! A session that has just ended stays for a day, for whoever looks into why. Access tokens of a session that is gone
//! are refused like those of one that has ended.

use std::time::Duration;

use super::idle_since;
use crate::{
    app::App,
    database::DatabaseError,
    domain::SessionId,
    models::session::{Dead, Session},
};

/// How long the row of a session that was ended stays.
const KEPT: Duration = Duration::from_hours(24);

/// How many rows are looked at in one transaction: a few milliseconds of the one writer of SQLite.
const STRETCH: i64 = 500;

/// Looks at the next stretch of sessions after `cursor` and deletes the dead among them; returns where to go on, or
/// `None` at the end.
///
/// # Errors
/// Those of the database.
pub async fn purge(app: &App, cursor: Option<SessionId>) -> Result<Option<SessionId>, DatabaseError> {
    let now = app.clock.vouched();
    let dead = Dead { expired_before: now, idle_since: idle_since(app, now), ended_before: now - KEPT };
    let after = cursor.as_ref().map_or([].as_slice(), |id| id.as_bytes().as_slice());

    let mut transaction = app.database.begin().await?;
    let (deleted, end) = Session::purge(&mut transaction, &dead, (after, STRETCH)).await?;
    transaction.commit().await?;

    app.metrics.sessions_purged.add(deleted);
    if deleted > 0 {
        tracing::debug!(deleted, "sessions that were over are forgotten");
    }
    Ok(end)
}

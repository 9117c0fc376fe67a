//! Logout: end this session, or every session of the user.
//!
//! Success is only said once it is durable: a logout that was answered did happen.

pub mod routes;

use crate::{
    app::App,
    database::DatabaseError,
    domain::{SessionId, UserId},
    models::session::{EndReason, Session},
};

/// Ends one session, the one that the request came with.
///
/// # Errors
/// Those of the database; the session may then still be open.
pub async fn logout(app: &App, session: &Session) -> Result<(), DatabaseError> {
    end(app, session.id, session.user_id, EndReason::SignedOut).await.map(drop)
}

/// Ends every session of a user.
///
/// # Errors
/// Those of the database; the sessions may then still be open.
pub async fn logout_all(app: &App, user: UserId) -> Result<(), DatabaseError> {
    let reason = EndReason::SignedOutEverywhere;
    let ended = Session::end_all(&mut app.database.once(), user, app.clock.now(), reason).await?;
    app.metrics.sessions_ended.add(reason.into(), ended);
    Ok(())
}

/// Ends a session of a user by its id; false if none of theirs is open under it.
///
/// # Errors
/// Those of the database; the session may then still be open.
pub async fn end(app: &App, session: SessionId, user: UserId, reason: EndReason) -> Result<bool, DatabaseError> {
    let has_ended = Session::end(&mut app.database.once(), (session, user), app.clock.now(), reason).await?;
    app.metrics.sessions_ended.add(reason.into(), has_ended.into());
    Ok(has_ended)
}

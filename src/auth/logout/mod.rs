//! Logout: end this session, or every session of the user.
//!
//! Success is only said once it is durable: a logout that was answered did happen.

pub mod routes;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    database::DatabaseError,
    domain::{Client, SessionId, UserId},
    models::session::{EndReason, Session},
};

/// Ends one session, the one that the request came with.
///
/// # Errors
/// Those of the database; the session may then still be open.
pub async fn logout(app: &App, session: &Session, client: &Client) -> Result<(), DatabaseError> {
    let event = Event::new(Kind::SignedOut, By::user(session.user_id, client));
    end_one(app, (session.id, session.user_id), EndReason::SignedOut, event).await.map(drop)
}

/// Ends every session of a user; `session` is the one that they did it from.
///
/// # Errors
/// Those of the database; the sessions may then still be open.
pub async fn logout_all(app: &App, session: &Session, client: &Client) -> Result<(), DatabaseError> {
    let user = session.user_id;
    let mut transaction = app.database.begin().await?;
    let reason = EndReason::SignedOutEverywhere;
    let ended = Session::end_all(&mut transaction, user, app.clock.now(), reason).await?;
    let event = Event::new(Kind::SignedOutEverywhere, By::user(user, client)).about(user).in_session(session.id);
    audit::record(&mut transaction, app.into(), event.with("sessions_ended", ended)).await?;
    transaction.commit().await?;
    app.metrics.sessions_ended.add(reason.into(), ended);
    Ok(())
}

/// Ends a session of a user by its id; false if none of theirs is open under it.
///
/// # Errors
/// Those of the database; the session may then still be open.
pub async fn end(app: &App, session: SessionId, user: UserId, client: &Client) -> Result<bool, DatabaseError> {
    let event = Event::new(Kind::SessionEnded, By::user(user, client));
    end_one(app, (session, user), EndReason::EndedByUser, event).await
}

async fn end_one(
    app: &App,
    (session, user): (SessionId, UserId),
    reason: EndReason,
    event: Event<'_>,
) -> Result<bool, DatabaseError> {
    let mut transaction = app.database.begin().await?;
    let has_ended = Session::end(&mut transaction, (session, user), app.clock.now(), reason).await?;
    if has_ended {
        audit::record(&mut transaction, app.into(), event.about(user).in_session(session)).await?;
    }
    transaction.commit().await?;
    app.metrics.sessions_ended.add(reason.into(), has_ended.into());
    Ok(has_ended)
}

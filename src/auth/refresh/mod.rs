//! Refresh: trade a refresh token for a new pair, once.
//!
//! A token can be spent one time. Presenting a spent token again ends its session, because either the thief or the
//! owner is now holding a copy and we cannot tell which (RFC 9700 §4.14.2). Only the token that was spent last gets
//! the same successor again for a few seconds: an answer can be lost, and two tabs can ask at once.

pub mod routes;

use std::time::Duration;

use countersign_token::SignError;
use tracing::warn;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        sessions,
        tokens::{self, Opened, SignedIn},
    },
    crypto::refresh_token::RefreshToken,
    database::DatabaseError,
    domain::{Client, SessionId, Timestamp},
    metrics::RefreshOutcome,
    models::session::{EndReason, Session, Step},
    models::user::User,
};

/// How long the token that was spent last is answered with the successor it was traded for.
///
/// Long enough for a client to try again after a lost answer, short enough that a thief is noticed.
const GRACE: Duration = Duration::from_secs(10);

/// Trades a refresh token for the next pair of its session.
///
/// # Errors
/// [`RefreshError`] says whether signing in again is the only way on.
pub async fn refresh(app: &App, presented: &str, client: &Client) -> Result<SignedIn, RefreshError> {
    let outcome = trade(app, presented, client).await;
    app.metrics.refreshes.count(counted(&outcome));
    outcome
}

async fn trade(app: &App, presented: &str, client: &Client) -> Result<SignedIn, RefreshError> {
    let token = app.refresh_tokens.read(presented).ok_or(RefreshError::Invalid)?;
    let id = SessionId::from_bytes(&token.session).map_err(|_| RefreshError::Invalid)?;
    let now = app.clock.now();
    let (user, session) = match step(app, (id, &token), client, now).await? {
        Some(stepped) => stepped,
        None => repeat(app, (id, &token), client, now).await?,
    };
    let user = user.active().ok_or(RefreshError::Ended)?;
    let opened = Opened { id: session.id, expires_at: session.expires_at, refresh_token: token.successor() };
    Ok(tokens::issue(app, user, &opened)?)
}

/// Why there is no new pair.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not ours, or altered.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The token had been spent; its session has been ended.
    #[error("the refresh token was used before")]
    Reused,
    /// The session is over.
    #[error("the session has ended")]
    Ended,
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] SignError),
}

/// As what a refresh is counted.
fn counted(outcome: &Result<SignedIn, RefreshError>) -> RefreshOutcome {
    match outcome {
        Ok(_) => RefreshOutcome::Refreshed,
        Err(RefreshError::Invalid) => RefreshOutcome::Invalid,
        Err(RefreshError::Reused) => RefreshOutcome::Reused,
        Err(RefreshError::Ended) => RefreshOutcome::Ended,
        Err(RefreshError::Database(_)) => RefreshOutcome::Unavailable,
        Err(RefreshError::Token(_)) => RefreshOutcome::Error,
    }
}

/// Takes the session one generation on, if the token is its newest: one statement, so that of many who present the
/// same token one steps.
async fn step(
    app: &App,
    (id, token): (SessionId, &RefreshToken),
    client: &Client,
    now: Timestamp,
) -> Result<Option<(User, Session)>, DatabaseError> {
    let step = Step {
        id,
        generation: i64::from(token.generation),
        secret_digest: token.secret.digest(),
        now,
        idle_since: sessions::idle_since(app, now),
        ip: &client.ip.to_string(),
        user_agent: client.user_agent.as_deref(),
    };
    Session::refresh(&mut app.database.once(), &step).await
}

/// Answers a token that took no step: the same successor if it was spent a moment ago, else the session's end.
async fn repeat(
    app: &App,
    (id, token): (SessionId, &RefreshToken),
    client: &Client,
    now: Timestamp,
) -> Result<(User, Session), RefreshError> {
    let found = Session::find_by_secret(&app.database, id, token.secret.digest()).await?;
    let (user, session) = found.ok_or(RefreshError::Ended)?;
    if !user.is_active || !session.is_open(now, sessions::idle_since(app, now)) {
        return Err(RefreshError::Ended);
    }
    // Both ways: a wall clock that was set back must not stretch the grace.
    let is_recent = now.since(session.refreshed_at) <= GRACE && session.refreshed_at.since(now) <= GRACE;
    match session.generation - i64::from(token.generation) {
        // It is the newest: what kept it from stepping has just gone, or the token is from before a restored backup.
        ..=0 => Err(RefreshError::Ended),
        1 if is_recent => Ok((user, session)),
        _ => {
            end_reused(app, &session, client, now).await?;
            Err(RefreshError::Reused)
        }
    }
}

/// Ends a session of which one refresh token was presented twice.
async fn end_reused(app: &App, session: &Session, client: &Client, now: Timestamp) -> Result<(), DatabaseError> {
    let (id, user, reason) = (session.id, session.user_id, EndReason::TokenReused);
    let mut transaction = app.database.begin().await?;
    // Of several who present the token at once, one ends the session and writes it down.
    let has_ended = Session::end(&mut transaction, (id, user), now, reason).await?;
    if has_ended {
        let reused = Event::new(Kind::RefreshTokenReused, By::nobody(client)).about(user).in_session(id);
        audit::record(&mut transaction, app.into(), reused).await?;
    }
    transaction.commit().await?;
    app.metrics.sessions_ended.add(reason.into(), has_ended.into());
    warn!(user_id = user.get(), session_id = %id, "a refresh token was used twice; its session is ended");
    Ok(())
}

//! Sessions: opened at sign-in, recognised at every request, ended for good.
//!
//! An access token is good for as long as its session is open: the signature says who issued it, the session's
//! row whether it still counts.

pub mod purge;
pub mod routes;

use countersign_token::VerifyError;

use crate::{
    app::App,
    auth::tokens::{self, Opened},
    crypto::{
        random,
        refresh_token::{RefreshToken, SessionSecret},
    },
    database::{DatabaseError, Transaction},
    domain::{Client, SessionId, Timestamp, UserId},
    metrics::EndedBy,
    models::{
        session::{EndReason, NewSession, Renewal, Session},
        user::ActiveUser,
    },
};

/// Opens a session for a user, in the transaction that found them to be who they say.
///
/// # Errors
/// Those of the database.
pub async fn open(
    app: &App,
    transaction: &mut Transaction,
    user: &ActiveUser,
    client: &Client,
) -> Result<Opened, DatabaseError> {
    let now = app.clock.now();
    let id = SessionId::new(now, &random::bytes());
    let secret = SessionSecret::new(*random::secret());
    let expires_at = now + app.config.tokens.refresh_absolute_ttl();
    let new = NewSession {
        id,
        user_id: user.id,
        secret_digest: secret.digest(),
        created_at: now,
        expires_at,
        ip: &client.ip.to_string(),
        user_agent: client.user_agent.as_deref(),
    };
    Session::insert(transaction, new).await?;
    Ok(Opened { id, expires_at, refresh_token: RefreshToken { session: *id.as_bytes(), generation: 0, secret } })
}

/// Renews an open session of a user who has just proved again who they are: it stays, with other refresh tokens.
///
/// # Errors
/// Those of the database; `None` if the session has ended meanwhile.
pub async fn renew(
    app: &App,
    transaction: &mut Transaction,
    session: &Session,
    client: &Client,
) -> Result<Option<Opened>, DatabaseError> {
    let secret = SessionSecret::new(*random::secret());
    let renewal = Renewal {
        id: session.id,
        user_id: session.user_id,
        secret_digest: secret.digest(),
        now: app.clock.now(),
        ip: &client.ip.to_string(),
        user_agent: client.user_agent.as_deref(),
    };
    let renewed = Session::renew(transaction, &renewal).await?;
    Ok(renewed.map(|session| Opened {
        id: session.id,
        expires_at: session.expires_at,
        refresh_token: RefreshToken {
            session: *session.id.as_bytes(),
            generation: u32::try_from(session.generation).unwrap_or(u32::MAX),
            secret,
        },
    }))
}

/// Who presents an access token, once everything about it has been checked.
pub struct Recognised {
    /// The user, who may be signed in.
    pub user: ActiveUser,
    /// The session, which is open.
    pub session: Session,
}

/// Finds out who presents an access token: signature, claims, session and user, every time.
///
/// # Errors
/// [`RecogniseError`] says what the bearer is told.
pub async fn recognise(app: &App, access_token: &str) -> Result<Recognised, RecogniseError> {
    let now = app.clock.now();
    let claims = tokens::verify(app, access_token, now).await?;
    let id = SessionId::from_bytes(claims.sid.as_bytes()).map_err(|_| RecogniseError::Invalid)?;
    let found = Session::find_with_user(&app.database, id).await?;
    let (user, session) = found.ok_or(RecogniseError::Ended)?;
    if user.id.get() != claims.user_id() {
        return Err(RecogniseError::Invalid);
    }
    let user = user.active().ok_or(RecogniseError::Disabled)?;
    if !session.is_open(now, idle_since(app, now)) {
        return Err(RecogniseError::Ended);
    }
    Ok(Recognised { user, session })
}

/// The open sessions of a user, the one used last first.
///
/// # Errors
/// Those of the database.
pub async fn list(app: &App, user: UserId) -> Result<Vec<Session>, DatabaseError> {
    let now = app.clock.now();
    Session::open_of(&app.database, user, now, idle_since(app, now)).await
}

/// Sessions that were not refreshed since this instant have been idle too long.
#[must_use]
pub fn idle_since(app: &App, now: Timestamp) -> Timestamp {
    now - app.config.tokens.refresh_idle_ttl()
}

/// As what the end of a session is counted.
impl From<EndReason> for EndedBy {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::SignedOut => Self::SignedOut,
            EndReason::SignedOutEverywhere => Self::SignedOutEverywhere,
            EndReason::EndedByUser => Self::User,
            EndReason::EndedByAdmin => Self::Admin,
            EndReason::Disabled => Self::Disabled,
            EndReason::RoleRemoved => Self::RoleRemoved,
            EndReason::PasswordChanged => Self::PasswordChanged,
            EndReason::TokenReused => Self::TokenReused,
            EndReason::PasswordReset => Self::PasswordReset,
            EndReason::EmailRestored => Self::EmailRestored,
        }
    }
}

/// Why an access token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum RecogniseError {
    /// It is not ours, or not for this audience, or altered.
    #[error("the access token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
    /// Its session has ended.
    #[error("the session has ended")]
    Ended,
    /// Its user is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<VerifyError> for RecogniseError {
    fn from(error: VerifyError) -> Self {
        if error.is_expired() { Self::Expired } else { Self::Invalid }
    }
}

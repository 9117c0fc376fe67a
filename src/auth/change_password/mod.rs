//! Change the password: the present one proves who asks, every other session ends.

pub mod routes;

use std::time::Duration;

use countersign_token::SignError;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        attempts::{self, Guess, GuessError},
        breached::{self, Breached},
        codes, notices, sessions,
        tokens::{self, SignedIn},
    },
    crypto::Overloaded,
    database::DatabaseError,
    domain::{Client, NewPassword, Password},
    models::{
        session::{EndReason, Session},
        user::ActiveUser,
    },
};

/// Changes the password of a user, ends their other sessions and renews the one that they did it from.
///
/// # Errors
/// [`ChangeError`]; the old password and the sessions then stay as they are.
pub async fn change(app: &App, user: ActiveUser, change: Change) -> Result<SignedIn, ChangeError> {
    // First what speaks against the new one, so that the right password is no failure because of it.
    breached::refuse(app, &change.new).await?;
    let (check, renewal) = (app.hasher.turn()?, app.hasher.turn()?);
    let guess =
        Guess { user: Some(&user), name: user.email.as_str(), password: &change.current, client: &change.client };
    let proof = attempts::check(app, check, guess).await?;
    let hash = match renewal.hash(change.new.as_password()).await {
        Ok(hash) => hash,
        Err(late) => {
            proof.clear_now(app).await?;
            return Err(late.into());
        }
    };
    let now = app.clock.now();

    let mut transaction = app.database.begin().await?;
    if !user.replace_password_hash(&mut transaction, &hash, now).await? {
        return Err(ChangeError::WrongPassword);
    }
    codes::kill(&mut transaction, user.id).await?;
    proof.clear(&mut transaction).await?;
    let this = (change.session.id, user.id);
    let ended = Session::end_others(&mut transaction, this, now, EndReason::PasswordChanged).await?;
    let renewed = sessions::renew(app, &mut transaction, &change.session, &change.client).await?;
    let opened = renewed.ok_or(ChangeError::SessionEnded)?;
    notices::password_changed(app, &mut transaction, &user).await?;
    let changed = Event::new(Kind::PasswordChanged, By::user(user.id, &change.client)).about(user.id);
    let changed = changed.in_session(opened.id).with("sessions_ended", ended);
    audit::record(&mut transaction, app.into(), changed).await?;
    transaction.commit().await?;
    app.metrics.sessions_ended.add(EndReason::PasswordChanged.into(), ended);

    Ok(tokens::issue(app, user, &opened)?)
}

/// A user who wants another password.
pub struct Change {
    /// The present password.
    pub current: Password,
    /// The one to come.
    pub new: NewPassword,
    /// The session they do it from, which stays.
    pub session: Session,
    /// Where they are.
    pub client: Client,
}

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The present password is another one.
    #[error("the password is wrong")]
    WrongPassword,
    /// The new password is known from a breach.
    #[error(transparent)]
    Breached(#[from] Breached),
    /// Too many passwords were wrong; this one was not looked at.
    #[error("too many failures; try again in {retry_after:?}")]
    HeldBack {
        /// When the next one is looked at, if not sooner.
        retry_after: Duration,
    },
    /// The session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] SignError),
}

impl From<GuessError> for ChangeError {
    fn from(error: GuessError) -> Self {
        match error {
            GuessError::Wrong => Self::WrongPassword,
            GuessError::HeldBack { retry_after } => Self::HeldBack { retry_after },
            GuessError::Overloaded(error) => error.into(),
            GuessError::Database(error) => error.into(),
        }
    }
}

//! Reset the password: whoever reads the mail of an account's address sets another one.
//!
//! Asking tells nothing about who has an account: the petition is written down, the same for every address, and looked
//! at after the answer. Nobody is signed in by a reset, and every session ends: whoever had the old password is out.

pub mod pages;
pub mod routes;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        attempts,
        breached::{self, Breached},
        codes::{self, Held},
        limits::{self, LimitError, Subject},
        notices,
    },
    crypto::Overloaded,
    database::{DatabaseError, Transaction},
    domain::{Client, Email, NewPassword},
    letters,
    limits::Policy,
    mail::Letter,
    models::{
        one_time_code::Purpose,
        petition::{Petition, Wish},
        session::{EndReason, Session},
        user::User,
    },
};

/// Takes down that somebody has forgotten the password of the account with this address, if there is one.
///
/// Over the limit of the address nothing is taken down, and nothing is said either.
///
/// # Errors
/// Those of the database.
pub async fn forgot(app: &App, email: &Email) -> Result<(), DatabaseError> {
    match limits::take(app, Policy::MailPerAccount, Subject::Account(email)).await {
        Ok(_) => {}
        Err(LimitError::Exceeded(_)) => return Ok(()),
        Err(LimitError::Database(error)) => return Err(error),
    }
    Petition::insert(&mut app.database.once(), (email, &Wish::ResetPassword), app.clock.now()).await?;
    app.petitioned.notify_one();
    Ok(())
}

/// Sends a code to the owner of the address, if the account exists and is active.
///
/// For an address that nobody has confirmed, this is the only code from then on: who confirms it so sets a password of
/// their own, and whoever had registered it is out.
///
/// # Errors
/// Those of the database.
pub async fn send(app: &App, transaction: &mut Transaction, email: &Email) -> Result<(), DatabaseError> {
    let Some(user) = User::find_by_email(&mut *transaction, email).await?.filter(|user| user.is_active) else {
        return Ok(());
    };
    if !user.email_verified {
        codes::kill(&mut *transaction, user.id).await?;
    }
    let token = codes::issue(app, &mut *transaction, (user.id, Purpose::ResetPassword, email)).await?;
    letters::post(app, transaction, email, &Letter::ResetPassword { username: user.username, token }).await
}

/// Sets the password of whoever a code belongs to. The address is confirmed by it; every session ends.
///
/// # Errors
/// [`ResetError`]; the password, the sessions and the code then stay as they are.
pub async fn reset(app: &App, held: Held, new: NewPassword, client: &Client) -> Result<(), ResetError> {
    breached::refuse(app, &new).await?;
    let hash = app.hasher.turn()?.hash(new.as_password()).await?;
    let (user, now) = (&held.user, app.clock.now());

    let mut transaction = app.database.begin().await?;
    // The user first: whatever else changes them waits, and finds the code used.
    if held.sent_to() != &user.email || !user.reset_password(&mut transaction, &hash, now).await? {
        return Err(ResetError::InvalidCode);
    }
    if !held.use_up(app, &mut transaction).await? {
        return Err(ResetError::InvalidCode);
    }
    codes::kill(&mut transaction, user.id).await?;
    let ended = Session::end_all(&mut transaction, user.id, now, EndReason::PasswordReset).await?;
    attempts::clear(&app.digests, &mut transaction, user.id).await?;
    notices::password_changed(app, &mut transaction, user).await?;
    let reset = Event::new(Kind::PasswordReset, By::user(user.id, client)).about(user.id);
    audit::record(&mut transaction, app.into(), reset.with("sessions_ended", ended)).await?;
    transaction.commit().await?;
    app.metrics.sessions_ended.add(EndReason::PasswordReset.into(), ended);
    Ok(())
}

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The code is used, or a newer one has taken its place.
    #[error("the code is not valid")]
    InvalidCode,
    /// The password is known from a breach.
    #[error(transparent)]
    Breached(#[from] Breached),
    /// Too many passwords are waiting to be hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

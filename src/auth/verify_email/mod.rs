//! Verify an address: its owner says so, with the code that was sent there.
//!
//! One operation takes both codes, for the address that somebody registered with and for one that they change to,
//! because a client that is handed a code need not know which it is. It signs nobody in.

pub mod pages;
pub mod routes;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        codes::{self, Held},
        limits::{self, LimitError, Subject},
        notices,
        reset_password::{self, ResetError},
    },
    database::{DatabaseError, Transaction},
    domain::{Client, NewPassword},
    letters,
    limits::Policy,
    mail::Letter,
    models::{
        one_time_code::Purpose,
        user::{self, User},
    },
};

/// The codes that confirm an address.
pub const PURPOSES: &[Purpose] = &[Purpose::ConfirmEmail, Purpose::ChangeEmail];

/// Confirms the address that a code was sent to, and gives it to the user if it is a new one.
///
/// # Errors
/// [`VerifyError`]; everything then stays as it is.
pub async fn verify(app: &App, held: Held, client: &Client) -> Result<(), VerifyError> {
    let (user, now) = (&held.user, app.clock.now());
    let is_new_address = held.purpose() == Purpose::ChangeEmail;

    let mut transaction = app.database.begin().await?;
    // The user first: whatever else changes them waits, and finds the code used.
    let has_changed = if is_new_address {
        user.change_email(&mut transaction, held.sent_to(), now).await.map_err(taken)?
    } else {
        held.sent_to() == &user.email && user.confirm_email(&mut transaction, now).await?
    };
    if !has_changed || !held.use_up(app, &mut transaction).await? {
        return Err(VerifyError::InvalidCode);
    }
    if is_new_address {
        codes::kill(&mut transaction, user.id).await?;
        notices::email_changed(app, &mut transaction, (user, &user.email)).await?;
    }
    let kind = if is_new_address { Kind::EmailChanged } else { Kind::EmailVerifiedChanged };
    let confirmed = Event::new(kind, By::user(user.id, client)).about(user.id).with("email_verified", true);
    audit::record(&mut transaction, app.into(), confirmed).await?;
    transaction.commit().await?;
    Ok(())
}

/// Confirms an address for its owner, who did not register the account: their password takes the place of the other
/// one, and every session ends. As long as nobody has confirmed it; afterwards a code like this sets no password.
///
/// # Errors
/// [`ResetError`]; everything then stays as it is.
pub async fn take_over(app: &App, held: Held, new: NewPassword, client: &Client) -> Result<(), ResetError> {
    if held.purpose() != Purpose::ConfirmEmail || held.user.email_verified {
        return Err(ResetError::InvalidCode);
    }
    reset_password::reset(app, held, new, client).await
}

/// Sends the code again to a user who has not confirmed their address yet; nothing to one who has.
///
/// # Errors
/// [`ResendError`]; nothing is sent then.
pub async fn resend(app: &App, user: &User) -> Result<(), ResendError> {
    if user.email_verified {
        return Ok(());
    }
    limits::take(app, Policy::MailPerAccount, Subject::Account(&user.email)).await?;
    let mut transaction = app.database.begin().await?;
    send(app, &mut transaction, user).await?;
    transaction.commit().await?;
    Ok(())
}

/// Sends a code to the address that a user has registered with.
///
/// # Errors
/// Those of the database.
pub async fn send(app: &App, transaction: &mut Transaction, user: &User) -> Result<(), DatabaseError> {
    let email = &user.email;
    let token = codes::issue(app, &mut *transaction, (user.id, Purpose::ConfirmEmail, email)).await?;
    letters::post(app, transaction, email, &Letter::ConfirmEmail { username: user.username.clone(), token }).await
}

/// Why an address is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The code is used, or a newer one has taken its place.
    #[error("the code is not valid")]
    InvalidCode,
    /// The new address has become somebody else's meanwhile.
    #[error("the address is taken")]
    EmailTaken,
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Why no code is sent.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// Enough mails were sent for now.
    #[error(transparent)]
    Limited(#[from] LimitError),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn taken(error: DatabaseError) -> VerifyError {
    match error.violated_constraint() {
        Some(user::EMAIL_KEY) => VerifyError::EmailTaken,
        _ => VerifyError::Database(error),
    }
}

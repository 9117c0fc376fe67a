//! Change the address: the password proves who asks, the new address confirms, the old one can undo it for a week.
//!
//! The undo is for whoever lost an account to a thief who knows the password: it brings the address back, ends every
//! session, and makes the password worthless, so that the thief cannot do it all again.

pub mod pages;
pub mod routes;

use std::time::Duration;

use base64ct::{Base64Unpadded, Encoding};

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        attempts::{self, Guess, GuessError},
        codes::{self, Held},
        limits::{self, LimitError, Subject},
    },
    crypto::{Overloaded, random},
    database::{DatabaseError, Transaction},
    domain::{Client, Email, Password},
    letters,
    limits::Policy,
    mail::Letter,
    models::{
        one_time_code::Purpose,
        session::{EndReason, Session},
        user::{self, ActiveUser},
    },
};

/// Asks the new address to confirm, and tells the old one, which can undo it. Nothing has changed yet.
///
/// # Errors
/// [`ChangeError`]; nothing is sent then.
pub async fn request(app: &App, user: &ActiveUser, change: Change) -> Result<(), ChangeError> {
    let Change { new_email, password, client } = change;
    let turn = app.hasher.turn()?;
    let guess = Guess { user: Some(user), name: user.email.as_str(), password: &password, client: &client };
    attempts::check(app, turn, guess).await?.clear_now(app).await?;
    let taken_by = codes::owner(&app.database, &new_email, app.clock.now()).await?;
    if taken_by.is_some() && !app.config.registration.conceal_accounts {
        return Err(ChangeError::EmailTaken);
    }
    limits::take(app, Policy::AddressChangeMail, Subject::Account(&new_email)).await?;

    let mut transaction = app.database.begin().await?;
    if !user.hold(&mut transaction).await? {
        return Err(ChangeError::WrongPassword);
    }
    let letter = if let Some(owner) = taken_by {
        // Where accounts are concealed, only the mail tells; whoever asks sees no difference.
        Letter::AlreadyRegistered { username: owner.username }
    } else {
        let token = codes::issue(app, &mut transaction, (user.id, Purpose::ChangeEmail, &new_email)).await?;
        Letter::ConfirmNewEmail { username: user.username.clone(), token }
    };
    letters::post(app, &mut transaction, &new_email, &letter).await?;
    tell(app, &mut transaction, (user, new_email)).await?;
    let requested = Event::new(Kind::EmailChangeRequested, By::user(user.id, &client)).about(user.id);
    audit::record(&mut transaction, app.into(), requested).await?;
    transaction.commit().await?;
    Ok(())
}

/// Brings an address back to whoever it was taken from, ends every session, and sends them a code for another password:
/// the one in force is worth nothing from then on.
///
/// # Errors
/// [`UndoError`]; everything then stays as it is.
pub async fn undo(app: &App, held: Held, client: &Client) -> Result<(), UndoError> {
    let hash = app.hasher.hash(&nobodys_password()).await?;
    let (user, email, now) = (&held.user, held.sent_to(), app.clock.now());

    let mut transaction = app.database.begin().await?;
    if !user.restore_email(&mut transaction, (email, &hash), now).await.map_err(taken)? {
        return Err(UndoError::InvalidCode);
    }
    if !held.use_up(app, &mut transaction).await? {
        return Err(UndoError::InvalidCode);
    }
    attempts::clear(&app.digests, &mut transaction, user.id).await?;
    held.kill_later(&mut transaction).await?;
    let ended = Session::end_all(&mut transaction, user.id, now, EndReason::EmailRestored).await?;
    let token = codes::issue(app, &mut transaction, (user.id, Purpose::ResetPassword, email)).await?;
    let letter = Letter::ResetPassword { username: user.username.clone(), token };
    letters::post(app, &mut transaction, email, &letter).await?;
    let restored = Event::new(Kind::EmailChanged, By::user(user.id, client)).about(user.id);
    audit::record(&mut transaction, app.into(), restored.with("restored", true).with("sessions_ended", ended)).await?;
    transaction.commit().await?;
    app.metrics.sessions_ended.add(EndReason::EmailRestored.into(), ended);
    Ok(())
}

/// Tells the address that a user still has, with a code to keep it or to take it back.
async fn tell(
    app: &App,
    transaction: &mut Transaction,
    (user, new_email): (&ActiveUser, Email),
) -> Result<(), DatabaseError> {
    let undo = (user.id, Purpose::UndoEmailChange, &user.email);
    let undo_token = codes::issue(app, &mut *transaction, undo).await?;
    let letter = Letter::EmailChangeRequested { username: user.username.clone(), new_email, undo_token };
    letters::post(app, transaction, &user.email, &letter).await
}

/// A password that nobody has seen: 256 random bits.
fn nobodys_password() -> Password {
    Password::presented(Base64Unpadded::encode_string(random::secret::<32>().as_slice()))
}

fn taken(error: DatabaseError) -> UndoError {
    match error.violated_constraint() {
        Some(user::EMAIL_KEY) => UndoError::EmailTaken,
        _ => UndoError::Database(error),
    }
}

/// A user who wants another address.
pub struct Change {
    /// The address to come.
    pub new_email: Email,
    /// The present password.
    pub password: Password,
    /// Where they are.
    pub client: Client,
}

/// Why nobody is asked.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The password is another one.
    #[error("the password is wrong")]
    WrongPassword,
    /// Too many passwords were wrong; this one was not looked at.
    #[error("too many failures; try again in {retry_after:?}")]
    HeldBack {
        /// When the next one is looked at, if not sooner.
        retry_after: Duration,
    },
    /// The address belongs to a user, or can still be taken back by one.
    #[error("the address is taken")]
    EmailTaken,
    /// Enough mails were sent to this address for now.
    #[error(transparent)]
    Limited(#[from] LimitError),
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<GuessError> for ChangeError {
    fn from(error: GuessError) -> Self {
        match error {
            GuessError::Wrong => Self::WrongPassword,
            GuessError::HeldBack { retry_after } => Self::HeldBack { retry_after },
            GuessError::Overloaded(error) => Self::Overloaded(error),
            GuessError::Database(error) => Self::Database(error),
        }
    }
}

/// Why an address does not come back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The code is used.
    #[error("the code is not valid")]
    InvalidCode,
    /// The address has become somebody else's.
    #[error("the address is taken")]
    EmailTaken,
    /// Too many passwords are waiting to be hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

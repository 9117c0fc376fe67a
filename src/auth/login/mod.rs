//! Login: check a password and open a session.
//!
//! Whether an account exists, is disabled or has another password costs the same time and, until the right
//! password was given, gets the same answer.

pub mod routes;

use std::{borrow::Cow, time::Duration};

use countersign_token::SignError;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        attempts::{self, Guess, GuessError, Proof},
        known_addresses, notices, sessions,
        tokens::{self, SignedIn},
    },
    crypto::{Overloaded, PasswordHash},
    database::{DatabaseError, Transaction},
    domain::{Client, Email, Password, Timestamp, UserId, Username},
    metrics::{LoginOutcome, OpenedBy},
    models::user::{ActiveUser, User},
};

/// Signs in whoever knows the password.
///
/// # Errors
/// [`LoginError`] says what the client is told; only the right password learns more than "wrong".
pub async fn login(app: &App, attempt: Attempt) -> Result<SignedIn, LoginError> {
    let outcome = check(app, attempt).await;
    app.metrics.logins.count(counted(&outcome));
    outcome
}

async fn check(app: &App, attempt: Attempt) -> Result<SignedIn, LoginError> {
    let Attempt { login, password, client } = &attempt;
    let turn = app.hasher.turn()?;
    let found = login.find(app).await?.filter(|user| is_there_for_others(app, user));
    let guess = Guess { user: found.as_ref(), name: &login.name(), password, client };
    let proof = attempts::check(app, turn, guess).await?;
    let id = found.as_ref().map(|user| user.id);
    let user = match found.map_or(Err(LoginError::Disabled), |user| admit(app, user)) {
        Ok(user) => user,
        Err(refusal) => {
            refuse(app, &proof, client, (id, &refusal)).await?;
            return Err(refusal);
        }
    };
    let renewed = renew(app, password, &proof).await;

    let mut transaction = app.database.begin().await?;
    if !hold(&user, &mut transaction, renewed.as_ref(), app.clock.now()).await? {
        return Err(LoginError::WrongCredentials);
    }
    proof.clear(&mut transaction).await?;
    notices::sign_in(app, &mut transaction, (&user, client)).await?;
    known_addresses::remember(app, &mut transaction, user.id, client).await?;
    let opened = sessions::open(app, &mut transaction, &user, client).await?;
    let signed_in = Event::new(Kind::SignedIn, By::user(user.id, client)).about(user.id);
    audit::record(&mut transaction, app.into(), signed_in.in_session(opened.id)).await?;
    transaction.commit().await?;
    app.metrics.sessions_opened.count(OpenedBy::Login);

    Ok(tokens::issue(app, user, &opened)?)
}

/// Somebody who says who they are.
pub struct Attempt {
    /// Who they say they are.
    pub login: Login,
    /// What they offer as proof.
    pub password: Password,
    /// Where they are.
    pub client: Client,
}

/// By what a user is named at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// By address.
    Email(Email),
    /// By name.
    Username(Username),
    /// By something that can be neither, and therefore belongs to nobody.
    Nobody(String),
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such account, or another password.
    #[error("the login or the password is wrong")]
    WrongCredentials,
    /// Too many passwords were wrong; this one was not looked at.
    #[error("too many failures; try again in {retry_after:?}")]
    HeldBack {
        /// When the next one is looked at, if not sooner.
        retry_after: Duration,
    },
    /// The password is right, but the account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The password is right, but the address has to be confirmed first.
    #[error("the address has not been confirmed")]
    Unconfirmed,
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] SignError),
}

impl Login {
    async fn find(&self, app: &App) -> Result<Option<User>, DatabaseError> {
        match self {
            Self::Email(email) => User::find_by_email(&app.database, email).await,
            Self::Username(username) => User::find_by_username(&app.database, username).await,
            Self::Nobody(_) => Ok(None),
        }
    }

    /// The name in its canonical form. An address has an `@` and a username has none, so no two are alike.
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Email(email) => email.as_str().into(),
            Self::Username(username) => username.key().into(),
            Self::Nobody(text) => text.as_str().into(),
        }
    }
}

impl From<GuessError> for LoginError {
    fn from(error: GuessError) -> Self {
        match error {
            GuessError::Wrong => Self::WrongCredentials,
            GuessError::HeldBack { retry_after } => Self::HeldBack { retry_after },
            GuessError::Overloaded(error) => error.into(),
            GuessError::Database(error) => error.into(),
        }
    }
}

/// As what a login is counted.
fn counted(outcome: &Result<SignedIn, LoginError>) -> LoginOutcome {
    match outcome {
        Ok(_) => LoginOutcome::SignedIn,
        Err(LoginError::WrongCredentials) => LoginOutcome::WrongCredentials,
        Err(LoginError::HeldBack { .. }) => LoginOutcome::HeldBack,
        Err(LoginError::Unconfirmed) => LoginOutcome::Unconfirmed,
        Err(LoginError::Disabled) => LoginOutcome::Disabled,
        Err(LoginError::Overloaded(_)) => LoginOutcome::Overloaded,
        Err(LoginError::Database(_)) => LoginOutcome::Unavailable,
        Err(LoginError::Token(_)) => LoginOutcome::Error,
    }
}

/// Whether an account is there for others than who reads the mail of its address.
///
/// Where accounts are concealed, one whose address nobody has confirmed is not: whoever could register an address and
/// then learn here whether the account is theirs would know whether it had one before.
fn is_there_for_others(app: &App, user: &User) -> bool {
    user.email_verified || !app.config.registration.conceal_accounts
}

/// Keeps out whoever may not sign in, although they know the password.
fn admit(app: &App, user: User) -> Result<ActiveUser, LoginError> {
    if !user.email_verified && app.config.registration.require_verified_email {
        return Err(LoginError::Unconfirmed);
    }
    user.active().ok_or(LoginError::Disabled)
}

/// Writes down that somebody who knows the password may not sign in, and forgets their failures.
async fn refuse(
    app: &App,
    proof: &Proof,
    client: &Client,
    (user, refusal): (Option<UserId>, &LoginError),
) -> Result<(), DatabaseError> {
    let reason = if matches!(refusal, LoginError::Unconfirmed) { "unconfirmed" } else { "disabled" };
    proof.clear_now(app).await?;
    let refused = Event::new(Kind::SignInRefused, By::nobody(client)).with("reason", reason);
    let refused = user.into_iter().fold(refused, Event::about);
    audit::failures::note(app, client, refused).await
}

/// Hashes the password anew if its hash is weaker than what new ones get. When too many are waiting it stays as it is
/// until the next time: whoever gave the right password is not refused for the sake of our housekeeping.
async fn renew(app: &App, password: &Password, proof: &Proof) -> Option<PasswordHash> {
    if proof.is_outdated { app.hasher.hash(password).await.ok() } else { None }
}

/// Keeps the user as they were verified until the transaction ends; false if they have changed since.
///
/// A password that is changed between the check and the session's opening ends every session. Without this, the
/// old password would open one more right after.
async fn hold(
    user: &ActiveUser,
    transaction: &mut Transaction,
    renewed: Option<&PasswordHash>,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    match renewed {
        Some(hash) => user.replace_password_hash(transaction, hash, now).await,
        None => user.hold(transaction).await,
    }
}

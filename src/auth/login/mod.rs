//! Login: check a password and open a session.
//!
//! Whether an account exists, is disabled or has another password costs the same time and, until the right
//! password was given, gets the same answer.

pub mod routes;

use countersign_token::SignError;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        sessions,
        tokens::{self, SignedIn},
    },
    crypto::{Overloaded, PasswordHash, Verdict},
    database::{DatabaseError, Transaction},
    domain::{Client, Email, Password, Timestamp, Username},
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
    let user = attempt.login.find(app).await?;
    let verdict = app.hasher.verify(&attempt.password, user.as_ref().map(|user| &user.password_hash)).await?;
    let user = prove(app, &attempt.client, user, verdict).await?;
    let renewed = renew(app, &attempt.password, verdict).await?;

    let mut transaction = app.database.begin().await?;
    if !hold(&user, &mut transaction, renewed.as_ref(), app.clock.now()).await? {
        return Err(LoginError::WrongCredentials);
    }
    let opened = sessions::open(app, &mut transaction, &user, &attempt.client).await?;
    let signed_in = Event::new(Kind::SignedIn, By::user(user.id, &attempt.client)).about(user.id);
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
    Nobody,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such account, or another password.
    #[error("the login or the password is wrong")]
    WrongCredentials,
    /// The password is right, but the account is disabled.
    #[error("the account is disabled")]
    Disabled,
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
            Self::Nobody => Ok(None),
        }
    }
}

/// As what a login is counted.
fn counted(outcome: &Result<SignedIn, LoginError>) -> LoginOutcome {
    match outcome {
        Ok(_) => LoginOutcome::SignedIn,
        Err(LoginError::WrongCredentials) => LoginOutcome::WrongCredentials,
        Err(LoginError::Disabled) => LoginOutcome::Disabled,
        Err(LoginError::Overloaded(_)) => LoginOutcome::Overloaded,
        Err(LoginError::Database(_)) => LoginOutcome::Unavailable,
        Err(LoginError::Token(_)) => LoginOutcome::Error,
    }
}

/// The user who may sign in; whoever may not is written down.
async fn prove(app: &App, client: &Client, user: Option<User>, verdict: Verdict) -> Result<ActiveUser, LoginError> {
    let failed = |kind| Event::new(kind, By::nobody(client));
    let Some(user) = user.as_ref().filter(|_| verdict != Verdict::Wrong) else {
        let failed = failed(Kind::SignInFailed);
        let failed = user.iter().fold(failed, |failed, user| failed.about(user.id));
        audit::failures::note(app, client, failed).await?;
        return Err(LoginError::WrongCredentials);
    };
    if let Some(active) = user.clone().active() {
        return Ok(active);
    }
    let refused = failed(Kind::SignInRefused).about(user.id).with("reason", "disabled");
    audit::failures::note(app, client, refused).await?;
    Err(LoginError::Disabled)
}

/// Hashes the password anew if its hash is weaker than what new ones get.
async fn renew(app: &App, password: &Password, verdict: Verdict) -> Result<Option<PasswordHash>, Overloaded> {
    match verdict {
        Verdict::RightButOutdated => app.hasher.hash(password).await.map(Some),
        Verdict::Right | Verdict::Wrong => Ok(None),
    }
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

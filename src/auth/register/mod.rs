//! Register: make a user and sign them in.
//!
//! Two people who want the same address or name at the same moment are told apart by the table's constraints,
//! not by looking first.

pub mod routes;

use countersign_token::SignError;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        known_addresses, sessions,
        tokens::{self, SignedIn},
    },
    crypto::Overloaded,
    database::DatabaseError,
    domain::{Client, Email, NewPassword, Username},
    metrics::{OpenedBy, RegistrationOutcome},
    models::user::{self, NewUser, User},
};

/// Makes a user and opens their first session.
///
/// # Errors
/// [`RegisterError`] says what the applicant can do about it.
pub async fn register(app: &App, application: Application) -> Result<SignedIn, RegisterError> {
    let outcome = enrol(app, application).await;
    app.metrics.registrations.count(counted(&outcome));
    outcome
}

async fn enrol(app: &App, application: Application) -> Result<SignedIn, RegisterError> {
    if !app.config.registration.enabled {
        return Err(RegisterError::Closed);
    }
    refuse_taken(app, &application).await?;
    // Hash before `begin`: bcrypt takes a quarter of a second and SQLite has one writer.
    let password_hash = app.hasher.hash(application.password.as_password()).await?;
    let now = app.clock.now();

    let mut transaction = app.database.begin().await?;
    let new = NewUser {
        email: &application.email,
        username: &application.username,
        password_hash: &password_hash,
        created_at: now,
    };
    let user = User::insert(&mut transaction, new).await.map_err(taken)?.active().ok_or(RegisterError::Closed)?;
    known_addresses::remember(app, &mut transaction, user.id, &application.client).await?;
    let opened = sessions::open(app, &mut transaction, &user, &application.client).await?;
    let registered = Event::new(Kind::Registered, By::user(user.id, &application.client)).about(user.id);
    audit::record(&mut transaction, app.into(), registered.in_session(opened.id)).await?;
    transaction.commit().await?;
    app.metrics.sessions_opened.count(OpenedBy::Registration);

    Ok(tokens::issue(app, user, &opened)?)
}

/// Who wants to be a user.
pub struct Application {
    /// The address.
    pub email: Email,
    /// The name.
    pub username: Username,
    /// The password, which has passed the rules for new ones.
    pub password: NewPassword,
    /// Where the request comes from.
    pub client: Client,
}

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Registration is switched off.
    #[error("registration is closed")]
    Closed,
    /// The address belongs to a user.
    #[error("the address is taken")]
    EmailTaken,
    /// The name belongs to a user.
    #[error("the username is taken")]
    UsernameTaken,
    /// Too many passwords are waiting to be hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] SignError),
}

/// As what a registration is counted.
fn counted(outcome: &Result<SignedIn, RegisterError>) -> RegistrationOutcome {
    match outcome {
        Ok(_) => RegistrationOutcome::Registered,
        Err(RegisterError::EmailTaken | RegisterError::UsernameTaken) => RegistrationOutcome::Taken,
        Err(RegisterError::Closed) => RegistrationOutcome::Closed,
        Err(RegisterError::Overloaded(_)) => RegistrationOutcome::Overloaded,
        Err(RegisterError::Database(_)) => RegistrationOutcome::Unavailable,
        Err(RegisterError::Token(_)) => RegistrationOutcome::Error,
    }
}

/// Spares the hash when the answer is known. The constraints decide; this only looks.
async fn refuse_taken(app: &App, application: &Application) -> Result<(), RegisterError> {
    if User::find_by_email(&app.database, &application.email).await?.is_some() {
        return Err(RegisterError::EmailTaken);
    }
    if User::find_by_username(&app.database, &application.username).await?.is_some() {
        return Err(RegisterError::UsernameTaken);
    }
    Ok(())
}

fn taken(error: DatabaseError) -> RegisterError {
    match error.violated_constraint() {
        Some(user::EMAIL_KEY) => RegisterError::EmailTaken,
        Some(user::USERNAME_KEY) => RegisterError::UsernameTaken,
        _ => RegisterError::Database(error),
    }
}

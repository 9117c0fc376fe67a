//! Register: make a user, ask their address to confirm, and sign them in.
//!
//! Two people who want the same address or name at the same moment are told apart by the table's constraints,
//! not by looking first. Where accounts are concealed, see [`concealed`].

pub mod concealed;
pub mod routes;

use countersign_token::SignError;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        breached::{self, Breached},
        codes, known_addresses, sessions,
        tokens::{self, SignedIn},
        verify_email,
    },
    crypto::Overloaded,
    database::DatabaseError,
    domain::{Client, Email, NewPassword, Username},
    metrics::{OpenedBy, RegistrationOutcome},
    models::user::{self, NewUser, User},
};

/// Makes a user and opens their first session, unless they have to confirm their address before.
///
/// # Errors
/// [`RegisterError`] says what the applicant can do about it.
pub async fn register(app: &App, application: Application) -> Result<Registered, RegisterError> {
    let outcome = enrol(app, application).await;
    app.metrics.registrations.count(counted(&outcome));
    outcome
}

async fn enrol(app: &App, application: Application) -> Result<Registered, RegisterError> {
    if !app.config.registration.enabled {
        return Err(RegisterError::Closed);
    }
    if app.config.registration.conceal_accounts {
        return concealed::apply(app, application).await;
    }
    breached::refuse(app, &application.password).await?;
    let turn = app.hasher.turn()?;
    refuse_taken(app, &application).await?;
    // Hash before `begin`: bcrypt takes a quarter of a second and SQLite has one writer.
    let password_hash = turn.hash(application.password.as_password()).await?;
    let now = app.clock.now();

    let mut transaction = app.database.begin().await?;
    let new = NewUser {
        email: &application.email,
        username: &application.username,
        password_hash: &password_hash,
        created_at: now,
    };
    let user = User::insert(&mut transaction, new).await.map_err(taken)?.active().ok_or(RegisterError::Closed)?;
    verify_email::send(app, &mut transaction, &user).await?;
    let registered = Event::new(Kind::Registered, By::user(user.id, &application.client)).about(user.id);
    if app.config.registration.require_verified_email {
        audit::record(&mut transaction, app.into(), registered).await?;
        transaction.commit().await?;
        return Ok(Registered::Unconfirmed(user.into()));
    }
    known_addresses::remember(app, &mut transaction, user.id, &application.client).await?;
    let opened = sessions::open(app, &mut transaction, &user, &application.client).await?;
    audit::record(&mut transaction, app.into(), registered.in_session(opened.id)).await?;
    transaction.commit().await?;
    app.metrics.sessions_opened.count(OpenedBy::Registration);

    Ok(Registered::SignedIn(tokens::issue(app, user, &opened)?))
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

/// What became of an application.
pub enum Registered {
    /// They are a user, and signed in.
    SignedIn(SignedIn),
    /// They are a user, and may sign in once they have confirmed their address.
    Unconfirmed(User),
    /// They are told by mail.
    ToldByMail,
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
    /// The password is known from a breach.
    #[error(transparent)]
    Breached(#[from] Breached),
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
fn counted(outcome: &Result<Registered, RegisterError>) -> RegistrationOutcome {
    match outcome {
        Ok(_) => RegistrationOutcome::Registered,
        Err(RegisterError::EmailTaken | RegisterError::UsernameTaken) => RegistrationOutcome::Taken,
        Err(RegisterError::Breached(_)) => RegistrationOutcome::Breached,
        Err(RegisterError::Closed) => RegistrationOutcome::Closed,
        Err(RegisterError::Overloaded(_)) => RegistrationOutcome::Overloaded,
        Err(RegisterError::Database(_)) => RegistrationOutcome::Unavailable,
        Err(RegisterError::Token(_)) => RegistrationOutcome::Error,
    }
}

/// Spares the hash when the answer is known. The constraints decide; this only looks. An address that somebody can
/// still take back is only refused here: no constraint knows of it, and none need to, because it was theirs before.
async fn refuse_taken(app: &App, application: &Application) -> Result<(), RegisterError> {
    if codes::owner(&app.database, &application.email, app.clock.now()).await?.is_some() {
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

//! Registering where accounts are concealed: the answer says nothing, the mail does.
//!
//! The work before the answer is the same for every address: the hash, and a petition. Whether there was an account
//! already is found out afterwards, and only told to whoever reads the mail of the address.

use super::{Application, RegisterError, Registered};
use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::{
        breached, codes,
        limits::{self, LimitError, Subject},
        reset_password, verify_email,
    },
    crypto::PasswordHash,
    database::{DatabaseError, Transaction},
    domain::{Email, Username},
    letters,
    limits::Policy,
    mail::Letter,
    models::{
        petition::{Petition, Wish},
        user::{NewUser, User},
    },
};

/// Takes an application down.
pub(super) async fn apply(app: &App, application: Application) -> Result<Registered, RegisterError> {
    let Application { email, username, password, .. } = application;
    breached::refuse(app, &password).await?;
    let password_hash = app.hasher.turn()?.hash(password.as_password()).await?;
    match limits::take(app, Policy::RegistrationMail, Subject::Account(&email)).await {
        Ok(_) => {}
        Err(LimitError::Exceeded(_)) => return Ok(Registered::ToldByMail),
        Err(LimitError::Database(error)) => return Err(error.into()),
    }
    let wish = Wish::Register { username, password_hash };
    Petition::insert(&mut app.database.once(), (&email, &wish), app.clock.now()).await?;
    app.petitioned.notify_one();
    Ok(Registered::ToldByMail)
}

/// Looks at an application, and tells its address by mail what became of it.
///
/// An address that somebody has registered and nobody confirmed gets a code to set a password: whoever reads the mail
/// owns the account from then on, whoever made it.
///
/// # Errors
/// Those of the database; a duplicate that came in between is one, and the next look sees it.
pub async fn settle(
    app: &App,
    transaction: &mut Transaction,
    email: &Email,
    (username, password_hash): (Username, PasswordHash),
) -> Result<(), DatabaseError> {
    match codes::owner(&app.database, email, app.clock.now()).await? {
        Some(owner) if owner.email == *email && !owner.email_verified => {
            return reset_password::send(app, transaction, email).await;
        }
        Some(owner) => {
            return letters::post(app, transaction, email, &Letter::AlreadyRegistered { username: owner.username })
                .await;
        }
        None => {}
    }
    if User::find_by_username(&mut *transaction, &username).await?.is_some() {
        return letters::post(app, transaction, email, &Letter::UsernameTaken { username }).await;
    }
    let new = NewUser { email, username: &username, password_hash: &password_hash, created_at: app.clock.now() };
    let user = User::insert(&mut *transaction, new).await?;
    let registered = Event::new(Kind::Registered, By::system()).about(user.id);
    audit::record(&mut *transaction, app.into(), registered).await?;
    verify_email::send(app, transaction, &user).await
}

//! Notices: letters about what has happened to an account, so that its owner notices what they did not do.
//!
//! An operator may switch off each of them. Letters without which a flow does not work are no notices.

use crate::{
    app::App,
    auth::known_addresses,
    database::{DatabaseError, Transaction},
    domain::{Client, Email},
    letters,
    mail::Letter,
    models::user::User,
};

/// Tells a user that their password is another one.
///
/// # Errors
/// Those of the database.
pub async fn password_changed(app: &App, transaction: &mut Transaction, user: &User) -> Result<(), DatabaseError> {
    if !app.config.notices.password_changed {
        return Ok(());
    }
    let letter = Letter::PasswordChanged { username: user.username.clone() };
    letters::post(app, transaction, &user.email, &letter).await
}

/// Tells the address that was a user's until now.
///
/// # Errors
/// Those of the database.
pub async fn email_changed(
    app: &App,
    transaction: &mut Transaction,
    (user, former): (&User, &Email),
) -> Result<(), DatabaseError> {
    if !app.config.notices.email_changed {
        return Ok(());
    }
    let letter = Letter::EmailChanged { username: user.username.clone() };
    letters::post(app, transaction, former, &letter).await
}

/// Tells a user that they are being signed in from where they have not been lately. Ask before the address is
/// remembered. Somebody who was signed in from nowhere lately is not told: everything would be new.
///
/// # Errors
/// Those of the database.
pub async fn sign_in(
    app: &App,
    transaction: &mut Transaction,
    (user, client): (&User, &Client),
) -> Result<(), DatabaseError> {
    if !app.config.notices.new_sign_in
        || known_addresses::is_known(app, &mut *transaction, user.id, client).await?
        || !known_addresses::has_any(app, &mut *transaction, user.id).await?
    {
        return Ok(());
    }
    let letter = Letter::NewSignIn {
        username: user.username.clone(),
        at: app.clock.now(),
        ip: client.ip,
        user_agent: client.user_agent.clone(),
    };
    letters::post(app, transaction, &user.email, &letter).await
}

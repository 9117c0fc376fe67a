//! Another address for an account, given by an operator.
//!
//! Nobody confirms it, as when an account is made: the operator vouches for it. What was mailed is worth nothing from
//! then on, links that take back an address as well, because the mail of the old one may be lost. Sessions go on. No
//! letter is sent.

use super::Desk;
use crate::{
    audit::{self, By, Event, Kind},
    auth::codes,
    database::DatabaseError,
    domain::{Email, UserId},
    models::{
        account::Account,
        user::{self, User},
    },
};

/// Gives a user another address, which counts as confirmed. Nothing happens if it is theirs already and confirmed.
///
/// # Errors
/// [`SetEmailError`]; the address then stays.
pub async fn set_email(desk: Desk<'_>, id: UserId, email: &Email, by: By<'_>) -> Result<User, SetEmailError> {
    let now = desk.scribe.now;
    // Somebody who was robbed of an address can still take it back: it is not to be given to others.
    if codes::owner(desk.database, email, now).await?.is_some_and(|owner| owner.id != id) {
        return Err(SetEmailError::Taken);
    }

    let mut transaction = desk.database.begin().await?;
    let account = Account::hold(&mut transaction, id).await?.ok_or(SetEmailError::NotFound)?;
    if account.user.email == *email && account.user.email_verified {
        return Ok(account.user);
    }
    if !account.user.change_email(&mut transaction, email, now).await.map_err(taken)? {
        return Err(SetEmailError::Disabled);
    }
    codes::kill_all(&mut transaction, id).await?;
    let changed = Event::new(Kind::EmailChanged, by).about(id).with("email_verified", true);
    audit::record(&mut transaction, desk.scribe, changed).await?;
    transaction.commit().await?;
    Ok(User { email: email.clone(), email_verified: true, updated_at: now, ..account.user })
}

/// Why a user keeps their address.
#[derive(Debug, thiserror::Error)]
pub enum SetEmailError {
    /// There is no such account.
    #[error("no user has this id")]
    NotFound,
    /// The account is disabled.
    #[error("the user is disabled: enable them first")]
    Disabled,
    /// The address belongs to a user, or can still be taken back by one.
    #[error("the address is taken")]
    Taken,
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn taken(error: DatabaseError) -> SetEmailError {
    match error.violated_constraint() {
        Some(user::EMAIL_KEY) => SetEmailError::Taken,
        _ => SetEmailError::Database(error),
    }
}

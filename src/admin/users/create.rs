//! What only the command line does: accounts and passwords made by an operator.
//!
//! The interface cannot: an administrator who chooses passwords can be anybody (ASVS 5.0 6.4.6).

use super::{ChangeError, Desk};
use crate::{
    audit::{self, By, Event, Kind},
    auth::{attempts, codes},
    crypto::{Hasher, Overloaded},
    database::{Database, DatabaseError},
    domain::{Email, NewPassword, Roles, UserId, Username},
    models::{
        account::{Account, Standing},
        session::{EndReason, Session},
        user::{self, NewUser, User},
    },
};

/// Makes an account and opens no session. Its address counts as confirmed: an operator vouches for it.
///
/// # Errors
/// [`CreateError`]; nothing has been made then.
pub async fn create(desk: Desk<'_>, hasher: &Hasher, new: &NewAccount, by: By<'_>) -> Result<User, CreateError> {
    let password_hash = hasher.hash(new.password.as_password()).await?;
    let now = desk.scribe.now;

    let mut transaction = desk.database.begin().await?;
    let row = NewUser { email: &new.email, username: &new.username, password_hash: &password_hash, created_at: now };
    let user = User::insert(&mut transaction, row).await.map_err(taken)?;
    let standing = Standing { is_active: true, roles: new.roles.clone(), email_verified: true };
    let account = Account::set_standing(&mut transaction, user.id, &standing, now).await?;
    let created = Event::new(Kind::UserCreated, by).about(user.id).with("roles", new.roles.to_string());
    audit::record(&mut transaction, desk.scribe, created).await?;
    transaction.commit().await?;
    Ok(account.user)
}

/// Tells early what [`create`] would answer. It is no promise: somebody else may be faster.
///
/// # Errors
/// [`CreateError`], if the address or the name belongs to a user.
pub async fn check_free(database: &Database, email: &Email, username: &Username) -> Result<(), CreateError> {
    if User::find_by_email(database, email).await?.is_some() {
        return Err(CreateError::EmailTaken);
    }
    if User::find_by_username(database, username).await?.is_some() {
        return Err(CreateError::UsernameTaken);
    }
    Ok(())
}

/// Sets a password and ends every session of the user; says how many. What was mailed to change the password or the
/// address is worth nothing from then on, and the failures that held the user back are forgotten.
///
/// # Errors
/// [`SetPasswordError`]; the old password then stays.
pub async fn set_password(
    desk: Desk<'_>,
    hasher: &Hasher,
    (id, password): (UserId, &NewPassword),
    by: By<'_>,
) -> Result<u64, SetPasswordError> {
    let hash = hasher.hash(password.as_password()).await?;
    let now = desk.scribe.now;

    let mut transaction = desk.database.begin().await?;
    Account::hold(&mut transaction, id).await?.ok_or(ChangeError::NotFound)?;
    Account::set_password_hash(&mut transaction, id, &hash, now).await?;
    codes::kill(&mut transaction, id).await?;
    let ended = Session::end_all(&mut transaction, id, now, EndReason::PasswordChanged).await?;
    attempts::clear(desk.digests, &mut transaction, id).await?;
    let set = Event::new(Kind::PasswordSet, by).about(id).with("sessions_ended", ended);
    audit::record(&mut transaction, desk.scribe, set).await?;
    transaction.commit().await?;
    Ok(ended)
}

/// Who is to be a user.
#[derive(Debug)]
pub struct NewAccount {
    /// The address.
    pub email: Email,
    /// The name.
    pub username: Username,
    /// The password, which has passed the rules for new ones.
    pub password: NewPassword,
    /// What they may do beyond being a user.
    pub roles: Roles,
}

/// Why nobody was made a user.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The address belongs to a user.
    #[error("the address is taken")]
    EmailTaken,
    /// The name belongs to a user.
    #[error("the username is taken")]
    UsernameTaken,
    /// The password could not be hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// The account could not be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The password could not be hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn taken(error: DatabaseError) -> CreateError {
    match error.violated_constraint() {
        Some(user::EMAIL_KEY) => CreateError::EmailTaken,
        Some(user::USERNAME_KEY) => CreateError::UsernameTaken,
        _ => CreateError::Database(error),
    }
}

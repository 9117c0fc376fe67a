//! Me: what users may see and change of themselves.

pub mod routes;

use std::time::Duration;

use crate::{
    admin::users,
    app::App,
    audit::{self, By, Event, Kind},
    auth::attempts::{self, Guess, GuessError},
    crypto::Overloaded,
    database::DatabaseError,
    domain::{Client, Password, Username},
    models::user::{self, ActiveUser, User},
};

/// Gives a user another name.
///
/// # Errors
/// [`RenameError::Taken`] if it belongs to somebody else, whatever its case.
pub async fn rename(app: &App, user: &ActiveUser, username: &Username, client: &Client) -> Result<User, RenameError> {
    let mut transaction = app.database.begin().await?;
    let renamed = user.rename(&mut transaction, username, app.clock.now()).await;
    let renamed = renamed.map_err(taken)?.ok_or(RenameError::Gone)?;
    let event = Event::new(Kind::UsernameChanged, By::user(user.id, client)).about(user.id);
    audit::record(&mut transaction, app.into(), event).await?;
    transaction.commit().await?;
    Ok(renamed)
}

/// Why a user keeps their name.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// The name belongs to somebody else.
    #[error("the username is taken")]
    Taken,
    /// The user has been deleted meanwhile.
    #[error("the user is gone")]
    Gone,
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Deletes a user who proves once more who they are; their sessions go with them.
///
/// # Errors
/// [`DeleteError`]; the user then still exists.
pub async fn delete(app: &App, user: &ActiveUser, password: &Password, client: &Client) -> Result<(), DeleteError> {
    let turn = app.hasher.turn()?;
    let guess = Guess { user: Some(user), name: user.email.as_str(), password, client };
    // The count goes with the user.
    let _proof = attempts::check(app, turn, guess).await?;
    let mut transaction = app.database.begin().await?;
    let held = users::hold(&mut transaction, user.id).await?.ok_or(DeleteError::WrongPassword)?;
    if users::is_last_admin(&mut transaction, &held.user).await? {
        return Err(DeleteError::LastAdmin);
    }
    if !user.delete(&mut transaction).await? {
        return Err(DeleteError::WrongPassword);
    }
    let deleted = Event::new(Kind::Deleted, By::user(user.id, client)).about(user.id);
    audit::record(&mut transaction, app.into(), deleted).await?;
    transaction.commit().await?;
    Ok(())
}

/// Why a user was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The password is another one.
    #[error("the password is wrong")]
    WrongPassword,
    /// Nobody would be left who may administer.
    #[error("this is the last administrator who can sign in")]
    LastAdmin,
    /// Too many passwords were wrong; this one was not looked at.
    #[error("too many failures; try again in {retry_after:?}")]
    HeldBack {
        /// When the next one is looked at, if not sooner.
        retry_after: Duration,
    },
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<GuessError> for DeleteError {
    fn from(error: GuessError) -> Self {
        match error {
            GuessError::Wrong => Self::WrongPassword,
            GuessError::HeldBack { retry_after } => Self::HeldBack { retry_after },
            GuessError::Overloaded(error) => error.into(),
            GuessError::Database(error) => error.into(),
        }
    }
}

fn taken(error: DatabaseError) -> RenameError {
    match error.violated_constraint() {
        Some(user::USERNAME_KEY) => RenameError::Taken,
        _ => RenameError::Database(error),
    }
}

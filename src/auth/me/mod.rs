//! Me: what users may see and change of themselves.

pub mod routes;

use crate::{
    app::App,
    crypto::{Overloaded, Verdict},
    database::DatabaseError,
    domain::{Password, Username},
    models::user::{self, ActiveUser, User},
};

/// Gives a user another name.
///
/// # Errors
/// [`RenameError::Taken`] if it belongs to somebody else, whatever its case.
pub async fn rename(app: &App, user: &ActiveUser, username: &Username) -> Result<User, RenameError> {
    let renamed = user.rename(&mut app.database.once(), username, app.clock.now()).await;
    renamed.map_err(taken)?.ok_or(RenameError::Gone)
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
    Database(DatabaseError),
}

/// Deletes a user who proves once more who they are; their sessions go with them.
///
/// # Errors
/// [`DeleteError`]; the user then still exists.
pub async fn delete(app: &App, user: &ActiveUser, password: &Password) -> Result<(), DeleteError> {
    if app.hasher.verify(password, Some(&user.password_hash)).await? == Verdict::Wrong {
        return Err(DeleteError::WrongPassword);
    }
    let is_deleted = user.delete(&mut app.database.once()).await?;
    if is_deleted { Ok(()) } else { Err(DeleteError::WrongPassword) }
}

/// Why a user was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The password is another one.
    #[error("the password is wrong")]
    WrongPassword,
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn taken(error: DatabaseError) -> RenameError {
    match error.violated_constraint() {
        Some(user::USERNAME_KEY) => RenameError::Taken,
        _ => RenameError::Database(error),
    }
}

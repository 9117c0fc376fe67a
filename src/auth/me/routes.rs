//! `GET`, `PATCH` and `DELETE /auth/me`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::{DeleteError, RenameError};
use crate::{
    app::App,
    auth::dependencies::{CurrentUser, Fields, FromFields, Payload},
    domain::{Client, Password, Username},
    problem::{Code, FieldError, Problem, refusals},
    schemas::User,
};

refusals!(RenameRefusals: UsernameTaken);
refusals!(DeleteRefusals: InvalidCredentials, LastAdmin, TooManyAttempts, Overloaded);

/// Says who the bearer is.
#[utoipa::path(
    get, path = "/auth/me", operation_id = "me", tag = "auth", security(("bearer" = [])),
    responses((status = OK, description = "The bearer.", body = User)),
)]
pub(crate) async fn me(current: CurrentUser) -> Json<User> {
    Json(User::from(&*current.user))
}

/// Changes what is given of the bearer.
#[utoipa::path(
    patch, path = "/auth/me", operation_id = "update_me", tag = "auth", security(("bearer" = [])),
    request_body = Changes,
    responses((status = OK, description = "The bearer as they are from now on.", body = User), RenameRefusals),
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    client: Client,
    Payload(Changes { username }): Payload<Changes>,
) -> Result<Json<User>, Problem> {
    let Some(username) = username else { return Ok(Json(User::from(&*current.user))) };
    let renamed = super::rename(&app, &current.user, &username, &client).await?;
    Ok(Json(User::from(&renamed)))
}

/// Deletes the bearer's account and ends every session of it.
#[utoipa::path(
    delete, path = "/auth/me", operation_id = "delete_me", tag = "auth", security(("bearer" = [])),
    request_body = Proof,
    responses((status = NO_CONTENT, description = "The account is gone."), DeleteRefusals),
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    client: Client,
    Payload(Proof { password }): Payload<Proof>,
) -> Result<StatusCode, Problem> {
    super::delete(&app, &current.user, &password, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a user may change of themselves; what is absent stays.
#[derive(ToSchema)]
pub(crate) struct Changes {
    /// Another name.
    username: Option<Username>,
}

impl FromFields for Changes {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { username: fields.optional("username", Username::parse) })
    }
}

/// Proof that it is the user who asks, and not somebody at their unlocked screen.
#[derive(ToSchema)]
pub(crate) struct Proof {
    /// The present password.
    #[schema(example = "correct horse battery staple")]
    password: Password,
}

impl FromFields for Proof {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { password: fields.text("password").map(Password::presented)? })
    }
}

impl From<RenameError> for Problem {
    fn from(error: RenameError) -> Self {
        match error {
            RenameError::Taken => {
                Self::new(Code::UsernameTaken).with_error(FieldError::new("username", "taken", "This name is taken."))
            }
            RenameError::Gone => Self::refused_token(Code::SessionEnded),
            RenameError::Database(error) => error.into(),
        }
    }
}

impl From<DeleteError> for Problem {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::WrongPassword => Self::new(Code::InvalidCredentials),
            DeleteError::LastAdmin => Self::new(Code::LastAdmin),
            DeleteError::HeldBack { retry_after } => Self::new(Code::TooManyAttempts).retry_after(retry_after),
            DeleteError::Overloaded(error) => error.into(),
            DeleteError::Database(error) => error.into(),
        }
    }
}

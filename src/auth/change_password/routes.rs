//! `POST /auth/password/change`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::{Change, ChangeError};
use crate::{
    app::App,
    auth::dependencies::{CurrentUser, Fields, FromFields, Payload},
    domain::{Client, NewPassword, Owner, Password},
    problem::{Code, Problem, refusals},
    schemas::{SignedInAnswer, TokenPair},
};

refusals!(Refusals: InvalidCredentials, TooManyAttempts, Overloaded);

/// Changes the password. Every other session of the user ends; this one gets a new pair, and its older refresh tokens are
/// worth nothing.
#[utoipa::path(
    post, path = "/auth/password/change", operation_id = "change_password", tag = "auth", security(("bearer" = [])),
    request_body = Body,
    responses((status = OK, description = "The password is changed.", body = TokenPair), Refusals),
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    client: Client,
    Payload(body): Payload<Body>,
) -> Result<SignedInAnswer, Problem> {
    let owner = Owner { username: Some(&current.user.username), email: Some(&current.user.email) };
    let new = NewPassword::parse(body.new_password, owner)
        .map_err(|error| Problem::invalid("new_password", error.code(), error.to_string()))?;
    let change = Change { current: body.current_password, new, session: current.session, client };
    let signed_in = super::change(&app, current.user, change).await?;
    Ok(SignedInAnswer(StatusCode::OK, signed_in))
}

/// What changing the password reads.
#[derive(ToSchema)]
#[schema(as = PasswordChange)]
pub(crate) struct Body {
    /// The present password.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    current_password: Password,
    /// The password to come.
    #[schema(example = "an entirely different sentence")]
    new_password: Password,
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let current_password = fields.text("current_password").map(Password::presented);
        let new_password = fields.text("new_password").map(Password::presented);
        Some(Self { current_password: current_password?, new_password: new_password? })
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::WrongPassword => Self::new(Code::InvalidCredentials),
            ChangeError::HeldBack { retry_after } => Self::new(Code::TooManyAttempts).retry_after(retry_after),
            ChangeError::SessionEnded => Self::refused_token(Code::SessionEnded),
            ChangeError::Overloaded(error) => error.into(),
            ChangeError::Database(error) => error.into(),
            ChangeError::Token(error) => Self::internal(error),
        }
    }
}

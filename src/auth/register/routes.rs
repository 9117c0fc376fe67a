//! `POST /auth/register`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::{Application, RegisterError};
use crate::{
    app::App,
    auth::dependencies::{Admitted, Fields, FromFields, Payload, Registrations},
    domain::{Email, NewPassword, Owner, Password, Username},
    problem::{Code, FieldError, Problem, refusals},
    schemas::{SignedInAnswer, TokenPair},
};

refusals!(Refusals: EmailTaken, UsernameTaken, RegistrationDisabled, RateLimited, Overloaded);

/// Makes an account and signs it in.
#[utoipa::path(
    post, path = "/auth/register", operation_id = "register", tag = "auth", request_body = Body,
    responses((status = CREATED, description = "The account exists and is signed in.", body = TokenPair), Refusals),
)]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    admitted: Admitted<Registrations>,
    Payload(Body { email, username, password }): Payload<Body>,
) -> Result<SignedInAnswer, Problem> {
    let signed_in = super::register(&app, Application { email, username, password, client: admitted.client }).await?;
    Ok(SignedInAnswer(StatusCode::CREATED, signed_in))
}

/// What registration reads.
#[derive(ToSchema)]
#[schema(as = Registration, example = json!({
    "email": "ada@example.com", "username": "ada", "password": "correct horse battery staple"
}))]
pub(crate) struct Body {
    /// The address that will sign in.
    email: Email,
    /// The name.
    username: Username,
    /// The password.
    #[schema(value_type = Password)]
    password: NewPassword,
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", Email::parse);
        let username = fields.required("username", Username::parse);
        let owner = Owner { username: username.as_ref(), email: email.as_ref() };
        let password = fields.text("password").map(|raw| NewPassword::parse(Password::presented(raw), owner));
        let password = password.and_then(|parsed| fields.checked("password", parsed));
        Some(Self { email: email?, username: username?, password: password? })
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        let taken = |code, field, message| Self::new(code).with_error(FieldError::new(field, "taken", message));
        match error {
            RegisterError::Closed => Self::new(Code::RegistrationDisabled),
            RegisterError::EmailTaken => taken(Code::EmailTaken, "email", "This address has an account already."),
            RegisterError::UsernameTaken => taken(Code::UsernameTaken, "username", "This name is taken."),
            RegisterError::Overloaded(error) => error.into(),
            RegisterError::Database(error) => error.into(),
            RegisterError::Token(error) => Self::internal(error),
        }
    }
}

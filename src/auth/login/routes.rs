//! `POST /auth/login`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::{Attempt, Login, LoginError};
use crate::{
    app::App,
    auth::dependencies::{Admitted, Fields, FromFields, Logins, Payload},
    domain::{Email, Password, Username},
    problem::{Code, Problem, refusals},
    schemas::{SignedInAnswer, TokenPair},
};

refusals!(Refusals: InvalidCredentials, AccountDisabled, TooManyAttempts, RateLimited, Overloaded);

/// Signs in with an address, or a username, and a password.
#[utoipa::path(
    post, path = "/auth/login", operation_id = "login", tag = "auth", request_body = Credentials,
    responses((status = OK, description = "A session is open.", body = TokenPair), Refusals),
)]
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    admitted: Admitted<Logins>,
    Payload(Body { login, password }): Payload<Body>,
) -> Result<SignedInAnswer, Problem> {
    let signed_in = super::login(&app, Attempt { login, password, client: admitted.client }).await?;
    Ok(SignedInAnswer(StatusCode::OK, signed_in))
}

/// What login reads.
pub(crate) struct Body {
    login: Login,
    password: Password,
}

/// An address or a username, and a password.
#[derive(ToSchema)]
#[schema(as = Login)]
#[expect(dead_code, reason = "it is the schema of a body that is read field by field")]
pub(crate) struct Credentials {
    /// The address; or give `username`.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// The username, in any case; only read when there is no `email`.
    #[schema(example = "ada")]
    username: Option<String>,
    /// The password.
    #[schema(example = "correct horse battery staple", format = Password)]
    password: String,
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        // What cannot be an address belongs to nobody: refused like a wrong password, and as late.
        let login = if fields.has("username") && !fields.has("email") {
            fields.text("username").map(|raw| Username::parse(&raw).map_or(Login::Nobody(raw), Login::Username))
        } else {
            fields.text("email").map(|raw| Email::parse(&raw).map_or(Login::Nobody(raw), Login::Email))
        };
        let password = fields.text("password").map(Password::presented);
        Some(Self { login: login?, password: password? })
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::WrongCredentials => Self::new(Code::InvalidCredentials),
            LoginError::HeldBack { retry_after } => Self::new(Code::TooManyAttempts).retry_after(retry_after),
            LoginError::Disabled => Self::new(Code::AccountDisabled),
            LoginError::Overloaded(error) => error.into(),
            LoginError::Database(error) => error.into(),
            LoginError::Token(error) => Self::internal(error),
        }
    }
}

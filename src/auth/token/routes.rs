//! `POST /auth/token`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    error::{OAuthError, Refusal},
    form::{Form, Grant},
};
use crate::{
    app::App,
    auth::{
        dependencies::{Gate, read_body},
        login::{Attempt, Login, login},
        refresh::refresh,
        tokens::SignedIn,
    },
    domain::{Client, Email, Username},
    limits::Policy,
    schemas::AnsweredFor,
};

/// Issues tokens to standard OAuth clients: `grant_type=password` and `grant_type=refresh_token`.
///
/// Client credentials are ignored: this service has no clients yet, and documentation pages send empty ones.
#[utoipa::path(
    post, path = "/auth/token", operation_id = "token", tag = "auth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = OK, description = "Tokens (RFC 6749 §5.1).", body = Tokens),
        (status = BAD_REQUEST, description = "No tokens (RFC 6749 §5.2).", body = Refusal),
        (status = REQUEST_TIMEOUT, description = "The form did not arrive in time.", body = Refusal),
        (status = PAYLOAD_TOO_LARGE, description = "The form is too large.", body = Refusal),
        (status = TOO_MANY_REQUESTS, description = "Too many passwords from this address, or for this account.", body = Refusal),
        (status = SERVICE_UNAVAILABLE, description = "Not now.", body = Refusal),
        (status = INTERNAL_SERVER_ERROR, description = "A fault of this service.", body = Refusal),
    ),
)]
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    client: Client,
    gate: Gate,
    request: Request,
) -> Result<Response, OAuthError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let form = Form::parse(content_type.as_ref(), &read_body(request, &app).await?)?;
    let signed_in = match form.grant()? {
        Grant::Password { username, password } if app.config.allows_password_grant() => {
            gate.admit(&app, Policy::Login, &client).await?;
            login(&app, Attempt { login: named(username), password, client }).await?
        }
        Grant::Password { .. } => return Err(OAuthError::unsupported_grant_type()),
        Grant::RefreshToken { refresh_token } => refresh(&app, &refresh_token, &client).await?,
    };
    let answered_for = Extension(AnsweredFor(signed_in.user.id, signed_in.session));
    Ok((answered_for, [(header::PRAGMA, "no-cache")], Json(Tokens::from(signed_in))).into_response())
}

/// The one field of the grant holds an address or a username; only an address has an `@`.
fn named(text: String) -> Login {
    if text.contains('@') {
        Email::parse(&text).map_or(Login::Nobody(text), Login::Email)
    } else {
        Username::parse(&text).map_or(Login::Nobody(text), Login::Username)
    }
}

/// What the endpoint reads: a form.
#[derive(ToSchema)]
#[schema(as = TokenRequest, example = json!({
    "grant_type": "password", "username": "ada@example.com", "password": "correct horse battery staple"
}))]
#[expect(dead_code, reason = "it is the schema of a form that is read field by field")]
pub(crate) struct TokenRequest {
    /// `password` or `refresh_token`.
    #[schema(example = "password")]
    grant_type: String,
    /// With `password`: an address or a username.
    username: Option<String>,
    /// With `password`: the password.
    password: Option<String>,
    /// With `refresh_token`: the refresh token.
    refresh_token: Option<String>,
}

/// Tokens, as OAuth clients expect them (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthTokens, example = json!({
    "access_token": "eyJhbGciOiJFUzI1NiIs…", "token_type": "bearer", "expires_in": 1800, "refresh_token": "csr_…"
}))]
pub(crate) struct Tokens {
    /// The token to send as `Authorization: Bearer …`.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// How long the access token lives, in seconds.
    expires_in: u64,
    /// The token that is traded, once, for the next pair.
    refresh_token: String,
}

impl From<SignedIn> for Tokens {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token.to_string(),
            token_type: "bearer",
            expires_in: signed_in.access_ttl.as_secs(),
            refresh_token: signed_in.refresh_token.to_string(),
        }
    }
}

//! Who is asking, as an argument of an axum handler.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::{Claims, Issuer, IssuerError, VerifyError};

/// The user who sent the request, known by a token of the router's [`Issuer`].
///
/// `CurrentUser` lets in everybody with a valid token, `CurrentUser<Admin>` only those who hold a [`Role`], and
/// `Option<CurrentUser>` also those who send no token at all (a bad one is refused). Others get a [`Refusal`].
#[derive(Clone, Debug)]
pub struct CurrentUser<R = Anyone> {
    /// What the token says.
    pub claims: Claims,
    role: PhantomData<fn() -> R>,
}

impl<R> CurrentUser<R> {
    /// Returns the user's id.
    #[must_use]
    pub const fn id(&self) -> i64 {
        self.claims.user_id()
    }
}

/// A role that a handler asks for by its type.
///
/// ```
/// struct Admin;
///
/// impl countersign_token::Role for Admin {
///     const NAME: &'static str = "admin";
/// }
/// ```
pub trait Role: 'static {
    /// The role's name in tokens.
    const NAME: &'static str;

    /// Tells whether a user may pass: who holds the role named so, unless an implementation knows better.
    #[must_use]
    fn is_held(claims: &Claims) -> bool {
        claims.has_role(Self::NAME)
    }
}

/// Every user, whatever roles they hold.
#[derive(Clone, Copy, Debug)]
pub enum Anyone {}

impl Role for Anyone {
    const NAME: &'static str = "";

    fn is_held(_: &Claims) -> bool {
        true
    }
}

impl<S, R> FromRequestParts<S> for CurrentUser<R>
where
    S: Send + Sync,
    R: Role,
    Issuer: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let token = bearer_token(&parts.headers)?;
        let claims = Issuer::from_ref(state).verify(token).await?;
        if R::is_held(&claims) { Ok(Self { claims, role: PhantomData }) } else { Err(Refusal::RoleMissing(R::NAME)) }
    }
}

impl<S, R> OptionalFromRequestParts<S> for CurrentUser<R>
where
    S: Send + Sync,
    R: Role,
    Issuer: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(user) => Ok(Some(user)),
            Err(Refusal::TokenMissing) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}

/// Reads the token of a request from its one `Authorization` header (RFC 6750 §2.1). Bodies and query strings, which
/// §2.2 and §2.3 allow, are not looked at: they end up in logs.
///
/// # Errors
/// [`Refusal::TokenMissing`] without the header or with another scheme than `Bearer`, in any case of letters;
/// [`Refusal::SeveralTokens`] if there are two, because two readers might choose differently.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::TokenMissing)?;
    if values.next().is_some() {
        return Err(Refusal::SeveralTokens);
    }
    let value = value.to_str().map_err(|_| VerifyError::Malformed)?;
    match value.split_once(' ').unwrap_or((value, "")) {
        (scheme, token) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_matches(' ')),
        _ => Err(Refusal::TokenMissing),
    }
}

/// Why a handler was not called. Answers as RFC 6750 §3.1 and RFC 9457 have it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No token: 401, `missing_token`.
    #[error("This needs an access token in the header Authorization: Bearer.")]
    TokenMissing,
    /// More than one `Authorization` header: 401, `invalid_token`.
    #[error("The request has more than one Authorization header.")]
    SeveralTokens,
    /// A bad token: 401, `token_expired` if it is merely old, else `invalid_token`.
    #[error("The access token is not valid: {0}.")]
    TokenInvalid(#[from] VerifyError),
    /// A good token of somebody without the role: 403, `forbidden`.
    #[error("This needs the role {0:?}.")]
    RoleMissing(&'static str),
    /// Tokens cannot be checked yet: 503, `service_unavailable`.
    #[error("Access tokens cannot be checked at the moment.")]
    KeysUnavailable,
}

impl Refusal {
    /// Returns the status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TokenMissing | Self::SeveralTokens | Self::TokenInvalid(_) => StatusCode::UNAUTHORIZED,
            Self::RoleMissing(_) => StatusCode::FORBIDDEN,
            Self::KeysUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the word that programs go by, the same that the issuer uses.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TokenMissing => "missing_token",
            Self::TokenInvalid(error) if error.is_expired() => "token_expired",
            Self::SeveralTokens | Self::TokenInvalid(_) => "invalid_token",
            Self::RoleMissing(_) => "forbidden",
            Self::KeysUnavailable => "service_unavailable",
        }
    }

    /// RFC 6750 §3: no error is named to who has not tried.
    const fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => Some("Bearer"),
            Self::SeveralTokens | Self::TokenInvalid(_) => Some(r#"Bearer error="invalid_token""#),
            Self::RoleMissing(_) => Some(r#"Bearer error="insufficient_scope""#),
            Self::KeysUnavailable => None,
        }
    }

    /// What the bearer is told. Which check failed is for the log.
    fn detail(&self) -> String {
        match self {
            Self::TokenInvalid(error) if error.is_expired() => "The access token has expired.".to_owned(),
            Self::TokenInvalid(_) => "The access token is not valid.".to_owned(),
            Self::TokenMissing | Self::SeveralTokens | Self::RoleMissing(_) | Self::KeysUnavailable => self.to_string(),
        }
    }
}

impl From<IssuerError> for Refusal {
    fn from(error: IssuerError) -> Self {
        match error {
            IssuerError::Refused(error) => Self::TokenInvalid(error),
            IssuerError::KeysUnavailable => Self::KeysUnavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::debug!(reason = %self, "a request was refused");
        let status = self.status();
        let problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.detail(),
            "code": self.code(),
        });
        let mut response = (status, problem.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        } else {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

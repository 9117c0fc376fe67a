//! What handlers ask for: the current user, the client, a body.
//!
//! [`CurrentUser`] is the one way to protect a route: a handler that takes it is only called for a bearer whose
//! token, session and user have been checked.

mod admitted;
mod chosen;
mod parameters;
mod payload;
mod proof;
mod strict_json;

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderMap, header, request::Parts},
};

use crate::{
    app::App,
    auth::sessions::{self, RecogniseError, Recognised},
    domain::{Client, Roles},
    middleware::exchange::Exchange,
    models::{session::Session, user::ActiveUser},
    problem::{Code, Problem},
};
pub(crate) use admitted::{Admitted, Gate, Logins, MailRequests, Registrations};
pub(crate) use chosen::{breached, chosen, refused};
pub(crate) use parameters::Parameters;
pub(crate) use payload::{Fault, Fields, FromFields, Payload, read_body};

/// The user whose access token came with the request, and the session it belongs to.
pub struct CurrentUser {
    /// The user.
    pub user: ActiveUser,
    /// The session.
    pub session: Session,
}

impl FromRequestParts<Arc<App>> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Recognised { user, session } = sessions::recognise(app, bearer_token(&parts.headers)?).await?;
        if let Some(exchange) = parts.extensions.get::<Arc<Exchange>>() {
            exchange.note_user(user.id, session.id);
        }
        Ok(Self { user, session })
    }
}

/// A [`CurrentUser`] who is an administrator. The role is read from the user's row, not from the token, so it is gone
/// the moment it is taken away.
pub struct CurrentAdmin {
    /// The administrator.
    pub user: ActiveUser,
}

impl FromRequestParts<Arc<App>> for CurrentAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let CurrentUser { user, .. } = CurrentUser::from_request_parts(parts, app).await?;
        if user.roles.contains(Roles::ADMIN) { Ok(Self { user }) } else { Err(Problem::new(Code::Forbidden)) }
    }
}

impl From<RecogniseError> for Problem {
    fn from(error: RecogniseError) -> Self {
        match error {
            RecogniseError::Invalid => Self::refused_token(Code::InvalidToken),
            RecogniseError::Expired => Self::refused_token(Code::TokenExpired),
            RecogniseError::Ended => Self::refused_token(Code::SessionEnded),
            RecogniseError::Disabled => Self::refused_token(Code::AccountDisabled),
            RecogniseError::Database(error) => error.into(),
        }
    }
}

/// The token of the one `Authorization` header (RFC 6750 §2.1); the scheme's case does not matter (RFC 9110 §11.1).
fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Problem::new(Code::MissingToken))?;
    if values.next().is_some() {
        return Err(
            Problem::refused_token(Code::InvalidToken).with_detail("The request has two Authorization headers.")
        );
    }
    let text = value.to_str().map_err(|_| Problem::refused_token(Code::InvalidToken))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::new(Code::MissingToken));
    }
    match token.trim_matches(' ') {
        "" => Err(Problem::new(Code::MissingToken)),
        token => Ok(token),
    }
}

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let exchange = Exchange::of(parts)?;
        Ok(Self {
            ip: exchange.client.ip(),
            user_agent: exchange.user_agent.clone(),
            request_id: Some(exchange.request_id.clone()),
        })
    }
}

/// The one segment of the path that a route leaves open, decoded. What is no UTF-8 names nothing.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segment = Path::from_request_parts(parts, state).await;
        segment.map(|Path(text)| Self(text)).map_err(|_| Problem::new(Code::NotFound))
    }
}

/// Words say themselves what is wrong with them.
macro_rules! faults {
    ($($error:ty),*) => {
        $(impl Fault for $error {
            fn code(&self) -> &'static str {
                <$error>::code(*self)
            }
        })*
    };
}

faults!(
    crate::domain::EmailError,
    crate::domain::UsernameError,
    crate::domain::PasswordError,
    crate::domain::RolesError,
    crate::domain::IdError,
    crate::domain::TimestampError
);

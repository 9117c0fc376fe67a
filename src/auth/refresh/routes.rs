//! `POST /auth/refresh`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::RefreshError;
use crate::{
    app::App,
    auth::dependencies::{Fields, FromFields, Payload},
    domain::Client,
    problem::{Code, Problem, refusals},
    schemas::{SignedInAnswer, TokenPair},
};

refusals!(Refusals: InvalidRefreshToken, RefreshTokenReused, SessionEnded);

/// Trades a refresh token for the next pair.
///
/// A token can be spent once; whoever presents it again ends the session. The token just spent gets the same
/// successor for 10 seconds, so a client may repeat a request whose answer was lost.
#[utoipa::path(
    post, path = "/auth/refresh", operation_id = "refresh", tag = "auth", request_body = Body,
    responses((status = OK, description = "The next pair.", body = TokenPair), Refusals),
)]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    client: Client,
    Payload(Body { refresh_token }): Payload<Body>,
) -> Result<SignedInAnswer, Problem> {
    let signed_in = super::refresh(&app, &refresh_token, &client).await?;
    Ok(SignedInAnswer(StatusCode::OK, signed_in))
}

/// What refreshing reads.
#[derive(ToSchema)]
#[schema(as = Refresh)]
pub(crate) struct Body {
    /// The refresh token that came with the last pair.
    #[schema(example = "csr_…")]
    refresh_token: String,
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { refresh_token: fields.text("refresh_token")? })
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::new(Code::InvalidRefreshToken),
            RefreshError::Reused => Self::new(Code::RefreshTokenReused),
            RefreshError::Ended => Self::new(Code::SessionEnded),
            RefreshError::Database(error) => error.into(),
            RefreshError::Token(error) => Self::internal(error),
        }
    }
}

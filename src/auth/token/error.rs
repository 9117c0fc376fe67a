//! Refusals in the form of RFC 6749 §5.2, which OAuth clients expect in the place of problems.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{login::LoginError, refresh::RefreshError},
    problem::Problem,
};

/// Why there are no tokens, in OAuth's words; the problem behind it says it in ours, to the log.
pub(crate) struct OAuthError {
    error: &'static str,
    description: &'static str,
    problem: Option<Box<Problem>>,
}

/// The body of a refusal (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthRefusal, example = json!({"error": "invalid_grant", "error_description": "The credentials are wrong"}))]
pub(crate) struct Refusal {
    /// The word to branch on.
    #[schema(example = "invalid_grant")]
    error: &'static str,
    /// What is wrong, for developers.
    error_description: &'static str,
}

/// What HTTP itself says of a request, whatever form the body of the answer has. All else is 400 (RFC 6749 §5.2).
const KEPT: [StatusCode; 3] =
    [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::TOO_MANY_REQUESTS];

impl OAuthError {
    /// The request lacks something, or says something twice.
    pub(super) const fn invalid_request(description: &'static str) -> Self {
        Self { error: "invalid_request", description, problem: None }
    }

    /// The grant is none, or is switched off.
    pub(super) const fn unsupported_grant_type() -> Self {
        Self {
            error: "unsupported_grant_type",
            description: "this service does not issue tokens for this grant type",
            problem: None,
        }
    }
}

impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        let error = match problem.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            status if status.is_server_error() => "server_error",
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "invalid_grant",
            _ => "invalid_request",
        };
        Self { error, description: problem.code.entry().title, problem: Some(Box::new(problem)) }
    }
}

impl From<LoginError> for OAuthError {
    fn from(error: LoginError) -> Self {
        Problem::from(error).into()
    }
}

impl From<RefreshError> for OAuthError {
    fn from(error: RefreshError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let status = match &self.problem {
            Some(problem) if problem.status.is_server_error() => problem.status,
            Some(problem) if KEPT.contains(&problem.status) => problem.status,
            _ => StatusCode::BAD_REQUEST,
        };
        let body = Json(Refusal { error: self.error, error_description: self.description });
        let mut response = (status, body).into_response();
        if let Some(problem) = self.problem {
            if let Some(wait) = problem.retry_after_seconds() {
                response.headers_mut().insert(header::RETRY_AFTER, wait.into());
            }
            response.extensions_mut().insert(problem.without_body());
        }
        response
    }
}

//! Problems: every error that leaves the service, in the form of RFC 9457.
//!
//! [`Code`] is the registry of all that can go wrong from a client's point of view: clients branch on it,
//! people read the detail, operators search the request id. A [`Problem`] is what a handler returns; it
//! becomes a body at the edge of the service (`middleware::exception`), where the request's id and path are
//! known. Causes travel inside for the log and never reach the client.

mod document;
mod registry;
pub(crate) mod responses;

use std::{borrow::Cow, error::Error, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{auth::limits::Standing, crypto::Overloaded, database::DatabaseError};
pub use document::document;
pub use registry::{Code, Entry};
pub(crate) use responses::refusals;

/// The media type of every problem (RFC 9457 §3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error on its way to a client.
///
/// Cheap to clone, because it rides in the response's extensions until the edge writes its body.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) code: Code,
    pub(crate) status: StatusCode,
    pub(crate) detail: Option<Cow<'static, str>>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) limit: Option<Box<Standing>>,
    pub(crate) challenge: Challenge,
    pub(crate) cause: Option<Arc<dyn Error + Send + Sync>>,
    pub(crate) form: Form,
}

/// What is wrong with one field of the body. Only 409 and 422 carry them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name in the body.
    #[schema(example = "email")]
    pub field: Cow<'static, str>,
    /// A stable word for programs, such as `missing`, `invalid`, `too_short` or `taken`.
    #[schema(example = "taken")]
    pub code: Cow<'static, str>,
    /// A sentence for people, fit to stand beside the field in a form.
    #[schema(example = "An account with this address exists already.")]
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// Says what is wrong with a field.
    #[must_use]
    pub fn new(field: &'static str, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// What a 401 says in `WWW-Authenticate` (RFC 6750 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// No bearer token was at fault: none was sent, or other credentials were wrong.
    Bearer,
    /// The bearer token itself was refused.
    InvalidToken,
}

/// Who writes the body of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The edge, as a problem.
    Problem,
    /// The handler has written one in the form of another standard; the problem is only for the log.
    Foreign,
}

impl Problem {
    /// A problem with the status that its code has in the registry.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            code,
            status: code.status(),
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            limit: None,
            challenge: Challenge::Bearer,
            cause: None,
            form: Form::Problem,
        }
    }

    /// A bearer token that was refused: always 401, whatever status the code has elsewhere.
    #[must_use]
    pub fn refused_token(code: Code) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, challenge: Challenge::InvalidToken, ..Self::new(code) }
    }

    /// A fault of ours: 500 for the client, the cause for the log.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError).because(cause)
    }

    /// Names the field that is at fault.
    #[must_use]
    pub fn with_error(mut self, error: FieldError) -> Self {
        self.errors.push(error);
        self
    }

    /// Names every field that is at fault.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Says more about this case than the registry says about the code.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says when trying again makes sense; rounded up to whole seconds in `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Says which quota is used up, and until when.
    pub(crate) fn limited(mut self, standing: Standing) -> Self {
        self.limit = Some(Box::new(standing));
        self.retry_after(standing.allowance.reset_after)
    }

    /// The value of `Retry-After`: whole seconds, rounded up, at least one.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// A field that cannot be accepted.
    pub(crate) fn invalid(field: &'static str, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationFailed).with_error(FieldError::new(field, code, message))
    }

    /// The same problem for an answer that has its own body.
    pub(crate) fn without_body(mut self) -> Self {
        self.form = Form::Foreign;
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }
}

/// How long to wait for a dependency that is down: about as long as the breaker before it stays open.
const DEPENDENCY_WAIT: Duration = Duration::from_secs(2);

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Refused { retry_after } => Self::new(Code::ServiceUnavailable).retry_after(retry_after),
            error if error.is_outage() => {
                Self::new(Code::ServiceUnavailable).retry_after(DEPENDENCY_WAIT).because(error)
            }
            error => Self::internal(error),
        }
    }
}

impl From<Overloaded> for Problem {
    fn from(error: Overloaded) -> Self {
        Self::new(Code::Overloaded).retry_after(error.retry_after)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of a problem (RFC 9457 §3.1, with our members `code`, `request_id` and `errors`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// The address of a page that explains the problem and what to do.
    #[schema(format = "uri", example = "http://127.0.0.1:8000/problems/email_taken")]
    pub r#type: String,
    /// What kind of problem this is, in a few words; the same for every occurrence.
    pub title: &'static str,
    /// The HTTP status of the answer.
    #[schema(example = 409, minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong this time, in a sentence.
    pub detail: Cow<'a, str>,
    /// The path that was asked for.
    #[schema(example = "/auth/register")]
    pub instance: &'a str,
    /// The stable word to branch on.
    #[schema(example = "email_taken")]
    pub code: &'static str,
    /// The request's id, to be quoted to whoever runs the service; the log has it too.
    pub request_id: &'a str,
    /// What is wrong with which field; only on 409 and 422.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [FieldError],
}

//! The one place where errors become answers: bodies for problems, words for panics, causes for the log.

use std::{any::Any, borrow::Cow, error::Error, fmt::Write};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use tracing::{error, warn};

use super::exchange::Exchange;
use crate::{
    app::App,
    problem::{Challenge, Form, MEDIA_TYPE, Problem, ProblemBody},
};

/// Writes the body and the headers of a problem, if the answer is one, and logs its cause.
pub(super) fn write_body(response: &mut Response, exchange: &Exchange, app: &App) {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return };
    log(&problem, exchange);
    if problem.form == Form::Foreign {
        return;
    }

    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, challenge(&problem));
    }
    if let Some(wait) = problem.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    // A HEAD is answered like a GET; the connection leaves the body out.
    *response.body_mut() = Body::from(body(&problem, exchange, app));
    response.headers_mut().remove(header::CONTENT_LENGTH);
}

/// What a panic in a handler becomes.
pub(super) fn from_panic(panic: &(dyn Any + Send)) -> Problem {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::internal(format!("panic: {}", words.unwrap_or("without words")))
}

fn body(problem: &Problem, exchange: &Exchange, app: &App) -> Vec<u8> {
    let entry = problem.code.entry();
    let body = ProblemBody {
        r#type: format!("{}/problems/{}", app.public_url, entry.code),
        title: entry.title,
        status: problem.status.as_u16(),
        detail: problem.detail.clone().unwrap_or(Cow::Borrowed(entry.detail)),
        instance: &exchange.path,
        code: entry.code,
        request_id: &exchange.request_id,
        errors: &problem.errors,
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

fn challenge(problem: &Problem) -> HeaderValue {
    match problem.challenge {
        Challenge::Bearer => HeaderValue::from_static("Bearer"),
        Challenge::InvalidToken => HeaderValue::from_static("Bearer error=\"invalid_token\""),
    }
}

/// Logs what the client is not told. A fault of ours is an error, a dependency that is down a warning.
fn log(problem: &Problem, exchange: &Exchange) {
    let Some(cause) = &problem.cause else { return };
    let (request_id, code, cause) = (&exchange.request_id, problem.code.as_str(), chain(&**cause));
    if problem.status == StatusCode::INTERNAL_SERVER_ERROR {
        error!(request_id, code, path = exchange.path, cause, "a request failed");
    } else {
        warn!(request_id, code, path = exchange.path, cause, "a request was refused");
    }
}

/// An error and all that caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

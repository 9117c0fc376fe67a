//! The gate: what is refused before any route is looked for.
//!
//! Requests that are no good HTTP, that came in the clear where they must not, or that announce more than anybody would
//! read. It looks at the head alone.

use axum::{
    body::HttpBody,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, uri::Authority},
    response::{IntoResponse, Response},
};

use super::exchange::Exchange;
use crate::{
    app::App,
    problem::{Code, Problem},
};

/// The answer to a request that goes no further.
pub(super) fn refusal(request: &Request, exchange: &Exchange, app: &App) -> Option<Response> {
    if !is_addressed(request) {
        return Some(Problem::new(Code::MalformedRequest).with_detail(NOT_ADDRESSED).into_response());
    }
    if exchange.needs_https && !is_health(&exchange.path) {
        return Some(to_https(request, app));
    }
    let limit = u64::from(app.config.http.max_body_bytes);
    if request.body().size_hint().lower() > limit && !speaks_oauth(&exchange.path) {
        return Some(Problem::new(Code::BodyTooLarge).into_response());
    }
    None
}

const NOT_ADDRESSED: &str = "The request needs exactly one Host header, with a host in it.";

/// Whether a request says once to which host it goes (RFC 9112 §3.2): two could be two for whoever stands in front.
fn is_addressed(request: &Request) -> bool {
    if request.version() != Version::HTTP_11 {
        return true;
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(|host| is_host(&host)),
        _ => false,
    }
}

fn is_host(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
}

/// Checks of balancers come in the clear, from inside, and an answer that leads elsewhere counts as healthy with some of
/// them and as ill with others. What they are told is no secret.
pub(super) fn is_health(path: &str) -> bool {
    path == "/health" || path.starts_with("/health/")
}

/// Sends a reader to the https address. Whatever carries a secret or changes something is refused instead: if it were
/// carried on, nobody would notice that it travels in the clear each time (ASVS 5.0 §4.1.2).
fn to_https(request: &Request, app: &App) -> Response {
    let is_reader = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    // Built from the setting, never from what the client calls us.
    let address = HeaderValue::from_str(&format!("{}{path}", app.public_url));
    match address {
        Ok(address) if is_reader && !carries_secret(request.headers()) => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, address)]).into_response()
        }
        Ok(_) | Err(_) => Problem::new(Code::HttpsRequired).into_response(),
    }
}

fn carries_secret(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE)
}

/// These refuse in the form of RFC 6749 §5.2, and read their bodies with the same limit.
fn speaks_oauth(path: &str) -> bool {
    path == "/auth/token" || path.starts_with("/oauth/")
}

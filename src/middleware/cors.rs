//! CORS: which pages of other origins may read the answers (Fetch standard, §3.2).
//!
//! An exact list, `http.cors_origins`; without one no answer has a field of it and nothing is spent. Tokens travel in
//! `Authorization`, which a page sets itself, so no origin is ever allowed to send cookies (`credentials`).

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::config::WebOrigin;

/// What a request has to do with other origins.
pub(super) enum Cors {
    /// None may call, so nobody needs to know.
    Closed,
    /// Some may, and this one may not, or does not say where it comes from.
    Foreign,
    /// It comes from an origin on the list.
    Allowed {
        /// The origin, as it was sent.
        origin: HeaderValue,
        /// Whether a browser asks what it may send.
        is_preflight: bool,
    },
}

impl Cors {
    /// Looks the origin of a request up in the list.
    pub(super) fn of(request: &Request, allowed: &[WebOrigin]) -> Self {
        if allowed.is_empty() {
            return Self::Closed;
        }
        let headers = request.headers();
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return Self::Foreign };
        if !allowed.iter().any(|allowed| allowed.as_str().as_bytes() == origin.as_bytes()) {
            return Self::Foreign;
        }
        let is_preflight =
            request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Self::Allowed { origin: origin.clone(), is_preflight }
    }

    /// Says in the answer, whatever it is, who may read it.
    pub(super) fn settle(self, response: Response) -> Response {
        let mut response = match self {
            Self::Closed => return response,
            Self::Allowed { is_preflight: true, .. } => preflight(response),
            Self::Allowed { is_preflight: false, .. } | Self::Foreign => response,
        };
        let headers = response.headers_mut();
        // Caches must not hand the answer for one origin to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Self::Allowed { origin, .. } = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        response
    }
}

/// What pages may read besides what every page may.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id");

/// What pages may send besides what every page may.
const HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match, Traceparent, X-Request-Id");

/// How long a browser may remember: two hours, the most that Chromium takes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Makes the answer to a preflight of what the router says to OPTIONS: that the method does not fit, and which do.
fn preflight(answer: Response) -> Response {
    let methods = match (answer.status(), answer.headers().get(header::ALLOW)) {
        (StatusCode::METHOD_NOT_ALLOWED, Some(methods)) => methods.clone(),
        _ => return answer,
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.append(header::VARY, QUESTION);
    (StatusCode::NO_CONTENT, headers).into_response()
}

const QUESTION: HeaderValue = HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers");

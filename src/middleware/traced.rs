//! The span of a request, by the semantic conventions of OpenTelemetry for HTTP servers.
//!
//! Of what the client has sent it names the method, if it is one of HTTP, and the template of the route: whatever stands
//! in a path, a query or a field could be a secret, and paths with an id in them would be a series of their own each.

use axum::http::{HeaderMap, Method, StatusCode};

use super::exchange::Exchange;
use crate::traces::{Span, TraceParent};

/// What the caller says of the trace that its request belongs to. Two answers are none.
pub(super) fn caller(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    TraceParent::parse(value.to_str().ok()?)
}

/// Ends the span of a request that was answered. What went wrong is the server's own fault or none: a refusal is an
/// answer.
pub(super) fn end(span: Option<Span>, exchange: &Exchange, status: StatusCode) {
    let Some(mut span) = span else { return };
    describe(&mut span, exchange);
    span.say("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
}

/// Ends the span of a request whose client left before it was answered.
pub(super) fn end_gone(span: Option<Span>, exchange: &Exchange) {
    let Some(mut span) = span else { return };
    describe(&mut span, exchange);
    span.say("error.type", "client_gone");
}

fn describe(span: &mut Span, exchange: &Exchange) {
    let method = method(&exchange.method);
    span.say("http.request.method", method);
    span.say("url.scheme", if exchange.is_https { "https" } else { "http" });
    // A span without a known method is called HTTP, as the conventions have it.
    let verb = if method == OTHER { "HTTP" } else { method };
    match exchange.route() {
        Some(route) => {
            span.name(format!("{verb} {route}"));
            span.say("http.route", route.to_owned());
            if exchange.path == route {
                span.say("url.path", route.to_owned());
            }
        }
        None => span.name(verb),
    }
}

/// What stands for methods that are not HTTP's: they are whatever a client makes up.
const OTHER: &str = "_OTHER";

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
}

//! The access log: one line for each request, when it has been answered.

use axum::http::StatusCode;
use tracing::info;

use super::exchange::Exchange;
use crate::domain::UserId;

/// Writes the line. It says who, what, where and how long, and nothing that a header or a body held.
pub(super) fn record(exchange: &Exchange, status: StatusCode) {
    write(exchange, status.as_u16(), "answered");
}

/// The status of a request whose client left before it was answered, as nginx has it.
pub(super) const GONE: u16 = 499;

/// Writes the line of a request whose client left before it was answered.
pub(super) fn record_gone(exchange: &Exchange) {
    write(exchange, GONE, "the client has gone");
}

fn write(exchange: &Exchange, status: u16, message: &str) {
    info!(
        target: "countersign::access",
        request_id = exchange.request_id,
        trace_id = exchange.trace_id.map(tracing::field::display),
        method = exchange.method.as_str(),
        route = exchange.route(),
        path = exchange.path,
        status,
        latency_ms = exchange.latency_ms(),
        client_ip = %exchange.client.ip(),
        user_id = exchange.user().map(UserId::get),
        session_id = exchange.session().map(tracing::field::display),
        "{message}"
    );
}

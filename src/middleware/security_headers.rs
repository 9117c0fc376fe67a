//! Headers that keep a browser from doing harm with an answer (OWASP Secure Headers, ASVS 5.0 §3.4).
//!
//! A handler that serves a page sets its own `Content-Security-Policy` and `Cache-Control`; every other answer
//! gets the strict ones.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::exchange::Exchange;

/// For answers that are no pages: nothing may be loaded, framed or sent from them.
const POLICY_OF_DATA: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// A year, as ASVS 5.0 §3.4.1 wants.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

pub(super) fn add(headers: &mut HeaderMap, exchange: &Exchange) {
    set(headers, header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(headers, header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(headers, header::CONTENT_SECURITY_POLICY, POLICY_OF_DATA);
    set(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if exchange.is_https {
        set(headers, header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

/// Sets a header unless the handler has.
fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

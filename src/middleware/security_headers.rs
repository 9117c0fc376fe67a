//! Headers that keep a browser from doing harm with an answer (OWASP Secure Headers, ASVS 5.0 §3.4).
//!
//! A handler that serves a page sets its own `Content-Security-Policy` and `Cache-Control`; every other answer
//! gets the strict ones.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::exchange::Exchange;
use crate::app::App;

/// For answers that are no pages: nothing may be loaded, framed or sent from them.
const POLICY_OF_DATA: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// A year, as ASVS 5.0 §3.4.1 wants.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
const HSTS_FOR_THIS_HOST: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Browsers that do not know `frame-ancestors` know this.
const NO_FRAMES: HeaderValue = HeaderValue::from_static("DENY");

/// What CORS allows is not affected: this keeps answers out of pages that ask without it, by an image or a script.
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// A page shares its window with none of another origin.
static OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

pub(super) fn add(headers: &mut HeaderMap, exchange: &Exchange, app: &App) {
    set(headers, header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(headers, header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(headers, header::CONTENT_SECURITY_POLICY, POLICY_OF_DATA);
    set(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set(headers, header::X_FRAME_OPTIONS, NO_FRAMES);
    set(headers, RESOURCE_POLICY.clone(), SAME_ORIGIN);
    if is_page(headers) {
        set(headers, OPENER_POLICY.clone(), SAME_ORIGIN);
    }
    if exchange.is_https {
        let is_wide = app.config.http.hsts_include_subdomains;
        set(headers, header::STRICT_TRANSPORT_SECURITY, if is_wide { HSTS } else { HSTS_FOR_THIS_HOST });
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Sets a header unless the handler has.
fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

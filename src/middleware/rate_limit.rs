//! The fields in which a limited endpoint says how much is left (draft-ietf-httpapi-ratelimit-headers-11):
//! `RateLimit-Policy: "login";q=30;w=60` and `RateLimit: "login";r=29;t=2`.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};

use super::exchange::Exchange;
use crate::{auth::limits::Standing, problem::Problem};

/// What is allowed.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of it.
pub(crate) const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// Says where the quota stands that the request was counted against: that of a problem or of a page comes before what
/// the door has noted.
pub(super) fn add(response: &mut Response, exchange: &Exchange) {
    let extensions = response.extensions();
    let refused = extensions.get::<Problem>().and_then(|problem| problem.limit.as_deref()).or_else(|| extensions.get());
    let Some(Standing { policy, quota, allowance }) = refused.copied().or_else(|| exchange.limit()) else { return };
    let is_refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    if is_refused && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, whole_seconds(allowance.reset_after).max(1).into());
    }
    let name = policy.name();
    let fields = [
        (POLICY, format!("\"{name}\";q={};w={}", quota.limit(), quota.window().as_secs())),
        (REMAINING, format!("\"{name}\";r={};t={}", allowance.remaining, whole_seconds(allowance.reset_after))),
    ];
    for (field, text) in fields {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(field, value);
        }
    }
}

/// Rounded up, as `Retry-After` is: a client that waits so long has not waited too little.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

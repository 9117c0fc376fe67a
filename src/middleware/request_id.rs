//! Request ids: the caller's if it is harmless, else a new one, and the same in the answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::exchange::Exchange;

static HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a caller, in characters.
const LENGTH_MAX: usize = 128;

/// The id for a request with these headers.
pub(super) fn of(headers: &HeaderMap) -> String {
    let given = headers.get(&HEADER).and_then(|value| value.to_str().ok()).filter(|text| is_harmless(text));
    given.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}

/// Says the id in the answer.
pub(super) fn echo(headers: &mut HeaderMap, exchange: &Exchange) {
    if let Ok(value) = HeaderValue::from_str(&exchange.request_id) {
        headers.insert(HEADER.clone(), value);
    }
}

fn is_harmless(text: &str) -> bool {
    (1..=LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_ids_are_taken_from_callers() {
        assert!(is_harmless("a"));
        assert!(is_harmless("0192-req_7.x"));
        assert!(is_harmless(&"a".repeat(128)));
        for id in ["", " ", "a b", "a\"b", "{}", "ä", &"a".repeat(129)] {
            assert!(!is_harmless(id), "{id}");
        }
    }
}

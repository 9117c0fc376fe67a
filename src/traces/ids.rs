//! The names of traces and spans, and how a caller tells which trace its request belongs to (W3C Trace Context).

use std::fmt;

/// Names a trace: 16 bytes, not all zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceId(u128);

impl TraceId {
    pub(super) fn random() -> Self {
        Self(rand::random::<u128>().max(1))
    }

    /// The bytes as they are sent.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// Names a span within its trace: 8 bytes, not all zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpanId(u64);

impl SpanId {
    pub(super) fn random() -> Self {
        Self(rand::random::<u64>().max(1))
    }

    /// The bytes as they are sent.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// What a `traceparent` header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The caller's own span.
    pub span: SpanId,
    /// Whether the caller has this trace recorded.
    pub is_sampled: bool,
}

impl TraceParent {
    /// Reads a header (W3C Trace Context §3.2): version, trace, parent, flags. `None` if it is malformed.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let version = number(version, 2)?;
        let has_more = fields.next().is_some();
        // Later versions may have more fields; the first must not, and 255 is none (§3.2.2.1).
        if version == 0xff || (version == 0 && has_more) {
            return None;
        }
        let (trace, span, flags) = (number(trace, 32)?, number(span, 16)?, number(flags, 2)?);
        let span = u64::try_from(span).ok().filter(|span| *span != 0)?;
        (trace != 0).then_some(Self { trace: TraceId(trace), span: SpanId(span), is_sampled: flags & SAMPLED != 0 })
    }
}

const SAMPLED: u128 = 1;

/// A number of exactly so many digits of lower-case hex.
fn number(field: &str, digits: usize) -> Option<u128> {
    let is_hex = field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(field, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_trace_is_taken_from_a_well_formed_traceparent_only() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            (format!("00-{trace}-00f067aa0ba902b7-01"), Some(true)),
            (format!("00-{trace}-00f067aa0ba902b7-00"), Some(false)),
            (format!("00-{trace}-00f067aa0ba902b7-03"), Some(true)),
            (format!("01-{trace}-00f067aa0ba902b7-01-more"), Some(true)),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), None),
            (format!("00-{trace}-00f067aa0ba902b7-01-"), None),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), None),
            (format!("00-{trace}-0000000000000000-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), None),
            (format!("00-{trace}-00f067aa0ba902b7-1"), None),
            (format!("00-+{}-00f067aa0ba902b7-01", &trace[1..]), None),
            (format!("00-{trace}"), None),
            (String::new(), None),
        ];

        for (header, is_sampled) in cases {
            let parsed = TraceParent::parse(&header);

            assert_eq!(parsed.map(|parsed| parsed.is_sampled), is_sampled, "{header}");
            assert!(parsed.is_none_or(|parsed| parsed.trace.to_string() == trace), "{header}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_header_holds_is_taken_or_not(
            header in prop_oneof![any::<String>(), "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[a-f]{0,3})?"],
        ) {
            if let Some(parsed) = TraceParent::parse(&header) {
                prop_assert_eq!(parsed.trace.to_string(), &header[3..35]);
            }
        }
    }
}

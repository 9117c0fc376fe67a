//! Traces: where they go, and how many there are.

use std::{fmt, time::Duration};

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Config;
use super::public_url::PublicUrl;
use super::section::section;
use super::setting::{Rejected, Setting, Shown};
use crate::traces::Collector;

section! {
    /// Traces for an OpenTelemetry collector: what a request was doing while it was being answered.
    pub struct Traces in "traces" {
        /// The address of the collector for OTLP over HTTP, such as `http://127.0.0.1:4318`; off by default.
        ///
        /// Spans are posted to `/v1/traces` below it, in protobuf. They hold routes, statuses and times, and nothing
        /// that a client has sent. What a collector does not take is given up, never waited for. The variables of
        /// other programs (`OTEL_…`) are not read.
        pub endpoint: Option<PublicUrl> = None;

        /// What else the collector is to be told with each batch, such as a key: `name=value`, separated by commas.
        ///
        /// A comma or a per cent sign in a value is written `%2C` or `%25`. Only over https, or to this machine.
        pub headers: Option<TraceHeaders> = None;

        /// The name of this service in the traces (`service.name`).
        pub service_name: String = "countersign".to_owned();

        /// The share of requests that are traced, from 0 to 1.
        ///
        /// A trusted proxy decides for the requests that it passes on, if it says in `traceparent` whether they are
        /// traced; nobody else does. With 1, a busy node makes more spans than a collector may care to keep.
        pub sample_ratio: SampleRatio = SampleRatio::ALL;

        /// How long the collector may take for one batch, in seconds.
        pub timeout_seconds: u32 = 5, in 1..=60;
    }
}

impl Config {
    /// The collector of traces; `None` if there is none.
    #[must_use]
    pub fn collector(&self) -> Option<Collector> {
        let settings = &self.traces;
        Some(Collector {
            endpoint: settings.endpoint.as_ref()?.as_str().to_owned(),
            headers: settings.headers.iter().flat_map(TraceHeaders::expose).collect(),
            service_name: settings.service_name.clone(),
            sample_ratio: settings.sample_ratio.0,
            deadline: Duration::from_secs(settings.timeout_seconds.into()),
            breaker: (&self.traces_breaker).into(),
        })
    }
}

/// A share from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRatio(f64);

impl SampleRatio {
    const ALL: Self = Self(1.0);
}

impl Setting for SampleRatio {
    fn allowed() -> String {
        "a number from 0 to 1, such as 0.05".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        let ratio = text.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Self).ok_or(Rejected::NotAllowed)
    }

    fn shown(&self) -> Shown {
        Shown::Value(Value::from(self.0))
    }
}

/// Header fields that may hold secrets.
#[derive(Clone)]
pub struct TraceHeaders(Vec<(HeaderName, SecretString)>);

impl TraceHeaders {
    fn read(text: &str) -> Option<Self> {
        let fields = text.split(',').map(str::trim).filter(|field| !field.is_empty());
        let fields: Vec<_> = fields.map(field).collect::<Option<_>>()?;
        (!fields.is_empty()).then_some(Self(fields))
    }

    /// Exposes the fields.
    fn expose(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        // Each value has been one already.
        self.0.iter().filter_map(|(name, value)| Some((name.clone(), header_value(value.expose_secret())?)))
    }
}

fn field(text: &str) -> Option<(HeaderName, SecretString)> {
    let (name, value) = text.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    header_value(&value)?;
    Some((HeaderName::try_from(name.trim()).ok()?, SecretString::from(value.into_owned())))
}

fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for TraceHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TraceHeaders({} hidden)", self.0.len())
    }
}

impl Setting for TraceHeaders {
    fn allowed() -> String {
        "header fields such as name=value, separated by commas".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        // It may hold a key, so it is not repeated.
        Self::read(text).ok_or_else(|| Rejected::Because(format!("must be {}", Self::allowed())))
    }

    fn shown(&self) -> Shown {
        Shown::Hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_never_shown() {
        let headers = TraceHeaders::read(" Authorization=Bearer%20mark=er , x-team = a%2Cb ,").unwrap();

        let exposed: Vec<_> =
            headers.expose().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        assert_eq!(exposed, ["authorization: Bearer mark=er", "x-team: a,b"]);
        let shown = format!("{headers:?} {:?} {:?}", headers.shown(), headers.expose().collect::<Vec<_>>());
        assert!(!shown.contains("mark"), "{shown}");
    }

    #[test]
    fn what_is_no_list_of_fields_is_refused_and_not_repeated() {
        for text in ["", ",", "marker", "=marker", "a b=marker", "a=mar%0D%0Aker", "a=%FFmarker", "a=1,marker"] {
            let Err(Rejected::Because(reason)) = TraceHeaders::parse(text) else { panic!("{text} is taken") };

            assert!(!reason.contains("marker"), "{reason}");
        }
    }

    #[test]
    fn a_ratio_is_a_share_of_the_whole() {
        for (text, is_taken) in
            [("0", true), ("1", true), ("0.001", true), ("-0.1", false), ("1.1", false), ("NaN", false), ("", false)]
        {
            assert_eq!(SampleRatio::parse(text).is_ok(), is_taken, "{text}");
        }
    }
}

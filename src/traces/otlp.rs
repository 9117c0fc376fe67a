//! Spans in the words of OTLP: the messages of `opentelemetry/proto/trace/v1` that are used here, and no others.
//!
//! Field numbers are those of opentelemetry-proto 1.x, which never change. The types that OpenTelemetry publishes for
//! Rust would bring its whole SDK with them; tests read what is sent with those.

use prost::Message;
use uuid::Uuid;

use super::span::{self, Attribute, Kind, Record};

/// Who sends the spans.
#[derive(Clone, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

/// The resource that all spans of this process are of.
pub(super) fn resource(service_name: &str) -> Resource {
    let instance = Uuid::now_v7().hyphenated().to_string();
    let attributes = [
        ("service.name", service_name.to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", instance),
    ];
    Resource { attributes: attributes.into_iter().map(|(name, text)| key_value((name, text.into()))).collect() }
}

/// The body of a request that brings these spans.
pub(super) fn request(resource: &Resource, spans: Vec<Record>) -> Vec<u8> {
    let scope = Scope { name: "countersign".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let spans = ScopeSpans { scope: Some(scope), spans: spans.into_iter().map(span).collect() };
    let spans =
        ResourceSpans { resource: Some(resource.clone()), scope_spans: vec![spans], schema_url: SCHEMA.to_owned() };
    Request { resource_spans: vec![spans] }.encode_to_vec()
}

/// The semantic conventions that names of attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.36.0";

/// How many spans a collector says that it has refused. An answer that makes no sense refuses none.
pub(super) fn refused(answer: &[u8]) -> u64 {
    let answer = Answer::decode(answer).unwrap_or_default();
    answer.partial_success.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or(0)
}

fn span(record: Record) -> Span {
    Span {
        trace: record.trace.to_bytes().to_vec(),
        id: record.span.to_bytes().to_vec(),
        parent: record.parent.map_or_else(Vec::new, |parent| parent.to_bytes().to_vec()),
        flags: SAMPLED,
        name: record.name.into_owned(),
        kind: match record.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        },
        start_time_unix_nano: record.began,
        end_time_unix_nano: record.ended,
        attributes: record.attributes.into_iter().map(key_value).collect(),
        status: record.has_failed.then_some(Status { code: STATUS_ERROR }),
    }
}

fn key_value((key, value): Attribute) -> KeyValue {
    let value = match value {
        span::Value::Text(text) => value::Kind::Text(text.into_owned()),
        span::Value::Number(number) => value::Kind::Number(number),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

const SAMPLED: u32 = 1;
const STATUS_ERROR: i32 = 2;

#[derive(Clone, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

#[derive(Clone, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, Message)]
struct AnyValue {
    #[prost(oneof = "value::Kind", tags = "1, 3")]
    value: Option<value::Kind>,
}

mod value {
    #[derive(Clone, prost::Oneof)]
    pub(super) enum Kind {
        #[prost(string, tag = "1")]
        Text(String),
        #[prost(int64, tag = "3")]
        Number(i64),
    }
}

#[derive(Clone, Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

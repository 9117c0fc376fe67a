//! A collector of traces: it takes what is posted to it, or behaves as badly as it is told to.
//!
//! It reads spans with the types that OpenTelemetry publishes, which are not those that wrote them.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, response::IntoResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::process::PATIENCE;

/// How it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// It takes all spans.
    Takes,
    /// It takes all but one of each batch.
    TakesAllButOne,
    /// It reads and never answers.
    Hangs,
    /// It has no place for anything.
    Refuses,
}

/// A collector that listens. It ends with this value.
pub(crate) struct Collector {
    url: String,
    seen: Arc<Seen>,
    serving: AbortHandle,
}

struct Seen {
    manner: Manner,
    posts: Mutex<Vec<Post>>,
}

/// One request to it.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Collector {
    pub(crate) async fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen { manner, posts: Mutex::default() });
        let router = Router::new().fallback(take).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&seen));
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { url, seen, serving }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All that was posted.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.seen.posts.lock().unwrap().clone()
    }

    /// All spans that were posted, in whatever order.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.posts().into_iter().map(|post| post.read());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The spans, once there are as many of each name as hoped for.
    pub(crate) async fn received(&self, hoped: &[(&str, usize)]) -> Vec<Span> {
        let since = Instant::now();
        loop {
            let spans = self.spans();
            let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
            if hoped.iter().all(|(name, hoped)| count(name) >= *hoped) {
                return spans;
            }
            let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
            assert!(since.elapsed() < PATIENCE, "hoped for {hoped:?}, and there are {names:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Post {
    pub(crate) fn read(&self) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(self.body.clone()).unwrap()
    }
}

/// Attributes by their names; numbers as text.
pub(crate) fn attributes(said: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |said: &KeyValue| match said.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?} is neither a text nor a number"),
    };
    said.iter().map(|said| (said.key.as_str(), text(said))).collect()
}

async fn take(State(seen): State<Arc<Seen>>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    seen.posts.lock().unwrap().push(Post { path: parts.uri.path().to_owned(), headers: parts.headers, body });
    let rejected_spans = match seen.manner {
        Manner::Takes => return (StatusCode::OK, Vec::new()),
        Manner::TakesAllButOne => 1,
        Manner::Hangs => pending().await,
        Manner::Refuses => return (StatusCode::SERVICE_UNAVAILABLE, b"come back later".to_vec()),
    };
    let partial = ExportTracePartialSuccess { rejected_spans, error_message: "one too many".to_owned() };
    (StatusCode::OK, ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec())
}

//! The exporter: a task that gathers spans and posts them to the collector, a batch at a time.
//!
//! OTLP over HTTP (opentelemetry.io/docs/specs/otlp, §OTLP/HTTP), in protobuf. A batch that is not taken is not tried
//! again: by then there is the next one.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderValue},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tracing::warn;

use super::{
    collector::Collector,
    otlp::{self, Resource},
    outlet::{Books, Message},
    span::Record,
};
use crate::{
    circuit_breaker::{CallError, Outage},
    metrics::SpanOutcome,
    outgoing,
};

/// How long spans gather before they are sent, unless half the queue is full sooner. Somebody may be watching, and what
/// has gathered is lost with a process that is killed.
const GATHERING: Duration = Duration::from_secs(1);

/// The most spans in one batch, as the SDKs of OpenTelemetry have it (`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`).
const BATCH: usize = 512;

/// More of an answer is not read: it says how many spans were refused, and why in a sentence.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

pub(super) struct Exporter {
    client: Client,
    url: String,
    deadline: Duration,
    resource: Resource,
    books: Arc<Books>,
}

impl Exporter {
    /// Prepares to post to this collector.
    pub(super) fn to(collector: &Collector, books: Arc<Books>) -> Result<Self, reqwest::Error> {
        let mut headers = collector.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let deadline = collector.deadline;
        let client = outgoing::client(deadline).default_headers(headers).build()?;
        let resource = otlp::resource(&collector.service_name);
        Ok(Self { client, url: format!("{}/v1/traces", collector.endpoint), deadline, resource, books })
    }

    /// Sends until nobody is left who could put anything in the queue.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Message>) {
        while let Some(first) = queue.recv().await {
            let mut batch = Vec::new();
            if let Some(waiting) = self.take(first, &mut batch).await {
                answer(waiting);
            }
            tokio::select! {
                () = sleep(GATHERING) => {}
                () = self.books.pressing.notified() => {}
            }
            while let Ok(message) = queue.try_recv() {
                if let Some(waiting) = self.take(message, &mut batch).await {
                    answer(waiting);
                }
            }
            self.send(&mut batch).await;
        }
    }

    /// Puts a span in the batch, which is sent when it is full or somebody waits for it.
    async fn take(&self, message: Message, batch: &mut Vec<Record>) -> Option<oneshot::Sender<()>> {
        match message {
            Message::Span(record) => {
                batch.push(*record);
                if batch.len() >= BATCH {
                    self.send(batch).await;
                }
                None
            }
            Message::Flush(waiting) => {
                self.send(batch).await;
                Some(waiting)
            }
        }
    }

    async fn send(&self, batch: &mut Vec<Record>) {
        if batch.is_empty() {
            return;
        }
        let batch = std::mem::take(batch);
        let (outcomes, count) = (&self.books.outcomes, u64::try_from(batch.len()).unwrap_or(u64::MAX));
        match self.books.breaker.call_with_deadline(self.deadline, self.post(batch)).await {
            Ok(refused) => {
                let refused = refused.min(count);
                outcomes.add(SpanOutcome::Refused, refused);
                outcomes.add(SpanOutcome::Sent, count - refused);
            }
            Err(error) => {
                outcomes.add(SpanOutcome::Lost, count);
                // Of a refusal the breaker has told, once.
                if !matches!(error, CallError::Rejected(_)) {
                    warn!(%error, spans = count, "the collector of traces did not take a batch; its spans are lost");
                }
            }
        }
    }

    /// Posts a batch; says how many spans of it the collector refused.
    async fn post(&self, batch: Vec<Record>) -> Result<u64, CollectorError> {
        let request = self.client.post(&self.url).body(otlp::request(&self.resource, batch));
        let mut response = request.send().await?;
        if !response.status().is_success() {
            return Err(CollectorError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(CollectorError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(otlp::refused(&body))
    }
}

fn answer(waiting: oneshot::Sender<()>) {
    // Whoever waited may have lost patience.
    let _ = waiting.send(());
}

/// Why the collector has not taken a batch. Each is an outage: nothing else is to be had of it.
#[derive(Debug, thiserror::Error)]
enum CollectorError {
    #[error("the request failed: {}", cause(_0))]
    Transport(#[from] reqwest::Error),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is longer than 64 KiB")]
    TooLong,
}

impl Outage for CollectorError {
    fn is_outage(&self) -> bool {
        true
    }
}

/// What is at the bottom of an error: the first words of reqwest's only say that there is one.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

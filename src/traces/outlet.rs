//! The outlet: a queue of bounded length from those who end spans to the task that sends them.
//!
//! Nobody waits at it: a span that does not fit is dropped and counted. So a collector that is slow or gone costs the
//! service this queue and one batch, whatever happens.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use super::{collector::Collector, span::Record};
use crate::{
    circuit_breaker::Breaker,
    clock::Clock,
    metrics::{Counters, SpanOutcome},
};

/// How many spans may wait: some 4 MiB of them. The SDKs of OpenTelemetry have 2,048 (`OTEL_BSP_MAX_QUEUE_SIZE`), for
/// services that are asked less.
const QUEUE: usize = 8192;

/// Takes spans.
pub(super) struct Outlet {
    queue: mpsc::Sender<Message>,
    books: Arc<Books>,
    /// From 0 to 1.
    ratio: f64,
    clock: Clock,
}

/// What stands in the queue.
pub(super) enum Message {
    /// A span that has ended.
    Span(Box<Record>),
    /// Whoever waits for all before it to be sent.
    Flush(oneshot::Sender<()>),
}

/// The other end: what the task that sends needs.
pub(super) type Exit = (Arc<Books>, mpsc::Receiver<Message>);

/// What both ends know.
pub(super) struct Books {
    pub(super) outcomes: Counters<SpanOutcome>,
    pub(super) breaker: Breaker,
    /// There is enough for a batch, or somebody waits.
    pub(super) pressing: Notify,
}

impl Outlet {
    pub(super) fn new(collector: &Collector, clock: &Clock) -> (Self, mpsc::Receiver<Message>) {
        let (queue, collected) = mpsc::channel(QUEUE);
        let monotonic = clock.clone();
        let books = Books {
            outcomes: Counters::default(),
            breaker: Breaker::new("traces", collector.breaker, move || monotonic.monotonic()),
            pressing: Notify::new(),
        };
        let outlet = Self { queue, books: Arc::new(books), ratio: collector.sample_ratio, clock: clock.clone() };
        (outlet, collected)
    }

    pub(super) fn books(&self) -> &Arc<Books> {
        &self.books
    }

    /// Whether the next trace is one of those that are kept.
    pub(super) fn samples(&self) -> bool {
        rand::random::<f64>() < self.ratio
    }

    /// The wall clock, in nanoseconds since the Unix epoch.
    pub(super) fn now_nanos(&self) -> u64 {
        u64::try_from(self.clock.now().as_unix_millis()).unwrap_or(0).saturating_mul(1_000_000)
    }

    /// Takes a span if there is room.
    pub(super) fn put(&self, record: Box<Record>) {
        if self.queue.try_send(Message::Span(record)).is_err() {
            self.books.outcomes.count(SpanOutcome::Dropped);
        }
        if self.queue.capacity() < QUEUE / 2 {
            self.books.pressing.notify_one();
        }
    }

    /// Takes a message, and waits for room.
    pub(super) async fn send(&self, message: Message) {
        // It fails only after the task has ended, and then nothing is left to send.
        let _ = self.queue.send(message).await;
        self.books.pressing.notify_one();
    }
}

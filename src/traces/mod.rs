//! Traces: what a request was doing while it was being answered, for an OpenTelemetry collector.
//!
//! A [`Span`] is a stretch of work with a name; it is sent off when it is dropped. Whoever does something worth one asks
//! for a [`child`] of what is going on, and gets none where nothing is traced: then that question is all it costs.
//! Nobody waits for the collector. What it does not take is counted and given up.
//!
//! It knows no HTTP, and nothing that a client has sent gets into a span but the ids of its `traceparent`: names and
//! values are words of the sources, templates of routes, and numbers.

mod collector;
#[cfg(feature = "otlp")]
mod exporter;
mod ids;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing sends what it takes"))]
mod outlet;
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing reads what it notes"))]
mod span;

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

pub use self::collector::Collector;
pub use self::ids::{SpanId, TraceId, TraceParent};
pub use self::span::{Attribute, Kind, Span, Value, carried, child, within};

use self::outlet::{Message, Outlet};
use crate::{
    circuit_breaker::{Snapshot, Tally},
    clock::Clock,
    metrics::{Counters, SpanOutcome},
};

/// Where traces go, if they go anywhere. Cheap to clone.
#[derive(Clone)]
pub struct Traces(Option<Arc<Outlet>>);

impl Traces {
    /// Begins to send spans to this collector, by a task of its own; without one traces are off.
    ///
    /// # Errors
    /// When TLS could not be set up, or this program was built without traces.
    pub fn open(collector: Option<&Collector>, clock: &Clock) -> Result<Self, TracesError> {
        let Some(collector) = collector else { return Ok(Self(None)) };
        let (outlet, collected) = Outlet::new(collector, clock);
        start_exporter(collector, (Arc::clone(outlet.books()), collected))?;
        Ok(Self(Some(Arc::new(outlet))))
    }

    /// Begins the span of a request, of which the caller may have said that it belongs to a trace.
    ///
    /// Whoever asks may say which trace it is. Only a caller that `is_trusted` also says whether it is traced: a stranger
    /// who could would fill the collector, or hide from it.
    #[must_use]
    pub fn request(&self, caller: Option<TraceParent>, is_trusted: impl FnOnce() -> bool) -> Option<Span> {
        let outlet = self.0.as_ref()?;
        let is_sampled = match caller {
            Some(caller) if is_trusted() => caller.is_sampled,
            Some(_) | None => outlet.samples(),
        };
        is_sampled.then(|| Span::root(outlet, caller, Kind::Server))
    }

    /// Begins the span of work that nobody waits for.
    #[must_use]
    pub fn work(&self, name: &'static str) -> Option<Span> {
        let outlet = self.0.as_ref().filter(|outlet| outlet.samples())?;
        let mut span = Span::root(outlet, None, Kind::Internal);
        span.name(name);
        Some(span)
    }

    /// Sends what is waiting, for no longer than this.
    pub async fn flush(&self, longest: Duration) {
        let Some(outlet) = &self.0 else { return };
        let (reply, flushed) = oneshot::channel();
        let flushing = async {
            outlet.send(Message::Flush(reply)).await;
            flushed.await
        };
        // What is not sent by then is lost, as it would be with a process that is killed.
        let _ = timeout(longest, flushing).await;
    }

    /// Spans by what became of them; `None` while traces are off.
    #[must_use]
    pub fn outcomes(&self) -> Option<&Counters<SpanOutcome>> {
        self.0.as_ref().map(|outlet| &outlet.books().outcomes)
    }

    /// How the breaker before the collector stands, and what went through it; `None` while traces are off.
    #[must_use]
    pub fn breaker(&self) -> Option<(Snapshot, &Tally)> {
        self.0.as_ref().map(|outlet| (outlet.books().breaker.snapshot(), outlet.books().breaker.tally()))
    }
}

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// TLS cannot be had.
    #[error("{0}")]
    Client(#[from] reqwest::Error),
    /// The program was built without them.
    #[error("this program was built without the feature otlp")]
    NotBuilt,
}

#[cfg(feature = "otlp")]
fn start_exporter(collector: &Collector, (books, spans): outlet::Exit) -> Result<(), TracesError> {
    let exporter = exporter::Exporter::to(collector, books)?;
    tokio::spawn(exporter.run(spans));
    Ok(())
}

#[cfg(not(feature = "otlp"))]
fn start_exporter(_: &Collector, _: outlet::Exit) -> Result<(), TracesError> {
    Err(TracesError::NotBuilt)
}

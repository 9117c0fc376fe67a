//! Spans: begun by whoever does the work, and sent off when they are dropped.

use std::{borrow::Cow, future::Future, sync::Arc, time::Instant};

use super::{
    ids::{SpanId, TraceId, TraceParent},
    outlet::Outlet,
};

/// A stretch of work that goes on. Dropped, it has ended.
pub struct Span {
    place: Arc<Place>,
    /// There until it is sent off. Boxed: a future that may hold a span shall not carry its size where nothing is traced.
    record: Option<Box<Record>>,
}

/// Where in which trace something happens.
struct Place {
    outlet: Arc<Outlet>,
    trace: TraceId,
    span: SpanId,
    /// One moment of this trace by both clocks: the wall clock may be corrected while it goes on.
    began: Instant,
    began_nanos: u64,
}

/// A span as it is sent.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    /// Nanoseconds since the Unix epoch.
    pub(super) began: u64,
    /// Nanoseconds since the Unix epoch.
    pub(super) ended: u64,
    pub(super) attributes: Vec<Attribute>,
    pub(super) has_failed: bool,
}

/// Something that is said of a span.
pub type Attribute = (&'static str, Value);

/// What is said. Never what a client has sent.
#[derive(Debug)]
pub enum Value {
    /// A word of the sources, or the template of a route.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Neither.
    Internal,
    /// It answers one.
    Server,
    /// It makes one, and waits.
    Client,
}

impl Span {
    pub(super) fn root(outlet: &Arc<Outlet>, caller: Option<TraceParent>, kind: Kind) -> Self {
        let place = Place {
            outlet: Arc::clone(outlet),
            trace: caller.map_or_else(TraceId::random, |caller| caller.trace),
            span: SpanId::random(),
            began: Instant::now(),
            began_nanos: outlet.now_nanos(),
        };
        let (span, parent) = (place.span, caller.map(|caller| caller.span));
        Self::begin(Arc::new(place), (span, parent), kind)
    }

    fn begin(place: Arc<Place>, (span, parent): (SpanId, Option<SpanId>), kind: Kind) -> Self {
        let record = Record {
            trace: place.trace,
            span,
            parent,
            name: Cow::Borrowed(""),
            kind,
            began: place.now_nanos(),
            ended: 0,
            attributes: Vec::new(),
            has_failed: false,
        };
        Self { place, record: Some(Box::new(record)) }
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.place.trace
    }

    /// Names it.
    pub fn name(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(record) = &mut self.record {
            record.name = name.into();
        }
    }

    /// Says something of it.
    pub fn say(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(record) = &mut self.record {
            record.attributes.push((name, value.into()));
        }
    }

    /// Says that it failed, by what kind of error.
    pub fn fail(&mut self, kind: impl Into<Value>) {
        self.say("error.type", kind);
        if let Some(record) = &mut self.record {
            record.has_failed = true;
        }
    }

    /// Ends it and begins the next one in its place, of the same kind and below the same span.
    #[must_use]
    pub fn followed_by(self, name: &'static str) -> Self {
        let (parent, kind) = self.record.as_ref().map_or((None, Kind::Internal), |record| (record.parent, record.kind));
        let place = Arc::clone(&self.place);
        drop(self);
        let mut next = Self::begin(place, (SpanId::random(), parent), kind);
        next.name(name);
        next
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        record.ended = self.place.now_nanos();
        self.place.outlet.put(record);
    }
}

impl Place {
    /// Nanoseconds since the Unix epoch, as this trace counts them.
    fn now_nanos(&self) -> u64 {
        let since = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.began_nanos.saturating_add(since)
    }
}

tokio::task_local! {
    static CURRENT: Option<Arc<Place>>;
}

/// Does this work as a part of a span, if there is one: what it asks for as a [`child`] is one of that span.
pub fn within<F: Future>(span: Option<&Span>, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(span.map(|span| Arc::clone(&span.place)), work)
}

/// Does this work, in whatever task it ends up, as a part of the span that this task is a part of.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(CURRENT.try_with(Option::clone).ok().flatten(), work)
}

/// Begins a span below the one that this task is a part of; `None` where nothing is traced.
#[must_use]
pub fn child(name: &'static str, kind: Kind) -> Option<Span> {
    let place = CURRENT.try_with(Option::clone).ok().flatten()?;
    let parent = place.span;
    let mut span = Span::begin(place, (SpanId::random(), Some(parent)), kind);
    span.name(name);
    Some(span)
}

//! Bodies that nobody read to their end: too long, too slow, or of no interest to the answer.
//!
//! What is left of such a body stands before the next request, so the connection is closed after the answer. The answer
//! has to say so: a client that is not told sends its next request into a connection that is going away.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use hyper::body::{Frame, SizeHint};

/// Whether something of a request's body is left.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Option<Arc<AtomicBool>>);

impl Unread {
    /// Watches the body of a request; one without a body costs nothing.
    pub(super) fn watch(request: &mut Request) -> Self {
        if hyper::body::Body::is_end_stream(request.body()) {
            return Self(None);
        }
        let left = Arc::new(AtomicBool::new(true));
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Watched { body, left: Arc::clone(&left) });
        Self(Some(left))
    }

    /// Whether something is left.
    pub(super) fn is_left(&self) -> bool {
        self.0.as_ref().is_some_and(|left| left.load(Ordering::Relaxed))
    }
}

struct Watched {
    body: Body,
    left: Arc<AtomicBool>,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.left.store(false, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

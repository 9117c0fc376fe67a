//! The leave to make one call, and the future that carries it.
//!
//! A permit never gets lost: what is dropped without a verdict is given back.

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Breaker;
use super::state::{Ticket, Verdict};

/// The leave to make one call, from [`Breaker::admit`].
///
/// Say how the call ended with [`settle`](Self::settle). Dropped, it counts as a call that was given up: neither for
/// nor against the dependency, and a probe's place is free again.
#[must_use = "a dropped permit counts as a call that was given up"]
#[derive(Debug)]
pub struct Permit<B: Deref<Target = Breaker>> {
    breaker: B,
    /// `None` once settled.
    ticket: Option<Ticket>,
    started: Duration,
}

impl<B: Deref<Target = Breaker>> Permit<B> {
    pub(super) fn new(breaker: B, ticket: Ticket, started: Duration) -> Self {
        Self { breaker, ticket: Some(ticket), started }
    }

    /// Ends the call. Whether it was slow follows from the time since the permit was given.
    pub fn settle(mut self, verdict: Verdict) {
        self.end(verdict);
    }

    /// Whether this call finds out if the dependency is back.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(self.ticket, Some(Ticket::Probe { .. }))
    }

    /// Ends the call, unless it has ended.
    fn end(&mut self, verdict: Verdict) {
        let Some(ticket) = self.ticket.take() else { return };
        self.breaker.settle(ticket, verdict, self.started);
    }
}

impl<B: Deref<Target = Breaker>> Drop for Permit<B> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.cancel(ticket);
        }
    }
}

pin_project! {
    /// A future under a permit: settled by its output or its panic, given up when dropped.
    pub(super) struct Guarded<F, P, C> {
        #[pin]
        future: F,
        permit: P,
        classify: C,
    }
}

impl<F, P, C> Guarded<F, P, C> {
    pub(super) fn new(future: F, permit: P, classify: C) -> Self {
        Self { future, permit, classify }
    }
}

impl<F, B, C> Future for Guarded<F, Permit<B>, C>
where
    F: Future,
    B: Deref<Target = Breaker>,
    C: Fn(&F::Output) -> Verdict,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut guard = FailOnPanic { permit: this.permit, returned: false };
        let poll = this.future.poll(context);
        guard.returned = true;
        drop(guard);

        let output = ready!(poll);
        this.permit.end((this.classify)(&output));
        Poll::Ready(output)
    }
}

/// Counts a failure if the poll it stands beside does not return.
///
/// To ask `std::thread::panicking` when a permit is dropped would not do: the panic may be a neighbour's.
struct FailOnPanic<'a, B: Deref<Target = Breaker>> {
    permit: &'a mut Permit<B>,
    returned: bool,
}

impl<B: Deref<Target = Breaker>> Drop for FailOnPanic<'_, B> {
    fn drop(&mut self) {
        if !self.returned {
            self.permit.end(Verdict::Failure);
        }
    }
}

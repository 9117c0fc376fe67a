//! The breaker around a tower service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::permit::Guarded;
use super::state::Caller;
use super::{Breaker, CallError, Permit, Rejected, Verdict};

/// Puts a breaker before the services it is given; `classify` says what a result tells of the dependency.
///
/// Readiness is the inner service's: the breaker is asked when the call is made, so that a refusal reaches whoever
/// made it instead of waiting in a queue.
#[derive(Clone, Debug)]
pub struct GuardLayer<C> {
    breaker: Arc<Breaker>,
    classify: C,
}

impl<C> GuardLayer<C> {
    /// All services of one layer share `breaker`.
    pub fn new(breaker: Arc<Breaker>, classify: C) -> Self {
        Self { breaker, classify }
    }
}

impl<S, C: Clone> Layer<S> for GuardLayer<C> {
    type Service = Guard<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Guard { inner, breaker: Arc::clone(&self.breaker), classify: self.classify.clone() }
    }
}

/// A service behind a breaker.
#[derive(Clone, Debug)]
pub struct Guard<S, C> {
    inner: S,
    breaker: Arc<Breaker>,
    classify: C,
}

impl<S, C, Request> Service<Request> for Guard<S, C>
where
    S: Service<Request>,
    C: Fn(&Result<S::Response, S::Error>) -> Verdict + Clone,
{
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = GuardedResponse<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(CallError::Failed)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let answer = match self.breaker.ticket(Caller::Call) {
            Ok((ticket, now)) => {
                let permit = Permit::new(Arc::clone(&self.breaker), ticket, now);
                Answer::Admitted { future: Guarded::new(self.inner.call(request), permit, self.classify.clone()) }
            }
            Err(rejected) => Answer::Refused { rejected },
        };
        GuardedResponse { answer }
    }
}

pin_project! {
    /// The answer of a [`Guard`].
    pub struct GuardedResponse<F, C> {
        #[pin]
        answer: Answer<F, C>,
    }
}

pin_project! {
    #[project = AnswerProjection]
    enum Answer<F, C> {
        Admitted { #[pin] future: Guarded<F, Permit<Arc<Breaker>>, C> },
        Refused { rejected: Rejected },
    }
}

impl<F, C, T, E> Future for GuardedResponse<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Fn(&Result<T, E>) -> Verdict,
{
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().answer.project() {
            AnswerProjection::Admitted { future } => {
                Poll::Ready(ready!(future.poll(context)).map_err(CallError::Failed))
            }
            AnswerProjection::Refused { rejected } => Poll::Ready(Err(CallError::Rejected(*rejected))),
        }
    }
}

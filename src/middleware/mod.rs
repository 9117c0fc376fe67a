//! The edge: what happens to every request around its handler, readable as a list.
//!
//! It is one service written by hand instead of a stack of layers, because each layer would cost about as
//! much as all of this together. It decides nothing about authentication.

mod cors;
pub mod exception;
pub mod exchange;
mod gate;
pub mod logging;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;
mod traced;
mod unread;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Version, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tower::ServiceExt;

use crate::{
    app::App,
    problem::{Code, Problem},
    schemas::AnsweredFor,
    traces::{self, Span},
};
use cors::Cors;
use exchange::{Exchange, Peer};
use unread::Unread;

/// Everything between a connection and the handlers. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    app: Arc<App>,
    router: Router,
}

impl Edge {
    /// Puts the edge around the routes.
    #[must_use]
    pub fn around(router: Router, app: Arc<App>) -> Self {
        Self { app, router }
    }

    /// Answers one request that came from `peer`.
    pub async fn answer(&self, mut request: Request, peer: Peer) -> Response {
        let _in_flight = self.app.metrics.requests.in_flight.enter();
        let (exchange, span) = Exchange::open(&request, peer, &self.app);
        let exchange = Arc::new(exchange);
        request.extensions_mut().insert(Arc::clone(&exchange));

        let unanswered = Unanswered { exchange: &exchange, app: &self.app, span };
        let cors = Cors::of(&request, &self.app.config.http.cors_origins);
        let speaks_http_2 = request.version() == Version::HTTP_2;
        let body = Unread::watch(&mut request);

        let mut response = match gate::refusal(&request, &exchange, &self.app) {
            Some(refusal) => refusal,
            None => traces::within(unanswered.span.as_ref(), self.handle(request)).await,
        };
        let span = unanswered.answered();

        response = cors.settle(response);

        rate_limit::add(&mut response, &exchange);
        exception::write_body(&mut response, &exchange, &self.app);
        security_headers::add(response.headers_mut(), &exchange, &self.app);
        request_id::echo(response.headers_mut(), &exchange);
        // HTTP/2 has no such field: its connections end with a frame, and what is left of a body is its stream's alone.
        if !speaks_http_2 && (self.app.stopping.has_begun() || body.is_left()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(AnsweredFor(user, session)) = response.extensions().get() {
            exchange.note_user(*user, *session);
        }
        count(&self.app, &exchange, response.status().as_u16());
        traced::end(span, &exchange, response.status());
        logging::record(&exchange, response.status());
        response
    }

    /// Runs the handler within the deadline of a request; a panic in it ends as a problem.
    async fn handle(&self, request: Request) -> Response {
        let deadline = self.app.config.http.request_timeout();
        let handled = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        match tokio::time::timeout(deadline, handled).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => exception::from_panic(&*panic).into_response(),
            // The client did its part: what it asked for may or may not have happened.
            Err(_elapsed) => Problem::new(Code::ServiceUnavailable).retry_after(AFTER_TIMEOUT).into_response(),
        }
    }
}

fn count(app: &App, exchange: &Exchange, status: u16) {
    app.metrics.requests.answered(exchange.route(), (exchange.method.as_str(), status), exchange.elapsed());
}

/// When to ask again for what was not answered within its time.
const AFTER_TIMEOUT: Duration = Duration::from_secs(2);

/// A request whose client may leave before it is answered: it has its line in the log all the same.
struct Unanswered<'a> {
    exchange: &'a Exchange,
    app: &'a App,
    span: Option<Span>,
}

impl Unanswered<'_> {
    fn answered(mut self) -> Option<Span> {
        let span = self.span.take();
        std::mem::forget(self);
        span
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        count(self.app, self.exchange, logging::GONE);
        traced::end_gone(self.span.take(), self.exchange);
        logging::record_gone(self.exchange);
    }
}

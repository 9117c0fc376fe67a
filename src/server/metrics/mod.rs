//! The listener for metrics: `GET /metrics`, for whoever can reach its address.
//!
//! It shares no port, no connection and no queue with the service, so it answers while the service is flooded, while it
//! drains, and while the database is gone. It knows one path, and reads no body.

mod gather;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Response, StatusCode, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{app::App, domain::Timestamp, metrics::text::CONTENT_TYPE};

/// How many scrapes may be under way. One or two servers ask, every few seconds; the others wait in the kernel's queue.
const CONNECTIONS: usize = 16;

/// How long a scrape may take to ask.
const ASKING: Duration = Duration::from_secs(5);

/// How long a scrape may take from the first byte to the last: the default of Prometheus (`scrape_timeout`).
const WHOLE: Duration = Duration::from_secs(10);

/// How long to wait when the system has no room for another connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// A listener for metrics that is bound.
pub(super) struct MetricsDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsDoor {
    pub(super) async fn open(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that was bound.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, app: Arc<App>) {
        info!(metrics_address = %self.address, "metrics are served");
        if app.config.metrics.is_exposed() {
            warn!(
                metrics_address = %self.address,
                "metrics are served to anyone who reaches this address; choose a private one with \
                 COUNTERSIGN_METRICS__LISTEN, or have a firewall before it"
            );
        }
        // Asked once, so that it stays the same when somebody corrects the wall clock.
        let started = app.clock.now() - app.clock.monotonic();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            // Never closed, so there is always a place to come.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let app = Arc::clone(&app);
                    tokio::spawn(async move {
                        answer_connection(stream, app, started).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(%error, "a connection for metrics could not be taken");
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

/// Answers the one request of a connection, within the deadlines.
async fn answer_connection(stream: TcpStream, app: Arc<App>, started: Timestamp) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(&request, &app, started);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASKING)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(WHOLE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a scrape broke off"),
        Err(_elapsed) => debug!("a scrape took too long and was cut off"),
    }
}

fn answer(request: &Request<Incoming>, app: &App, started: Timestamp) -> Response<Body> {
    let (status, kind, body) = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => (StatusCode::OK, CONTENT_TYPE, gather::text(app, started)),
        ("/metrics", _) => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET it\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, PLAIN, "there is only /metrics\n".to_owned()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";

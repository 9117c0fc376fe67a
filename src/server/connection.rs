//! Connections: each in a task of its own, from the handshake to the last answer.
//!
//! HTTP/1.1 in the clear and over TLS, HTTP/2 over TLS, as client and server agree in the handshake (ALPN). It knows how
//! long a client is waited for and how much of it there may be, and nothing of what is asked.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::debug;

use super::{
    patience::{Patience, Patient, Pulse},
    tls::{Protocol, Tls},
};
use crate::middleware::{Edge, exchange::Peer};

/// All connections, and what is needed to serve one more.
pub(super) struct Connections {
    guide: Guide,
    /// Dropped receivers are connections that have ended; a change tells the others to.
    told: watch::Sender<()>,
}

#[derive(Clone)]
struct Guide {
    edge: Edge,
    tls: Option<Tls>,
    patience: Patience,
}

impl Connections {
    pub(super) fn new(edge: Edge, tls: Option<Tls>, patience: Patience) -> Self {
        Self { guide: Guide { edge, tls, patience }, told: watch::channel(()).0 }
    }

    /// Serves one more.
    pub(super) fn enter(&self, stream: TcpStream, address: SocketAddr) {
        let (guide, told) = (self.guide.clone(), self.told.subscribe());
        tokio::spawn(async move {
            if let Err(error) = guide.serve(stream, address, told).await {
                debug!(%error, "a connection broke off");
            }
        });
    }

    /// Has every connection end after what it is answering, and waits until all have.
    pub(super) async fn end(self) {
        let _ = self.told.send(());
        self.told.closed().await;
    }
}

impl Guide {
    async fn serve(self, stream: TcpStream, address: SocketAddr, told: watch::Receiver<()>) -> Result<(), Broken> {
        // Small answers must not wait for more to send with them.
        let _ = stream.set_nodelay(true);
        let peer = Peer { ip: address.ip().to_canonical(), speaks_tls: self.tls.is_some() };
        let Some(tls) = &self.tls else { return Ok(self.serve_http_1(stream, peer, told).await?) };
        let handshake = timeout(self.patience.head, tls.accept(stream)).await;
        let (stream, protocol) = handshake.map_err(|_| Broken::Handshake(io::ErrorKind::TimedOut.into()))??;
        match protocol {
            Protocol::Http1 => Ok(self.serve_http_1(stream, peer, told).await?),
            Protocol::Http2 => Ok(self.serve_http_2(stream, peer, told).await?),
        }
    }

    async fn serve_http_1<S>(self, stream: S, peer: Peer, told: watch::Receiver<()>) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let pulse = Pulse::default();
        let stream = TokioIo::new(Patient::new(stream, pulse.clone(), self.patience));
        let service = service_fn(move |request| answer(self.edge.clone(), request, peer, pulse.clone()));
        let connection = http1::Builder::new().header_read_timeout(None).serve_connection(stream, service);
        drive(connection, told, std::future::pending(), Duration::MAX).await
    }

    async fn serve_http_2<S>(self, stream: S, peer: Peer, told: watch::Receiver<()>) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (pulse, patience) = (Pulse::default(), self.patience);
        let idle = is_idle(pulse.clone(), patience);
        let service = service_fn(move |request| answer(self.edge.clone(), request, peer, pulse.clone()));
        let connection = http2_limits().serve_connection(TokioIo::new(stream), service);
        drive(connection, told, idle, patience.head).await
    }
}

/// How much one client of HTTP/2 may keep busy.
fn http2_limits() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        // RFC 9113 §6.5.2 advises no fewer than 100.
        .max_concurrent_streams(100)
        // As much as hyper's parser takes of the head of an HTTP/1.1 request is far more than a token needs.
        .max_header_list_size(16 * 1024)
        // Streams that are opened and reset at once cost us and not the client (CVE-2023-44487): few may be under way.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        // As much as the largest body by default, so that one client cannot make us hold more.
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        // Who has gone without a word is noticed within half a minute.
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

async fn answer(
    edge: Edge,
    request: hyper::Request<Incoming>,
    peer: Peer,
    pulse: Pulse,
) -> Result<Response, Infallible> {
    let _being_answered = pulse.begin();
    Ok(edge.answer(Request::from(request.map(Body::new)), peer).await)
}

/// Serves a connection until it ends, or until it is told to or has been idle: then it is closed in order, with what it
/// is answering answered. One that was idle has `last` for that.
async fn drive<C: GracefulConnection>(
    connection: C,
    mut told: watch::Receiver<()>,
    idle: impl Future<Output = ()>,
    last: Duration,
) -> Result<(), C::Error> {
    let mut connection = pin!(connection);
    let last = tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = told.changed() => Duration::MAX,
        () = idle => last,
    };
    connection.as_mut().graceful_shutdown();
    timeout(last, connection).await.unwrap_or(Ok(()))
}

/// Comes to an end when no request has begun or was being answered for too long: the first one has to be there as soon
/// as a head of HTTP/1.1, because a preface that dribbles holds a socket as well.
async fn is_idle(pulse: Pulse, patience: Patience) {
    let (mut seen, mut since, mut longest) = (0, Instant::now(), patience.head);
    loop {
        sleep((since + longest).saturating_duration_since(Instant::now())).await;
        if pulse.is_busy() || pulse.begun() != seen {
            (seen, since, longest) = (pulse.begun(), Instant::now(), patience.idle);
        } else if since.elapsed() >= longest {
            return;
        }
    }
}

/// Why a connection broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the TLS handshake: {0}")]
    Handshake(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

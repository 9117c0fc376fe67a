//! The service manager: the socket it hands over, what it is told, and the proof of life it asks for.
//!
//! Speaks systemd's protocols (`sd_listen_fds(3)`, `sd_notify(3)`), which others speak too. Where no manager asks for
//! anything, nothing here does anything. It does not know what is served.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use socket2::SockRef;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tracing::warn;

/// A listener that belongs to the service manager, who holds it open from one process to the next.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: TcpListener,
    address: SocketAddr,
}

impl Socket {
    /// Takes the socket that the service manager hands over, if it does.
    ///
    /// Clears what the environment says about it, so call it before there are threads.
    ///
    /// # Errors
    /// [`SocketError`], unless it is one TCP listener.
    pub fn handed_over() -> Result<Option<Self>, SocketError> {
        let mut sockets = ListenFd::from_env();
        match sockets.len() {
            0 => Ok(None),
            1 => sockets.take_tcp_listener(0)?.map(Self::new).transpose(),
            count => Err(SocketError::TooMany(count)),
        }
    }

    fn new(listener: TcpListener) -> Result<Self, SocketError> {
        if !SockRef::from(&listener).is_listener()? {
            return Err(SocketError::NotListening);
        }
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Why what was handed over cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// There are several.
    #[error("the service manager hands over {0} sockets: name one address with ListenStream= in the socket unit")]
    TooMany(usize),
    /// It is a connection, or nobody listens on it.
    #[error("the socket that the service manager hands over is no listener: set Accept=no in the socket unit")]
    NotListening,
    /// It is something else.
    #[error(
        "the service manager hands over no TCP socket: {0}. Name an address and a port with ListenStream= in the \
         socket unit"
    )]
    NotTcp(#[from] io::Error),
}

/// Tells the manager that requests are answered.
pub(super) fn ready() {
    tell(&NotifyState::Ready);
}

/// Tells the manager that the end has begun.
pub(super) fn stopping() {
    tell(&NotifyState::Stopping);
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        warn!(%error, %state, "the service manager could not be told");
    }
}

/// Gives the manager a sign of life twice in each period that it asks for, for as long as the routes answer.
///
/// Run it in the task that takes connections: when that hangs, so does this, and the manager starts the service again.
/// What the service depends on is not asked, because a restart does not bring a database back.
pub(super) async fn reassure(router: Router) -> Infallible {
    let Some(period) = sd_notify::watchdog_enabled() else { return pending().await };
    loop {
        if answers(router.clone(), period / 4).await {
            tell(&NotifyState::Watchdog);
        } else {
            warn!("the service does not answer itself; the service manager gets no sign of life");
        }
        sleep(period / 2).await;
    }
}

async fn answers(router: Router, within: Duration) -> bool {
    let Ok(question) = Request::get("/health/live").body(Body::empty()) else { return false };
    let answer = timeout(within, router.oneshot(question)).await;
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() == StatusCode::OK))
}

//! The door: where connections come in, and how it is shut without turning anybody away who is already inside.
//!
//! Whoever has finished a TCP handshake believes to be connected and sends a request, whether or not this process has
//! taken the connection; closing the listener resets all that wait. So before it is closed nobody new is let
//! into the queue, and whoever is in it is taken.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::warn;

use super::service_manager::Socket;

/// How long to wait when the system has no room for another connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// How many connections may wait to be taken; the system allows fewer if it likes (Linux: `net.core.somaxconn`, 4096).
///
/// The runtime asks for 128. When more come at a time, the kernel drops the handshake of the rest, who try again after
/// a second or two: of 500 that came at once on two cores, one in a hundred waited longer than that (22 November 2026).
const QUEUE: i32 = 4096;

/// How long a handshake that has begun may take to end: a round trip, within a data centre and to spare.
const HANDSHAKE: Duration = Duration::from_millis(200);

/// A listener, the address it is bound to, and who closes it.
pub(super) struct Door {
    listener: TcpListener,
    address: SocketAddr,
    keeper: Keeper,
}

/// Who closes the listener.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Keeper {
    /// This process, so nobody may be left waiting before it.
    Ourselves,
    /// The service manager: whoever waits is served by the next process.
    ServiceManager,
}

impl Door {
    /// Begins to listen. Connections wait in a queue until they are let in.
    pub(super) async fn open(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        // Said a second time, it only sets the length.
        SockRef::from(&listener).listen(QUEUE)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, keeper: Keeper::Ourselves })
    }

    /// Takes over a listener that the service manager has opened.
    pub(super) fn take(socket: Socket) -> io::Result<Self> {
        let address = socket.address();
        let listener = TcpListener::from_std(socket.listener)?;
        Ok(Self { listener, address, keeper: Keeper::ServiceManager })
    }

    /// The address that was bound.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets connections in until `stop` comes to an end; then shuts the door behind the last one, if it is ours to shut.
    pub(super) async fn admit(self, mut enter: impl FnMut(TcpStream, SocketAddr), stop: impl Future<Output = ()>) {
        tokio::select! {
            never = self.keep_open(&mut enter) => match never {},
            () = stop => {}
        }
        // What is done to the socket would be done to the next process.
        if self.keeper == Keeper::ServiceManager {
            return;
        }
        if let Err(error) = refuse_newcomers(&self.listener) {
            warn!(%error, "connections that are made at this moment may be reset");
        }
        tokio::select! {
            never = self.keep_open(&mut enter) => match never {},
            () = sleep(HANDSHAKE) => {}
        }
        while let Some(Ok((stream, peer))) = self.listener.accept().now_or_never() {
            enter(stream, peer);
        }
    }

    async fn keep_open(&self, enter: &mut impl FnMut(TcpStream, SocketAddr)) -> std::convert::Infallible {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => enter(stream, peer),
                Err(error) => {
                    // Out of file descriptors, most likely: those in use come back as requests end.
                    warn!(%error, "a connection could not be taken");
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

/// Has the kernel drop what begins a handshake. The client's kernel sends it again a second later, finds the door shut
/// and is refused, which clients and balancers know to take elsewhere; a reset they would have to report.
#[cfg(target_os = "linux")]
fn refuse_newcomers(listener: &TcpListener) -> io::Result<()> {
    use socket2::SockFilter;

    /// Where the flags of a TCP segment are, and the one that begins a handshake (RFC 9293 §3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    // The classic packet filter of the kernel (Documentation/networking/filter.rst): load a byte, jump if it has a bit,
    // return how much of the packet to keep.
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;

    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(not(target_os = "linux"))]
fn refuse_newcomers(_: &TcpListener) -> io::Result<()> {
    Ok(())
}

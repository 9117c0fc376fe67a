//! Patience: how long a client of HTTP/1.1 is waited for.
//!
//! Three waits differ. A head that has begun, and the first one of a connection, has to be there soon, or a handful of
//! clients that dribble hold every socket. A connection between two requests may rest, because browsers and proxies come
//! back. An answer has to be taken. hyper has one timer for the first two, so they are told apart here, on the bytes
//! that go by. What is read while a request is being answered is its body, which has a deadline of its own.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How many requests a connection has brought, and how many of them have an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse(Arc<Beats>);

#[derive(Debug, Default)]
struct Beats {
    begun: AtomicU32,
    answered: AtomicU32,
}

impl Pulse {
    /// Counts a request that has begun, and its answer when the value is dropped.
    pub(super) fn begin(&self) -> Beat {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Beat(self.clone())
    }

    /// How many requests have begun.
    pub(super) fn begun(&self) -> u32 {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Whether a request is waiting for its answer.
    pub(super) fn is_busy(&self) -> bool {
        self.begun() != self.0.answered.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
pub(super) struct Beat(Pulse);

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a head: from its first byte to its end, and for the first one from the connection on.
    pub(super) head: Duration,
    /// Between two requests, and for a client to take more of its answer.
    pub(super) idle: Duration,
}

/// A stream on which whoever keeps it waiting too long ends it.
pub(super) struct Patient<S> {
    stream: S,
    pulse: Pulse,
    patience: Patience,
    /// When the first byte of a head came, and how many requests had begun by then.
    head_since: Option<(Instant, u32)>,
    /// When the connection was made, or bytes of an answer last went out.
    quiet_since: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, pulse: Pulse, patience: Patience) -> Self {
        Self { stream, pulse, patience, head_since: None, quiet_since: Instant::now(), alarm: None }
    }

    /// Until when a head may be waited for; `None` while a request is being answered.
    fn deadline(&self) -> Option<Instant> {
        let begun = self.pulse.begun();
        match self.head_since {
            _ if self.pulse.is_busy() => None,
            Some((since, before)) if before == begun && begun > 0 => {
                Some(since.max(self.quiet_since) + self.patience.head)
            }
            _ if begun == 0 => Some(self.quiet_since + self.patience.head),
            _ => Some(self.quiet_since + self.patience.idle),
        }
    }

    /// Notes the first byte of a head.
    fn note_bytes(&mut self) {
        let begun = self.pulse.begun();
        let is_known = self.head_since.is_some_and(|(_, before)| before == begun);
        if !is_known && !self.pulse.is_busy() {
            self.head_since = Some((Instant::now(), begun));
        }
    }

    /// Whether it has been waited for long enough; if not, the task is woken then.
    fn is_over(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context).is_ready()
    }

    /// What becomes of an attempt to write: progress is noted, and a client that takes nothing is given up.
    fn written<T>(&mut self, attempt: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        match attempt {
            Poll::Ready(result) => {
                self.quiet_since = Instant::now();
                Poll::Ready(result)
            }
            Poll::Pending if self.is_over(self.quiet_since + self.patience.idle, context) => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                self.note_bytes();
                Poll::Ready(result)
            }
            Poll::Pending => match self.deadline() {
                Some(deadline) if self.is_over(deadline, context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Some(_) | None => Poll::Pending,
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(attempt, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(attempt, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_flush(context) {
            return Poll::Ready(result);
        }
        ready!(self.written(Poll::<io::Result<()>>::Pending, context))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(attempt, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PATIENCE: Patience = Patience { head: Duration::from_secs(5), idle: Duration::from_secs(75) };

    fn connected() -> (Patient<DuplexStream>, DuplexStream, Pulse) {
        let (near, far) = duplex(16);
        let pulse = Pulse::default();
        (Patient::new(near, pulse.clone(), PATIENCE), far, pulse)
    }

    /// How many seconds it waits for a byte before it gives up.
    async fn given_up_after(stream: &mut Patient<DuplexStream>) -> u64 {
        let begun = Instant::now();
        let error = stream.read_u8().await.expect_err("nobody writes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_has_to_come_soon() {
        let (mut stream, mut far, _) = connected();
        tokio::time::sleep(Duration::from_secs(2)).await;
        far.write_u8(b'G').await.unwrap();
        stream.read_u8().await.unwrap();

        assert_eq!(given_up_after(&mut stream).await, 3, "two of the five had gone when its first byte came");
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_a_connection_may_rest_and_a_head_that_has_begun_may_not() {
        let (mut stream, mut far, pulse) = connected();
        drop(pulse.begin());
        stream.write_u8(b'A').await.unwrap();

        tokio::time::sleep(Duration::from_mins(1)).await;
        far.write_u8(b'G').await.unwrap();
        stream.read_u8().await.unwrap();
        let head = given_up_after(&mut stream).await;
        drop(pulse.begin());
        stream.write_u8(b'A').await.unwrap();
        let rest = given_up_after(&mut stream).await;

        assert_eq!((head, rest), (5, 75));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_not_hurried_here() {
        let (mut stream, mut far, pulse) = connected();
        let _being_answered = pulse.begin();
        let late = async {
            tokio::time::sleep(Duration::from_secs(1000)).await;
            far.write_u8(b'{').await.unwrap();
        };

        let (byte, ()) = tokio::join!(stream.read_u8(), late);

        assert_eq!(byte.unwrap(), b'{');
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let (mut stream, _far, pulse) = connected();
        drop(pulse.begin());
        let begun = Instant::now();

        let error = stream.write_all(&[0; 17]).await.expect_err("there is room for sixteen");

        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, 75));
    }
}

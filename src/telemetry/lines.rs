//! Lines on their way to the output, which a thread of their own writes.
//!
//! Whoever has a line never waits for the output: a terminal or a pipe that does not drain must not hold up a request.
//! What does not fit is given up and counted. Nothing is known here of what a line says.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait to be written: a disk may pause for a second at 16,000 requests a second.
const WAITING: usize = 5 << 20;
/// How long the thread lets lines gather after the first. Waking it costs 1.5 µs on the thread of a request, so that at
/// 30,000 lines a second a wake for each of them would be a tenth of all work; people and collectors do not notice 5 ms.
const GATHERING: Duration = Duration::from_millis(5);
/// What a buffer may keep of its memory after a busy moment.
const KEPT: usize = 64 << 10;

/// Takes lines.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Told of the first line of a buffer, and of the end.
    changed: Condvar,
    given_up: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Lines {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn written_to(output: impl Write + Send + 'static) -> io::Result<(Self, Guard)> {
        let shared =
            Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new(), given_up: AtomicUsize::new(0) });
        let lines = Self(Arc::clone(&shared));
        let (until_the_end, ended) = mpsc::channel();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            let _until_the_end: mpsc::Sender<()> = until_the_end;
            shared.write_to(output);
        })?;
        Ok((lines.clone(), Guard { lines, ended }))
    }

    /// How many lines did not fit.
    pub(super) fn given_up(&self) -> usize {
        self.0.given_up.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until the end, a buffer at a time.
    fn write_to(&self, mut output: impl Write) {
        let mut bytes = Vec::new();
        while self.swap(&mut bytes) {
            // Whoever read the log has gone: there is nobody left to tell.
            let _unread = output.write_all(&bytes).and_then(|()| output.flush());
            bytes.clear();
            bytes.shrink_to(KEPT);
        }
    }

    /// Waits for lines, and exchanges an empty buffer for them; false at the end, when there are none.
    fn swap(&self, bytes: &mut Vec<u8>) -> bool {
        let is_idle = |waiting: &mut Waiting| waiting.bytes.is_empty() && !waiting.is_over;
        let waiting = self.changed.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.changed.wait_timeout_while(waiting, GATHERING, |waiting| !waiting.is_over);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut waiting.bytes, bytes);
        !bytes.is_empty()
    }
}

/// One line is one call, because each event is formatted before it is written.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        if waiting.bytes.len() + line.len() > WAITING {
            self.0.given_up.fetch_add(1, Ordering::Relaxed);
            return Ok(line.len());
        }
        let is_first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.0.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Keeps the log going. Dropped, it waits until what there is has been written, for a second at most: an output that
/// does not drain must not keep a process from ending.
#[must_use = "dropped, the log ends"]
pub struct Guard {
    lines: Lines,
    /// Nothing is ever sent; the thread drops the other end.
    ended: mpsc::Receiver<()>,
}

/// How long the end of the log may take.
const END: Duration = Duration::from_secs(1);

impl Drop for Guard {
    fn drop(&mut self) {
        self.lines.0.lock().is_over = true;
        self.lines.0.changed.notify_one();
        let _ended_or_late = self.ended.recv_timeout(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that takes a buffer only when it is told to.
    struct Slow {
        may_take: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _closed = self.may_take.recv();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Lines, Guard, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let (let_go, may_take) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (lines, guard) = Lines::written_to(Slow { may_take, taken: Arc::clone(&taken) }).unwrap();
        (lines, guard, let_go, taken)
    }

    #[test]
    fn what_was_said_before_the_end_is_written_in_order() {
        let (lines, guard, let_go, taken) = slow();
        drop(let_go);
        for number in 0..10_000 {
            writeln!(&lines, "{number}").unwrap();
        }

        drop(guard);

        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        assert!(text.lines().eq((0..10_000).map(|number| number.to_string())));
        assert_eq!(lines.given_up(), 0);
    }

    #[test]
    fn an_output_that_does_not_drain_costs_lines_and_no_time() {
        let (lines, guard, let_go, taken) = slow();
        let line = [b'x'; 1024];
        // Two buffers: the one that the output does not take, and the one that fills meanwhile.
        for _ in 0..3 * WAITING / line.len() {
            assert_eq!((&lines).write(&line).unwrap(), line.len());
        }
        assert!(lines.given_up() >= WAITING / line.len(), "{}", lines.given_up());

        drop(let_go);
        drop(guard);

        let kept = 3 * WAITING / line.len() - lines.given_up();
        assert_eq!(taken.lock().unwrap().len(), kept * line.len(), "whatever was not given up is written, whole");
    }

    #[test]
    fn an_output_that_never_drains_does_not_keep_the_process() {
        let (lines, guard, let_go, _) = slow();
        writeln!(&lines, "hello").unwrap();

        drop(guard);

        drop(let_go);
    }
}

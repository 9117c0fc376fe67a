//! Threads that do nothing but bcrypt, and the queue before them.
//!
//! Hashing never runs on an async thread and never takes a core from one: the threads are as nice as can be. The
//! queue is bounded by time, not by length: what could not be done in time is refused at once. It knows keys,
//! salts and costs; it does not know whose they are, nor which answer is right.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::oneshot;

use super::hash_job::{Digest, Job, Key};

/// Why nothing was hashed: the queue is as long as it may get.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many passwords are waiting to be hashed; try again in {retry_after:?}")]
pub struct Overloaded {
    /// When there should be room again, in whole seconds, at least one.
    pub retry_after: Duration,
}

/// The threads and their queue. Dropping it lets the threads end after the hash at hand.
pub(super) struct HashPool(Arc<Shared>);

impl HashPool {
    /// Starts the threads, and measures once how fast this machine hashes.
    ///
    /// # Errors
    /// The operating system's, if it gives no thread.
    pub(super) fn start(threads: u32, longest_wait: Duration) -> io::Result<Self> {
        let queue = Queue { pace: Pace::measured(), ..Queue::default() };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), arrived: Condvar::new(), threads, longest_wait });
        let pool = Self(Arc::clone(&shared));
        for number in 0..threads {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("hash-{number}")).spawn(move || work(&shared))?;
        }
        Ok(pool)
    }

    /// Waits in the queue and for the hash. Dropping the future gives the place away.
    ///
    /// # Errors
    /// [`Overloaded`], at once, if the hash could not be done within the longest wait.
    pub(super) async fn run(&self, job: Job) -> Result<Digest, Overloaded> {
        let (reply, answer) = oneshot::channel();
        let ticket = self.0.queue().admit(Waiting { job, reply }, &self.0)?;
        self.0.arrived.notify_one();
        let _place = Place { shared: &self.0, ticket };
        // No answer comes only from a thread that has died.
        answer.await.map_err(|_| Overloaded { retry_after: SHORTEST_RETRY })
    }

    /// How many jobs wait for a thread.
    pub(super) fn waiting(&self) -> usize {
        self.0.queue().waiting.len()
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_closed = true;
        queue.waiting.clear();
        self.0.arrived.notify_all();
    }
}

/// Told to clients at least: `Retry-After` has whole seconds.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    threads: u32,
    longest_wait: Duration,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every step under the lock leaves the queue whole: a panic elsewhere in a thread is no reason to stop.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waiting {
    job: Job,
    reply: oneshot::Sender<Digest>,
}

#[derive(Default)]
struct Queue {
    /// By ticket: first come, first served, and quick to leave.
    waiting: BTreeMap<u64, Waiting>,
    next_ticket: u64,
    /// Work of the jobs that wait or run, in rounds.
    rounds_ahead: u64,
    pace: Pace,
    is_closed: bool,
}

impl Queue {
    fn admit(&mut self, waiting: Waiting, shared: &Shared) -> Result<u64, Overloaded> {
        let rounds = waiting.job.rounds();
        let done_in = self.pace.time(self.rounds_ahead) / shared.threads.max(1) + self.pace.time(rounds);
        // An idle pool takes any job: were it refused on a pace measured in a bad moment, no better one would
        // ever be measured.
        let is_idle = self.rounds_ahead == 0;
        if !is_idle && done_in > shared.longest_wait {
            let seconds = done_in.saturating_sub(shared.longest_wait).as_secs().saturating_add(1);
            return Err(Overloaded { retry_after: Duration::from_secs(seconds) });
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.rounds_ahead += rounds;
        self.waiting.insert(ticket, waiting);
        Ok(ticket)
    }

    /// Gives the place of a job away that has not begun.
    fn leave(&mut self, ticket: u64) {
        if let Some(gone) = self.waiting.remove(&ticket) {
            self.rounds_ahead = self.rounds_ahead.saturating_sub(gone.job.rounds());
        }
    }

    fn finish(&mut self, rounds: u64, took: Duration) {
        self.rounds_ahead = self.rounds_ahead.saturating_sub(rounds);
        self.pace.learn(rounds, took);
    }
}

/// A place in the queue, given away when its future is dropped.
struct Place<'a> {
    shared: &'a Shared,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.queue().leave(self.ticket);
    }
}

/// How fast one thread hashes, in nanoseconds a round, as seen lately.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Pace {
    nanos: u64,
}

impl Pace {
    /// The weight of the past against one new measurement: a change is believed after about eight hashes.
    const MEMORY: u64 = 7;

    /// Hashes once at a cost that takes about four milliseconds.
    fn measured() -> Self {
        let job = Job { key: Key::cut(b"pace"), salt: [0; 16], cost: 6, padding: 0..0 };
        let began = Instant::now();
        std::hint::black_box(job.compute());
        Self { nanos: nanos_a_round(job.rounds(), began.elapsed()) }
    }

    fn time(self, rounds: u64) -> Duration {
        Duration::from_nanos(rounds.saturating_mul(self.nanos))
    }

    fn learn(&mut self, rounds: u64, took: Duration) {
        let seen = nanos_a_round(rounds, took);
        self.nanos = self.nanos.saturating_mul(Self::MEMORY).saturating_add(seen) / (Self::MEMORY + 1);
    }
}

fn nanos_a_round(rounds: u64, took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / rounds.max(1)
}

/// The life of a hashing thread.
fn work(shared: &Shared) {
    be_nice();
    while let Some(Waiting { job, reply }) = next(shared) {
        let began = Instant::now();
        let digest = job.compute();
        shared.queue().finish(job.rounds(), began.elapsed());
        // Whoever asked may have gone meanwhile: then nobody is to be told.
        let _ = reply.send(digest);
    }
}

/// Waits for a job; none comes any more once the pool is dropped.
fn next(shared: &Shared) -> Option<Waiting> {
    let mut queue = shared.queue();
    loop {
        if queue.is_closed {
            return None;
        }
        if let Some((_, waiting)) = queue.waiting.pop_first() {
            return Some(waiting);
        }
        queue = shared.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Gives way to whatever else wants this core: requests that need no hash then do not wait for those that do
/// (measured: p99 of 500 requests a second with both cores hashing 4 to 93 ms at nice 0, 0.4 to 0.9 ms at 19).
fn be_nice() {
    // On Linux "this process" means the calling thread; elsewhere it would slow all of us down.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::warn!(%error, "hashing threads could not be given the lowest priority");
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn job(cost: u8) -> Job {
        Job { key: Key::cut(b"a"), salt: [7; 16], cost, padding: 0..0 }
    }

    #[tokio::test]
    async fn what_cannot_be_done_in_time_is_refused_at_once() {
        let pool = HashPool::start(1, Duration::ZERO).unwrap();

        let (first, second) = tokio::join!(pool.run(job(12)), pool.run(job(4)));

        assert!(first.is_ok(), "an idle pool takes any job");
        assert!(second.is_err_and(|refused| refused.retry_after >= SHORTEST_RETRY));
        assert!(pool.run(job(4)).await.is_ok(), "there is room again");
    }

    #[tokio::test]
    async fn a_dropped_future_frees_its_place() {
        let pool = HashPool::start(1, Duration::from_hours(1)).unwrap();
        let mut running = Box::pin(pool.run(job(13)));
        assert!((&mut running).now_or_never().is_none());
        let mut waiting = Box::pin(pool.run(job(16)));
        assert!((&mut waiting).now_or_never().is_none());
        let ahead = pool.0.queue().rounds_ahead;

        drop(waiting);

        assert_eq!(pool.0.queue().rounds_ahead, ahead - (1 << 16));
        assert!(running.await.is_ok());
        assert_eq!((pool.waiting(), pool.0.queue().rounds_ahead), (0, 0));
    }

    #[tokio::test]
    async fn all_that_is_admitted_is_answered() {
        let pool = HashPool::start(2, Duration::from_hours(1)).unwrap();

        let digests = futures_util::future::join_all((0..50).map(|_| pool.run(job(4)))).await;

        let expected = job(4).compute();
        assert!(digests.iter().all(|digest| *digest == Ok(expected)));
        assert_eq!(pool.0.queue().rounds_ahead, 0);
    }

    #[tokio::test]
    async fn threads_end_with_their_pool() {
        let pool = HashPool::start(2, Duration::from_hours(1)).unwrap();
        let shared = Arc::downgrade(&pool.0);
        assert!(pool.run(job(4)).await.is_ok());

        drop(pool);

        while shared.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn the_wait_is_foretold_from_pace_queue_and_threads() {
        let mut queue = Queue { pace: Pace { nanos: 1_000_000 }, rounds_ahead: 4_000, ..Queue::default() };
        let shared = |longest_wait| Shared {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            threads: 2,
            longest_wait: Duration::from_millis(longest_wait),
        };
        let mut admit = |longest_wait| {
            let (reply, _) = oneshot::channel();
            queue.admit(Waiting { job: job(4), reply }, &shared(longest_wait))
        };

        // 4 s of work on two threads, and 16 ms of its own.
        assert_eq!(admit(2_015), Err(Overloaded { retry_after: Duration::from_secs(1) }));
        assert_eq!(admit(500), Err(Overloaded { retry_after: Duration::from_secs(2) }));
        assert_eq!(admit(2_016), Ok(0));
    }

    #[test]
    fn the_pace_follows_what_is_seen() {
        let mut pace = Pace { nanos: 80 };
        pace.learn(16, Duration::from_nanos(16 * 160));
        assert_eq!(pace, Pace { nanos: 90 });
        for _ in 0..100 {
            pace.learn(16, Duration::from_micros(16));
        }
        assert!((990..=1_000).contains(&pace.nanos));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_threads_are_nice() {
        let pool = HashPool::start(1, Duration::ZERO).unwrap();
        assert!(pool.run(job(4)).await.is_ok());

        let nice = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
            let (name, fields) = stat.rsplit_once(") ")?;
            // proc(5): the 19th field; the first two are before the bracket.
            name.contains("(hash-").then(|| fields.split(' ').nth(16).map(str::to_owned))?
        });

        assert!(nice.into_iter().any(|nice| nice == "19"));
    }
}

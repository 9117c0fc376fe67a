//! Threads that do nothing but bcrypt, one for each core, several passwords at a time each.
//!
//! Hashing never runs on an async thread and never takes a core from one: the threads are as nice as can be. Between
//! two slices of about two milliseconds a thread lets in who has arrived and lets go who has left. It knows keys,
//! salts and costs; it does not know whose they are, nor which answer is right.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use bcrypt_lanes::{Cost, Digest, Key};
use tokio::sync::{oneshot, watch};

use super::hash_job::{Begun, Job, Request};
use super::hash_queue::{HashingStats, Overloaded, Pace, Queue, Report};
use super::hash_worker::Worker;
use super::nice::be_nice;
use crate::metrics::{Counters, HashOutcome, Histogram};

/// The threads and their queue. Dropping it lets the threads end after the slice at hand.
pub(super) struct HashPool(Arc<Shared>);

impl HashPool {
    /// Starts the threads, and measures once how fast this machine hashes.
    ///
    /// # Errors
    /// The operating system's, if it gives no thread.
    pub(super) fn start(threads: u32, longest_wait: Duration) -> io::Result<Self> {
        let promised = longest_wait * PROMISED / 3;
        let desk = Desk { queue: Queue::new(threads, promised, measured_pace()), is_closed: false };
        let pool = Self(Arc::new(Shared {
            longest_wait,
            desk: Mutex::new(desk),
            arrived: Condvar::new(),
            given_up: watch::Sender::new(false),
            tally: HashTally::default(),
        }));
        for (number, _) in (0..threads).enumerate() {
            let shared = Arc::clone(&pool.0);
            thread::Builder::new().name(format!("hash-{number}")).spawn(move || work(&shared, number))?;
        }
        Ok(pool)
    }

    /// Takes a place in the queue for a hash of about this cost.
    ///
    /// # Errors
    /// [`Overloaded`] if the hash could not be done within the longest wait.
    pub(super) fn place(&self, cost: Cost) -> Result<Place, Overloaded> {
        let refused = |_: &Overloaded| self.0.tally.hashes.count(HashOutcome::Refused);
        let ticket = self.0.desk().queue.admit(cost.rounds().into()).inspect_err(refused)?;
        Ok(Place { shared: Arc::clone(&self.0), ticket, begun: Begun::default(), outcome: None })
    }

    /// Has everybody told to come back later who still waits for a hash, and whoever comes from now on.
    pub(super) fn give_up(&self) {
        self.0.given_up.send_replace(true);
    }

    /// All hashes since the start.
    pub(super) fn tally(&self) -> &HashTally {
        &self.0.tally
    }

    /// How busy the threads are; rates are in hashes of this cost.
    pub(super) fn stats(&self, cost: Cost) -> HashingStats {
        self.0.desk().queue.stats(cost)
    }
}

/// How much of the longest wait is given away, in thirds. The rest is for a machine that becomes slower after it has
/// promised, as a flood itself makes it: whoever is refused then has waited the whole time in vain (measured with 64
/// logins at once beside compilers: with all of it given away, 8 % of the refusals came after ten seconds).
const PROMISED: u32 = 2;

impl Drop for HashPool {
    fn drop(&mut self) {
        self.0.desk().is_closed = true;
        self.0.arrived.notify_all();
    }
}

/// All hashes since the start, for metrics.
#[derive(Debug)]
pub struct HashTally {
    /// Hashes by how they ended.
    pub hashes: Counters<HashOutcome>,
    /// How long they waited for a lane.
    pub waits: Histogram,
}

impl Default for HashTally {
    fn default() -> Self {
        Self { hashes: Counters::default(), waits: Histogram::of_latencies() }
    }
}

/// What the threads share.
struct Shared {
    /// What takes longer is refused.
    longest_wait: Duration,
    desk: Mutex<Desk>,
    /// Wakes a thread that has nothing to do. The others look at the desk after each slice.
    arrived: Condvar,
    /// Whether nobody is to wait any longer.
    given_up: watch::Sender<bool>,
    tally: HashTally,
}

struct Desk {
    queue: Queue,
    is_closed: bool,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Every step under the lock leaves the queue whole: a panic elsewhere in a thread is no reason to stop.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue. Dropping it, or the future of its [`hash`](Place::hash), gives it away: in the queue at once,
/// in a lane after the slice at hand.
pub(super) struct Place {
    shared: Arc<Shared>,
    ticket: u64,
    begun: Begun,
    /// As what it is counted when it is given away, once there was something to hash.
    outcome: Option<HashOutcome>,
}

impl Place {
    /// Tells when a lane takes the job.
    pub(super) fn begun(&self) -> Begun {
        self.begun.clone()
    }

    /// Waits in the queue and for the hash.
    ///
    /// # Errors
    /// [`Overloaded`] if it was not done within the longest wait after all, or before the pool gave up.
    pub(super) async fn hash(mut self, job: Job) -> Result<Digest, Overloaded> {
        let (reply, answer) = oneshot::channel();
        let request = Request { begun: self.begun(), ..Request::new(job, reply) };
        self.outcome = Some(HashOutcome::Abandoned);
        self.shared.desk().queue.join(self.ticket, request);
        self.shared.arrived.notify_one();
        // Admission estimates; this holds it to its word, also on a machine that has become slower since.
        let answer = tokio::time::timeout(self.shared.longest_wait, answer);
        let mut given_up = self.shared.given_up.subscribe();
        let answer = tokio::select! {
            // No answer within the time, or none at all, which comes only from a thread that has died.
            answer = answer => answer.ok().and_then(Result::ok),
            _ = given_up.wait_for(|given_up| *given_up) => None,
        };
        self.outcome = Some(answer.map_or(HashOutcome::Late, |_| HashOutcome::Hashed));
        answer.ok_or(Overloaded { retry_after: Overloaded::SHORTEST_RETRY })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.desk().queue.leave(self.ticket);
        if let Some(outcome) = self.outcome {
            self.shared.tally.hashes.count(outcome);
        }
    }
}

/// How long an arrival waits for its lane at most, in rounds: about two milliseconds.
const SLICE: u32 = 32;

/// The life of a hashing thread.
fn work(shared: &Shared, number: usize) {
    be_nice();
    let mut worker = Worker::default();
    while let Some(arrivals) = arrivals(shared, number, worker.busy_lanes()) {
        for request in arrivals {
            shared.tally.waits.record(request.asked.elapsed());
            worker.start(request);
        }

        let lanes = worker.busy_lanes();
        let began = Instant::now();
        let (rounds, answers) = worker.advance(SLICE);
        let took = began.elapsed();

        let no_longer_wanted = worker.forget_the_gone();
        let report = Report { lanes, rounds, took, no_longer_wanted };
        shared.desk().queue.note(number, report, worker.busy_lanes());
        for (reply, digest) in answers {
            // Whoever asked may have gone meanwhile: then nobody is to be told.
            let _ = reply.send(digest);
        }
    }
}

/// Takes what has arrived for this thread. Waits for it if no lane is busy; ends once the pool is dropped.
fn arrivals(shared: &Shared, number: usize, busy_lanes: usize) -> Option<Vec<Request>> {
    let mut desk = shared.desk();
    loop {
        if desk.is_closed {
            return None;
        }
        let arrivals: Vec<_> = std::iter::from_fn(|| desk.queue.next_for(number)).collect();
        if busy_lanes > 0 || !arrivals.is_empty() {
            return Some(arrivals);
        }
        desk = shared.arrived.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Hashes a few milliseconds with all lanes of one thread and believes the fastest half of a millisecond: on a busy
/// machine the others say who else had the core, and the first logins would be refused for that.
fn measured_pace() -> Pace {
    const LOOK: u32 = SLICE / 4;
    let mut worker = Worker::default();
    for _ in 0..Worker::LANES {
        let job = Job { key: Key::from_truncated(b"pace"), salt: [0; 16], cost: Cost::MAX, as_long_as: Cost::MAX };
        worker.start(Request::new(job, oneshot::channel().0));
    }
    let mut fastest = Duration::MAX;
    for _ in 0..8 {
        let began = Instant::now();
        worker.advance(LOOK);
        fastest = fastest.min(began.elapsed());
    }
    Pace::new(LOOK, fastest)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};
    use tokio::task::yield_now;

    use super::*;

    /// A hash of about two minutes on a busy thread: no test waits for one.
    const ENDLESS: u8 = 20;

    fn job(cost: u8) -> Job {
        let cost = Cost::new(cost).unwrap();
        Job { key: Key::from_truncated(b"a"), salt: [7; 16], cost, as_long_as: cost }
    }

    impl HashPool {
        async fn run(&self, job: Job) -> Result<Digest, Overloaded> {
            self.place(job.cost)?.hash(job).await
        }
    }

    fn pool(threads: u32) -> HashPool {
        HashPool::start(threads, Duration::from_hours(1)).unwrap()
    }

    fn stats(pool: &HashPool) -> HashingStats {
        pool.stats(Cost::MIN)
    }

    /// Fills all lanes with hashes that do not end.
    async fn fill(pool: &HashPool) -> Vec<impl Future<Output = Result<Digest, Overloaded>> + Unpin> {
        let mut running: Vec<_> = (0..stats(pool).lanes).map(|_| Box::pin(pool.run(job(ENDLESS)))).collect();
        for one in &mut running {
            assert!(one.now_or_never().is_none());
        }
        while stats(pool).busy_lanes < stats(pool).lanes {
            yield_now().await;
        }
        running
    }

    #[tokio::test]
    async fn what_cannot_be_done_in_time_is_refused_at_once() {
        let pool = HashPool::start(1, Duration::from_secs(1)).unwrap();
        let running = fill(&pool).await;

        let refused = pool.run(job(4)).now_or_never();

        let wait = stats(&pool).wait;
        let retry_after = refused.unwrap().unwrap_err().retry_after;
        assert!(retry_after.abs_diff(wait) < wait / 2, "{retry_after:?}, {wait:?}");
        drop(running);
        while stats(&pool).busy_lanes > 0 {
            yield_now().await;
        }
        assert!(pool.run(job(4)).await.is_ok(), "there is room again");
    }

    #[tokio::test]
    async fn a_place_is_kept_for_who_does_not_know_yet_what_to_hash() {
        let pool = HashPool::start(1, Duration::from_secs(1)).unwrap();
        let cost = Cost::new(ENDLESS).unwrap();
        let places: Vec<_> = (0..stats(&pool).lanes).map(|_| pool.place(cost).unwrap()).collect();

        assert!(pool.place(Cost::MIN).is_err(), "what is announced counts");
        assert_eq!((stats(&pool).busy_lanes, stats(&pool).waiting), (0, 4), "and keeps no lane busy");

        drop(places);
        assert!(pool.run(job(4)).await.is_ok());
        let abandoned = pool.tally().hashes.counts().find(|(outcome, _)| *outcome == HashOutcome::Abandoned);
        assert_eq!(abandoned, Some((HashOutcome::Abandoned, 0)), "there was nothing to hash");
    }

    #[tokio::test]
    async fn a_short_hash_does_not_wait_for_a_long_one() {
        let pool = pool(1);
        let mut long = Box::pin(pool.run(job(ENDLESS)));
        assert!((&mut long).now_or_never().is_none());

        assert!(pool.run(job(4)).await.is_ok());

        assert!((&mut long).now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_goes_makes_room_for_who_waits() {
        let pool = pool(2);
        let mut running = fill(&pool).await;
        let mut waiting = Box::pin(pool.run(job(5)));
        let mut leaving = Box::pin(pool.run(job(5)));
        assert!((&mut waiting).now_or_never().is_none() && (&mut leaving).now_or_never().is_none());
        assert_eq!((stats(&pool).busy_lanes, stats(&pool).waiting), (8, 2));

        drop(leaving);
        assert_eq!(stats(&pool).waiting, 1);
        drop(running.pop());

        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn when_it_gives_up_nobody_waits_any_longer() {
        let pool = pool(1);
        let running = fill(&pool).await;
        let mut waiting = Box::pin(pool.run(job(ENDLESS)));
        assert!((&mut waiting).now_or_never().is_none());

        pool.give_up();

        let later = Err(Overloaded { retry_after: Duration::from_secs(1) });
        assert_eq!(join_all(running).await, [later; 4]);
        assert_eq!((waiting.await, pool.run(job(ENDLESS)).await), (later, later));
        while stats(&pool).busy_lanes > 0 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_came_first_is_first() {
        let pool = pool(1);
        let mut running = fill(&pool).await;
        let order = Mutex::new(Vec::new());
        let numbered = (0..5).map(async |number| {
            assert!(pool.run(job(4)).await.is_ok());
            order.lock().unwrap().push(number);
        });
        let mut waiting = Box::pin(join_all(numbered));
        assert!((&mut waiting).now_or_never().is_none());

        drop(running.pop());
        waiting.await;

        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn staggered_arrivals_of_all_costs_get_what_any_bcrypt_answers() {
        let pool = pool(2);
        let requests = (0_u8..60).map(async |number| {
            for _ in 0..u32::from(number) * 37 % 101 {
                yield_now().await;
            }
            let (cost, salt) = (Cost::new(4 + number % 4).unwrap(), [number; 16]);
            let job = Job { key: Key::from_bytes(&[number, 1]).unwrap(), salt, cost, as_long_as: Cost::of::<6>() };
            let digest = pool.run(job).await.unwrap();
            assert_eq!(digest, bcrypt::bcrypt(cost.get().into(), salt, &[number, 1])[..23]);
        });

        join_all(requests).await;

        let HashingStats { busy_lanes, waiting, wait, hashes_per_second, .. } = stats(&pool);
        assert_eq!((busy_lanes, waiting, wait), (0, 0, Duration::ZERO));
        assert!(hashes_per_second > 0.0);
    }

    #[tokio::test]
    async fn threads_end_with_their_pool() {
        let pool = pool(2);
        let shared = Arc::downgrade(&pool.0);
        drop(fill(&pool).await);

        drop(pool);

        while shared.strong_count() > 0 {
            yield_now().await;
        }
    }
}

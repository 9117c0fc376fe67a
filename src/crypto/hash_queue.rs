//! Who is hashed next, by which thread, and who is told to come back later.
//!
//! The queue is bounded by time, not by length: what could not be done within the longest wait is refused at once.
//! It is plain state: it starts no threads, takes no locks and reads no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use bcrypt_lanes::Cost;

use super::hash_job::Request;
use super::hash_worker::Worker;

/// Why nothing was hashed: the queue is as long as it may get.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many passwords are waiting to be hashed; try again in {retry_after:?}")]
pub struct Overloaded {
    /// When there should be room again, in whole seconds, at least one.
    pub retry_after: Duration,
}

impl Overloaded {
    /// `Retry-After` has whole seconds.
    pub(super) const SHORTEST_RETRY: Duration = Duration::from_secs(1);
}

/// How busy the hashing threads are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HashingStats {
    /// Passwords that can be hashed at a time: four for each thread.
    pub lanes: usize,
    /// Passwords that are being hashed.
    pub busy_lanes: usize,
    /// Passwords that wait for a lane, those included whose requests still ask the database.
    pub waiting: usize,
    /// How long a password would wait for a lane that came now.
    pub wait: Duration,
    /// Passwords of the present cost that all lanes together hash in a second, as seen lately.
    pub hashes_per_second: f64,
}

/// The line before the lanes of all threads.
pub(super) struct Queue {
    /// By ticket: first come, first served, and quick to leave.
    waiting: BTreeMap<u64, Request>,
    /// Tickets of those who do not know yet what is to be hashed, with the rounds that are kept for each.
    held: BTreeMap<u64, u64>,
    next_ticket: u64,
    /// How many lanes each thread has busy.
    busy_lanes: Vec<usize>,
    /// Work left to do for those who hold a ticket, wait or are in a lane, in rounds of one lane.
    rounds_ahead: u64,
    pace: Pace,
    longest_wait: Duration,
}

/// What a thread has done since it asked last.
#[derive(Clone, Copy, Default)]
pub(super) struct Report {
    /// Lanes that were busy.
    pub(super) lanes: usize,
    /// Rounds that each of them went.
    pub(super) rounds: u32,
    /// How long that took.
    pub(super) took: Duration,
    /// Rounds that need not be done because their clients have gone.
    pub(super) no_longer_wanted: u64,
}

impl Queue {
    pub(super) fn new(threads: u32, longest_wait: Duration, pace: Pace) -> Self {
        let busy_lanes = (0..threads).map(|_| 0).collect();
        let (waiting, held) = (BTreeMap::new(), BTreeMap::new());
        Self { waiting, held, next_ticket: 0, busy_lanes, rounds_ahead: 0, pace, longest_wait }
    }

    /// Gives a ticket for so many rounds if they can be done in time. A free lane is given without a question: if the
    /// pace was measured in a bad moment, only hashing corrects it.
    pub(super) fn admit(&mut self, rounds: u64) -> Result<u64, Overloaded> {
        let done_in = self.wait() + self.pace.time(rounds);
        if self.is_full() && done_in > self.longest_wait {
            let too_late = done_in.saturating_sub(self.longest_wait).as_secs_f64().ceil();
            let retry_after = Duration::try_from_secs_f64(too_late).unwrap_or(Duration::MAX);
            return Err(Overloaded { retry_after: retry_after.max(Overloaded::SHORTEST_RETRY) });
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.rounds_ahead += rounds;
        self.held.insert(ticket, rounds);
        Ok(ticket)
    }

    /// Says what is to be hashed for a ticket. It keeps its place, also if that is more work than was announced.
    pub(super) fn join(&mut self, ticket: u64, request: Request) {
        let announced = self.held.remove(&ticket).unwrap_or_default();
        self.rounds_ahead = self.rounds_ahead.saturating_sub(announced) + request.job.rounds();
        self.waiting.insert(ticket, request);
    }

    /// Gives the place of a ticket away, if no lane has taken it yet.
    pub(super) fn leave(&mut self, ticket: u64) {
        let waiting = self.waiting.remove(&ticket).map(|gone| gone.job.rounds());
        let spared = waiting.or_else(|| self.held.remove(&ticket)).unwrap_or_default();
        self.rounds_ahead = self.rounds_ahead.saturating_sub(spared);
    }

    /// Notes what a thread has done, and how many lanes it has busy now.
    pub(super) fn note(&mut self, thread: usize, report: Report, busy_lanes: usize) {
        let done: u64 = (0..report.lanes).map(|_| u64::from(report.rounds)).sum();
        self.rounds_ahead = self.rounds_ahead.saturating_sub(done + report.no_longer_wanted);
        if report.lanes == Worker::LANES {
            self.pace.learn(report.rounds, report.took);
        }
        if let Some(busy) = self.busy_lanes.get_mut(thread) {
            *busy = busy_lanes;
        }
    }

    /// The next request, if this thread has a free lane and no other thread has more of them.
    pub(super) fn next_for(&mut self, thread: usize) -> Option<Request> {
        let fewest = self.busy_lanes.iter().min().copied().unwrap_or_default();
        let busy = self.busy_lanes.get_mut(thread)?;
        if *busy > fewest || *busy >= Worker::LANES {
            return None;
        }
        let (_, request) = self.waiting.pop_first()?;
        *busy += 1;
        Some(request)
    }

    pub(super) fn stats(&self, cost: Cost) -> HashingStats {
        let lanes = self.busy_lanes.len() * Worker::LANES;
        let each = self.pace.time(cost.rounds().into()).as_secs_f64();
        HashingStats {
            lanes,
            busy_lanes: self.busy_lanes.iter().sum(),
            waiting: self.held.len() + self.waiting.len(),
            wait: self.wait(),
            hashes_per_second: u32::try_from(lanes).map_or(0.0, f64::from) / each,
        }
    }

    fn is_full(&self) -> bool {
        let taken = self.held.len() + self.waiting.len() + self.busy_lanes.iter().sum::<usize>();
        taken >= self.busy_lanes.len() * Worker::LANES
    }

    /// How long a request would wait for a lane: all lanes share the work that is ahead.
    fn wait(&self) -> Duration {
        let lanes = u32::try_from(self.busy_lanes.len() * Worker::LANES).unwrap_or(u32::MAX).max(1);
        if self.is_full() { self.pace.time(self.rounds_ahead) / lanes } else { Duration::ZERO }
    }
}

/// How long a round takes a thread whose lanes are all busy, in nanoseconds, as seen lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace(f64);

impl Pace {
    /// Rounds after which a measurement counts for a third: about a second of one thread. Shorter, and one moment
    /// in which others had the core would have passwords refused.
    const MEMORY: u32 = 1 << 14;

    pub(super) fn new(rounds: u32, took: Duration) -> Self {
        Self(nanoseconds(took) / f64::from(rounds.max(1)))
    }

    /// How long so many rounds of one lane take, the other lanes being busy as well.
    fn time(self, rounds: u64) -> Duration {
        let nanoseconds = u32::try_from(rounds).map_or(f64::INFINITY, f64::from) * self.0;
        Duration::try_from_secs_f64(nanoseconds / 1e9).unwrap_or(Duration::MAX)
    }

    fn learn(&mut self, rounds: u32, took: Duration) {
        let weight = f64::from(rounds.min(Self::MEMORY)) / f64::from(Self::MEMORY);
        self.0 += (Self::new(rounds, took).0 - self.0) * weight;
    }
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use bcrypt_lanes::Key;
    use tokio::sync::oneshot;

    use super::*;
    use crate::crypto::hash_job::Job;

    /// A queue before two threads that take a millisecond for a round.
    fn queue(longest_wait: Duration) -> Queue {
        Queue::new(2, longest_wait, Pace::new(1, Duration::from_millis(1)))
    }

    /// Lets a request of 2^`cost` rounds in.
    fn admit(queue: &mut Queue, cost: u8) -> Result<u64, Overloaded> {
        let ticket = queue.admit(Cost::new(cost).unwrap().rounds().into())?;
        join(queue, ticket, cost);
        Ok(ticket)
    }

    fn join(queue: &mut Queue, ticket: u64, cost: u8) {
        let cost = Cost::new(cost).unwrap();
        let job = Job { key: Key::from_truncated(b"a"), salt: [7; 16], cost, as_long_as: cost };
        queue.join(ticket, Request::new(job, oneshot::channel().0));
    }

    fn milliseconds(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_request_goes_where_the_fewest_lanes_are_busy() {
        let mut queue = queue(Duration::from_hours(1));
        for _ in 0..9 {
            admit(&mut queue, 4).unwrap();
        }

        for _ in 0..4 {
            assert!(queue.next_for(0).is_some());
            assert!(queue.next_for(0).is_none(), "the other thread has fewer");
            assert!(queue.next_for(1).is_some());
        }
        assert!(queue.next_for(0).is_none() && queue.next_for(1).is_none(), "all lanes are busy");

        queue.note(0, Report { lanes: 4, rounds: 16, ..Report::default() }, 2);
        assert!(queue.next_for(1).is_none());
        assert!(queue.next_for(0).is_some());
        assert!(queue.next_for(0).is_none(), "nobody waits");
    }

    #[test]
    fn the_wait_is_foretold_from_pace_queue_and_lanes() {
        let mut queue = queue(milliseconds(1_000));
        assert_eq!(admit(&mut queue, 20), Ok(0), "a free lane is given without a question");
        queue.leave(0);
        for ticket in 1..=8 {
            assert_eq!(queue.wait(), Duration::ZERO);
            assert_eq!(admit(&mut queue, 9), Ok(ticket));
        }

        // Eight lanes with 512 ms each.
        assert_eq!(queue.wait(), milliseconds(512));
        assert_eq!(admit(&mut queue, 10), Err(Overloaded { retry_after: Duration::from_secs(1) }));
        assert_eq!(admit(&mut queue, 11), Err(Overloaded { retry_after: Duration::from_secs(2) }));
        assert_eq!(admit(&mut queue, 8), Ok(9));
        assert_eq!(queue.wait(), milliseconds(512 + 256 / 8));
    }

    #[test]
    fn a_ticket_keeps_its_place_until_its_holder_knows_what_to_hash() {
        let mut queue = queue(milliseconds(1_030));
        let tickets: Vec<_> = (0..9).map(|_| queue.admit(1 << 9).unwrap()).collect();
        assert_eq!(queue.wait(), milliseconds(512 * 9 / 8), "work that is only announced is waited for");
        assert_eq!(queue.admit(1 << 9), Err(Overloaded { retry_after: Duration::from_secs(1) }));
        assert!(queue.next_for(0).is_none(), "nobody knows yet what to hash");

        queue.leave(tickets[0]);
        join(&mut queue, tickets[2], 4);
        join(&mut queue, tickets[1], 9);

        assert_eq!(queue.rounds_ahead, 7 * 512 + 16, "what one knows now takes the place of what was announced");
        assert_eq!(queue.next_for(0).unwrap().job.rounds(), 512, "who came first is first");
        assert_eq!(queue.next_for(1).unwrap().job.rounds(), 16);
        for ticket in tickets {
            queue.leave(ticket);
        }
        assert_eq!(queue.rounds_ahead, 512 + 16, "lanes have taken these");
    }

    #[test]
    fn work_that_is_done_or_not_wanted_any_more_is_not_waited_for() {
        let mut queue = queue(Duration::from_hours(1));
        for _ in 0..9 {
            admit(&mut queue, 9).unwrap();
        }

        queue.leave(8);
        assert_eq!(queue.wait(), milliseconds(512));
        queue.leave(8);
        assert_eq!(queue.wait(), milliseconds(512));
        queue.note(1, Report { lanes: 4, rounds: 32, took: milliseconds(32), no_longer_wanted: 0 }, 4);
        assert_eq!(queue.wait(), milliseconds(512 - 16));
        queue.note(0, Report { no_longer_wanted: 160, ..Report::default() }, 3);
        assert_eq!(queue.wait(), milliseconds(512 - 16 - 20));
    }

    #[test]
    fn the_pace_is_learned_from_full_threads_and_not_from_a_bad_moment() {
        let mut queue = queue(Duration::from_hours(1));
        let slow = |lanes| Report { lanes, rounds: 32, took: milliseconds(320), ..Report::default() };
        let slice = |queue: &Queue| queue.pace.time(1_000);

        queue.note(0, slow(3), 3);
        assert_eq!(slice(&queue), milliseconds(1_000));
        queue.note(0, slow(4), 4);
        assert!(slice(&queue) > milliseconds(1_000) && slice(&queue) < milliseconds(1_020));
        for _ in 0..4_000 {
            queue.note(0, slow(4), 4);
        }
        assert!(slice(&queue) > milliseconds(9_900) && slice(&queue) <= milliseconds(10_000));
    }

    #[test]
    fn what_is_counted_is_shown() {
        let mut queue = queue(Duration::from_hours(1));
        for _ in 0..10 {
            admit(&mut queue, 6).unwrap();
        }
        queue.next_for(0).unwrap();

        let stats = queue.stats(Cost::of::<6>());

        let expected =
            HashingStats { lanes: 8, busy_lanes: 1, waiting: 9, wait: milliseconds(80), hashes_per_second: 125.0 };
        assert_eq!(stats, expected);
    }
}

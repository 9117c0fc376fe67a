//! Which foreign hash is checked next, and who is told to come back later.
//!
//! Bounded by time and by memory: what could not be done within the longest wait is refused at once, and together
//! the checks that run never need more than their share of memory. It is plain state, like the queue of our own.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::super::hash_queue::Overloaded;
use super::{Effort, Foreign, Kind, MEMORY_KIB};

/// A check that somebody waits for.
pub(super) struct Request {
    pub(super) foreign: Foreign,
    pub(super) password: Zeroizing<Vec<u8>>,
    /// Closed as soon as nobody waits any more.
    pub(super) reply: oneshot::Sender<bool>,
}

/// A request on its way to a thread, with what the line counts on.
pub(super) struct Running {
    pub(super) request: Request,
    pub(super) share: Share,
}

/// What a check takes of the line's time and memory.
#[derive(Clone, Copy)]
pub(super) struct Share {
    memory_kib: u32,
    effort: Effort,
    expected: Duration,
}

/// The line before the threads.
pub(super) struct Line {
    /// By ticket. Nobody overtakes: a small check that did would keep a large one waiting for memory for ever.
    waiting: BTreeMap<u64, (Request, Share)>,
    next_ticket: u64,
    threads: u32,
    running: u32,
    free_kib: u32,
    /// Time that those who wait and those who run were expected to take, added up.
    ahead: Duration,
    paces: Paces,
    longest_wait: Duration,
}

impl Line {
    pub(super) fn new(threads: u32, longest_wait: Duration) -> Self {
        Self {
            waiting: BTreeMap::new(),
            next_ticket: 0,
            threads: threads.max(1),
            running: 0,
            free_kib: MEMORY_KIB,
            ahead: Duration::ZERO,
            paces: Paces::default(),
            longest_wait,
        }
    }

    /// Gives a ticket to a request that can be done in time. A free thread is given without a question.
    pub(super) fn admit(&mut self, request: Request) -> Result<u64, Overloaded> {
        let (effort, memory_kib) = (request.foreign.effort(), request.foreign.memory_kib());
        let expected = self.paces.expect(effort);
        let done_in = self.wait() + expected;
        if self.is_full() && done_in > self.longest_wait {
            let too_late = done_in.saturating_sub(self.longest_wait).as_secs().saturating_add(1);
            return Err(Overloaded { retry_after: Duration::from_secs(too_late) });
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.ahead += expected;
        self.waiting.insert(ticket, (request, Share { memory_kib, effort, expected }));
        Ok(ticket)
    }

    /// Gives the place of a request away, if it still waits.
    pub(super) fn leave(&mut self, ticket: u64) {
        if let Some((_, share)) = self.waiting.remove(&ticket) {
            self.ahead = self.ahead.saturating_sub(share.expected);
        }
    }

    /// The first in the line, if there is memory for it.
    pub(super) fn next(&mut self) -> Option<Running> {
        let (_, (_, share)) = self.waiting.first_key_value()?;
        let left = self.free_kib.checked_sub(share.memory_kib)?;
        let (_, (request, share)) = self.waiting.pop_first()?;
        self.free_kib = left;
        self.running += 1;
        Some(Running { request, share })
    }

    /// Notes that a check has ended, and how long it took, unless it was spared.
    pub(super) fn done(&mut self, share: Share, took: Option<Duration>) {
        self.running = self.running.saturating_sub(1);
        self.free_kib = self.free_kib.saturating_add(share.memory_kib).min(MEMORY_KIB);
        self.ahead = self.ahead.saturating_sub(share.expected);
        if let Some(took) = took {
            self.paces.learn(share.effort, took);
        }
    }

    fn is_full(&self) -> bool {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.running.saturating_add(waiting) >= self.threads
    }

    /// How long a request would wait for a thread.
    fn wait(&self) -> Duration {
        if self.is_full() { self.ahead / self.threads } else { Duration::ZERO }
    }
}

/// How long a unit of each kind takes a thread, in nanoseconds, as seen lately.
struct Paces {
    argon2: f64,
    pbkdf2: f64,
    scrypt: f64,
    plain: f64,
}

impl Default for Paces {
    /// Measured on a virtual core of 2023 in November 2026; the first checks correct them.
    fn default() -> Self {
        Self { argon2: 1_200.0, pbkdf2: 400.0, scrypt: 700.0, plain: 5_000.0 }
    }
}

impl Paces {
    /// What the latest check counts for: others may have had the core for a moment.
    const WEIGHT: f64 = 0.25;

    fn of(&mut self, kind: Kind) -> &mut f64 {
        match kind {
            Kind::Argon2 => &mut self.argon2,
            Kind::Pbkdf2 => &mut self.pbkdf2,
            Kind::Scrypt => &mut self.scrypt,
            Kind::Plain => &mut self.plain,
        }
    }

    fn expect(&mut self, Effort { kind, units }: Effort) -> Duration {
        let nanoseconds = u32::try_from(units).map_or(f64::INFINITY, f64::from) * *self.of(kind);
        Duration::try_from_secs_f64(nanoseconds / 1e9).unwrap_or(Duration::MAX)
    }

    fn learn(&mut self, Effort { kind, units }: Effort, took: Duration) {
        let units = u32::try_from(units).map_or(f64::INFINITY, f64::from).max(1.0);
        let pace = self.of(kind);
        *pace += (took.as_secs_f64() * 1e9 / units - *pace) * Self::WEIGHT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(hash: &str) -> Request {
        let foreign = Foreign::parse(hash).unwrap();
        Request { foreign, password: Zeroizing::default(), reply: oneshot::channel().0 }
    }

    /// Half a second by the first pace, and 100 MiB.
    fn large() -> Request {
        request("$argon2id$v=19$m=102400,t=4,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    }

    fn small() -> Request {
        request("$pbkdf2-sha256$1000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    }

    #[test]
    fn checks_together_stay_within_their_memory_and_nobody_overtakes() {
        let mut line = Line::new(8, Duration::from_hours(1));
        for _ in 0..3 {
            line.admit(large()).unwrap();
        }
        line.admit(small()).unwrap();

        let running = [line.next().unwrap(), line.next().unwrap()];
        assert!(line.next().is_none(), "three of 100 MiB are more than 256");

        line.done(running[0].share, Some(Duration::from_millis(500)));
        assert_eq!(line.next().unwrap().request.foreign.memory_kib(), 102_400);
        assert_eq!(line.next().unwrap().request.foreign.memory_kib(), 0);
        assert!(line.next().is_none());
    }

    #[test]
    fn what_cannot_be_done_in_time_is_refused_at_once() {
        let mut line = Line::new(1, Duration::from_secs(1));
        assert_eq!(line.admit(large()), Ok(0));
        assert_eq!(line.admit(large()), Ok(1));

        assert!(line.admit(large()).unwrap_err().retry_after >= Duration::from_secs(1));

        assert_eq!(line.admit(small()), Ok(2), "what is quick fits in");
        line.leave(1);
        assert_eq!(line.admit(large()), Ok(3), "who leaves makes room");
    }

    #[test]
    fn each_kind_has_a_pace_that_is_learned() {
        let mut line = Line::new(1, Duration::from_secs(1));
        for _ in 0..40 {
            line.admit(large()).unwrap();
            let running = line.next().unwrap();
            line.done(running.share, Some(Duration::from_secs(5)));
        }

        line.admit(large()).unwrap();

        assert!(line.wait() > Duration::from_secs(4), "{:?}", line.wait());
        assert!(line.paces.expect(small().foreign.effort()) < Duration::from_millis(1), "another kind");
        assert!(line.admit(small()).is_err(), "it would wait too long for the one before");
    }
}

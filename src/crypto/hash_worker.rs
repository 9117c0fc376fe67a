//! The hashes that one thread computes side by side.
//!
//! It knows no queue and no clock but the count of its own rounds: see [`super::hash_pool`] for who calls it when.

use std::ops::Range;

use bcrypt_lanes::{Cost, Digest, Job, Key, Lanes};
use tokio::sync::oneshot;

use super::hash_job::Request;
use crate::traces::Span;

/// Up to four requests under way, at any stage each.
#[derive(Default)]
pub(super) struct Worker {
    lanes: Lanes<Seat>,
    /// Rounds gone since the beginning of time. All lanes go at one pace, so a seat's progress is a difference.
    rounds: u64,
}

/// What is to be done with a lane.
struct Seat {
    reply: oneshot::Sender<Digest>,
    /// The answer, kept back while there is padding to do.
    digest: Option<Digest>,
    /// Costs at which to hash once more each and throw the outcome away.
    ///
    /// `a..b` brings a hash of cost `a` to the time of one of cost `b`, for 2^a + (2^a + … + 2^(b-1)) = 2^b.
    padding: Range<u8>,
    /// The count of rounds at which nothing is left to do.
    ends_at: u64,
    /// Ends with the seat, where it is traced.
    _span: Option<Span>,
}

/// A digest and who wants it.
pub(super) type Answer = (oneshot::Sender<Digest>, Digest);

impl Worker {
    /// The most requests that a worker takes.
    pub(super) const LANES: usize = Lanes::<Seat>::WIDTH;

    pub(super) fn busy_lanes(&self) -> usize {
        self.lanes.busy()
    }

    /// Takes a request into a free lane. The key is zeroed: the lane needs it no more.
    pub(super) fn start(&mut self, Request { job, reply, asked: _, wait, begun }: Request) {
        begun.begin();
        let padding = job.cost.get()..job.as_long_as.get();
        let span = wait.map(|wait| wait.followed_by("hash the password"));
        let seat = Seat { reply, digest: None, padding, ends_at: self.rounds + job.rounds(), _span: span };
        self.enter(Job { cost: job.cost, salt: job.salt, key: &job.key }, seat);
    }

    /// Moves all requests on by up to `rounds` rounds; less if a lane becomes free, as the answer's first half says.
    pub(super) fn advance(&mut self, rounds: u32) -> (u32, Vec<Answer>) {
        let mut hashed = Vec::new();
        let rounds = self.lanes.advance(rounds, |seat, digest| hashed.push((seat, digest)));
        self.rounds += u64::from(rounds);
        (rounds, hashed.into_iter().filter_map(|(seat, digest)| self.pad_or_answer(seat, digest)).collect())
    }

    /// Empties the lanes of those who wait no more. Says how many rounds need not be done.
    pub(super) fn forget_the_gone(&mut self) -> u64 {
        let mut spared = 0;
        self.lanes.retain(|seat| {
            if seat.reply.is_closed() {
                spared += seat.ends_at.saturating_sub(self.rounds);
            }
            !seat.reply.is_closed()
        });
        spared
    }

    fn pad_or_answer(&mut self, mut seat: Seat, digest: Digest) -> Option<Answer> {
        let digest = *seat.digest.get_or_insert(digest);
        match seat.padding.find_map(|cost| Cost::new(cost).ok()) {
            None => Some((seat.reply, digest)),
            // What is hashed does not matter: all keys are the same work.
            Some(cost) => {
                self.enter(Job { cost, salt: [0; 16], key: &Key::from_truncated(b"") }, seat);
                None
            }
        }
    }

    fn enter(&mut self, job: Job<'_>, seat: Seat) {
        // Without a free lane, which those who call see to, the seat is dropped here and its client told so.
        drop(self.lanes.insert(job, seat));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash_job;

    fn request(cost: u8, as_long_as: u8) -> (Request, oneshot::Receiver<Digest>) {
        let (reply, answer) = oneshot::channel();
        let [cost, as_long_as] = [cost, as_long_as].map(|cost| Cost::new(cost).unwrap());
        let job = hash_job::Job { key: Key::from_truncated(b"a"), salt: [7; 16], cost, as_long_as };
        (Request::new(job, reply), answer)
    }

    #[test]
    fn padding_makes_every_cost_the_same_work() {
        for cost in 4..=8 {
            let (request, _answer) = request(cost, 8);
            let expected = bcrypt_lanes::bcrypt(request.job.cost, &request.job.salt, &request.job.key);
            let mut worker = Worker::default();
            assert_eq!(request.job.rounds(), 1 << 8);

            worker.start(request);

            let mut answers = Vec::new();
            while worker.busy_lanes() > 0 {
                answers.extend(worker.advance(u32::MAX).1);
            }
            assert_eq!(worker.rounds, 1 << 8);
            assert!(matches!(&*answers, [(_, digest)] if *digest == expected));
        }
    }

    #[test]
    fn who_has_gone_is_forgotten_and_what_they_asked_for_is_spared() {
        let mut worker = Worker::default();
        let ((first, stays), (second, goes)) = (request(8, 8), request(6, 8));
        worker.start(first);
        worker.advance(100);
        worker.start(second);
        worker.advance(50);
        assert_eq!(worker.forget_the_gone(), 0);

        drop(goes);

        assert_eq!(worker.forget_the_gone(), 256 - 50);
        assert_eq!((worker.busy_lanes(), worker.forget_the_gone()), (1, 0));
        drop(stays);
        assert_eq!((worker.forget_the_gone(), worker.busy_lanes()), (256 - 150, 0));
    }
}

//! A set of lanes: jobs of any cost enter, move on together by slices of rounds, and leave when they are done.
//!
//! It knows no clock, no thread and no queue: whoever calls it decides when a job enters and how long a slice is.

use crate::{
    Cost, Digest, Key, Salt, digest,
    input::salt_words,
    kernel::{self, Lane, WIDTH},
};

/// The work of one hash.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// How many rounds it takes.
    pub cost: Cost,
    /// What makes it differ from another hash of the same key.
    pub salt: Salt,
    /// What is hashed.
    pub key: &'a Key,
}

/// Up to four hashes under way on one core, each with a tag of the caller's.
///
/// Lanes need not march in step: a job may enter while others are half done, and costs may differ. The tag comes back
/// with the digest; it is the place for a channel to whoever waits. Dropping the set wipes all lanes.
///
/// ```
/// use bcrypt_lanes::{Cost, Hash, Job, Key, Lanes};
///
/// let stored: Hash = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie".parse()?;
/// let mut lanes = Lanes::new();
/// for password in ["correctbatteryhorsestapler", "a guess"] {
///     let key = Key::from_password(password.as_bytes())?;
///     assert!(lanes.insert(stored.job(&key), password).is_ok());
/// }
/// let mut right = Vec::new();
/// while lanes.busy() > 0 {
///     // Here a server looks for a job that has arrived, and for clients that have gone.
///     lanes.advance(32, |password, digest| right.push((password, stored.matches(&digest))));
/// }
/// right.sort();
/// assert_eq!(right, [("a guess", false), ("correctbatteryhorsestapler", true)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lanes<T> {
    /// The busy lanes come first, in the order of `seats`; the others are all zero.
    lanes: Box<[Lane]>,
    seats: Vec<Seat<T>>,
}

struct Seat<T> {
    rounds_left: u32,
    tag: T,
}

impl<T> Lanes<T> {
    /// How many jobs fit at a time: 4.
    pub const WIDTH: usize = WIDTH;

    /// An empty set. It takes 17 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self { lanes: std::iter::repeat_n((), WIDTH).map(|()| Lane::IDLE).collect(), seats: Vec::with_capacity(WIDTH) }
    }

    /// How many jobs are under way.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.seats.len()
    }

    /// Begins a job, which costs half a round. It moves on with the next slice.
    ///
    /// # Errors
    /// Gives the tag back if all four lanes are busy.
    pub fn insert(&mut self, job: Job<'_>, tag: T) -> Result<(), T> {
        let Some(lane) = self.lanes.get_mut(self.seats.len()) else {
            return Err(tag);
        };
        lane.start(job.key.words(), &salt_words(&job.salt));
        self.seats.push(Seat { rounds_left: job.cost.rounds(), tag });
        Ok(())
    }

    /// Moves all jobs on by up to `rounds` rounds, and hands those that are done to `finished`.
    ///
    /// Returns as soon as a job is done, so that another may take its place; the answer is the number of rounds that
    /// each job went, zero if there was none. One round of one lane takes about 60 µs on a server of 2023.
    pub fn advance(&mut self, rounds: u32, mut finished: impl FnMut(T, Digest)) -> u32 {
        let shortest = self.seats.iter().map(|seat| seat.rounds_left).min();
        let rounds = shortest.map_or(0, |left| left.min(rounds));
        if let Some(busy) = self.lanes.get_mut(..self.seats.len()) {
            kernel::advance(busy, rounds);
        }
        for seat in &mut self.seats {
            seat.rounds_left -= rounds;
        }
        self.take_out(|seat| seat.rounds_left == 0, |seat, lane| finished(seat.tag, digest(lane)));
        rounds
    }

    /// Drops each job whose tag does not satisfy `wanted`, and wipes its lane.
    pub fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        self.take_out(|seat| !wanted(&seat.tag), |_, _| {});
    }

    /// Takes out each seat that `goes`, and moves the last one into its place.
    fn take_out(&mut self, mut goes: impl FnMut(&Seat<T>) -> bool, mut gone: impl FnMut(Seat<T>, &Lane)) {
        for place in (0..self.seats.len()).rev() {
            if self.seats.get(place).is_some_and(&mut goes) {
                let seat = self.seats.swap_remove(place);
                self.lanes.swap(place, self.seats.len());
                if let Some(lane) = self.lanes.get_mut(self.seats.len()) {
                    gone(seat, lane);
                    *lane = Lane::IDLE;
                }
            }
        }
    }
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bcrypt;

    fn insert(lanes: &mut Lanes<&'static str>, cost: u8, password: &'static str) {
        let job = Job { cost: Cost::new(cost).unwrap(), salt: [9; 16], key: &key(password) };
        assert!(lanes.insert(job, password).is_ok());
    }

    fn key(password: &str) -> Key {
        Key::from_password(password.as_bytes()).unwrap()
    }

    #[test]
    fn lanes_that_nobody_uses_hold_nothing() {
        let mut lanes = Lanes::new();
        for (cost, password) in [(4, "done"), (6, "gone"), (6, "goes on"), (6, "gone too")] {
            insert(&mut lanes, cost, password);
        }

        lanes.advance(100, |tag, _| assert_eq!(tag, "done"));
        lanes.retain(|tag| *tag == "goes on");

        let [busy, idle @ ..] = &*lanes.lanes else { panic!("four lanes") };
        assert!(!busy.is_wiped());
        assert!(idle.iter().all(Lane::is_wiped));
    }

    #[test]
    fn what_a_password_was_mixed_into_is_zeroed_on_drop() {
        fn is_zeroed_on_drop<Secret: zeroize::ZeroizeOnDrop>() {}

        is_zeroed_on_drop::<Lane>();
        is_zeroed_on_drop::<Key>();
    }

    #[test]
    fn a_slice_ends_when_a_job_is_done() {
        let mut lanes = Lanes::new();
        insert(&mut lanes, 4, "short");
        insert(&mut lanes, 5, "long");
        let mut order = Vec::new();

        assert_eq!(lanes.advance(10, |tag, _| order.push(tag)), 10);
        assert_eq!(lanes.advance(10, |tag, _| order.push(tag)), 6);
        assert_eq!(lanes.advance(100, |tag, _| order.push(tag)), 16);

        assert_eq!(order, ["short", "long"]);
        assert_eq!(lanes.advance(100, |tag, _| order.push(tag)), 0);
    }

    #[test]
    fn a_job_that_is_dropped_leaves_the_others_as_they_are() {
        for dropped in ["first", "second", "third"] {
            let mut lanes = Lanes::new();
            for password in ["first", "second", "third"] {
                insert(&mut lanes, 4, password);
                lanes.advance(3, |_, _| panic!("not done yet"));
            }

            lanes.retain(|tag| *tag != dropped);

            let mut left = 2;
            while lanes.busy() > 0 {
                lanes.advance(5, |tag, digest| {
                    assert_eq!(digest, bcrypt(Cost::MIN, &[9; 16], &key(tag)), "{tag} after {dropped} left");
                    left -= 1;
                });
            }
            assert_eq!(left, 0);
        }
    }
}

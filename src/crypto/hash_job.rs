//! One password to be hashed: what goes in, how much work it is, whom to tell.
//!
//! It computes nothing: that is done in the lanes of a [`super::hash_worker`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use bcrypt_lanes::{Cost, Digest, Key, Salt};
use tokio::sync::oneshot;

use crate::traces::{self, Kind, Span};

/// One hash to be computed.
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) salt: Salt,
    pub(super) cost: Cost,
    /// The digest is kept back until as much work is done as for this cost, so that time does not tell the other.
    pub(super) as_long_as: Cost,
}

impl Job {
    /// The work in rounds of one lane, padding included.
    pub(super) fn rounds(&self) -> u64 {
        self.cost.max(self.as_long_as).rounds().into()
    }
}

/// A job in the queue.
pub(super) struct Request {
    pub(super) job: Job,
    /// Closed as soon as nobody waits any more.
    pub(super) reply: oneshot::Sender<Digest>,
    /// When it was asked for.
    pub(super) asked: Instant,
    /// The wait, where it is traced.
    pub(super) wait: Option<Span>,
    /// Told when a lane takes it.
    pub(super) begun: Begun,
}

/// Whether a lane has begun to work on a password. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<AtomicBool>);

impl Begun {
    /// Whether one has.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Request {
    pub(super) fn new(job: Job, reply: oneshot::Sender<Digest>) -> Self {
        let wait = traces::child("wait for a hashing lane", Kind::Internal);
        Self { job, reply, asked: Instant::now(), wait, begun: Begun::default() }
    }
}

//! How the jobs beside the requests get on.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{
    instruments::{Counter, Label},
    outcomes::Job,
};
use crate::domain::Timestamp;

/// Counts the turns of every job.
#[derive(Debug)]
pub struct Jobs {
    records: Box<[(Job, Record)]>,
}

/// What is known of a job.
#[derive(Debug, Default)]
pub struct Record {
    /// Turns that did what they should.
    pub succeeded: Counter,
    /// Turns that did not.
    pub failed: Counter,
    /// In milliseconds since the Unix epoch; 0 until there is one.
    last_success: AtomicI64,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { records: Job::ALL.iter().map(|job| (*job, Record::default())).collect() }
    }
}

impl Jobs {
    /// Notes how a turn of a job ended.
    pub fn note<T, E>(&self, job: Job, outcome: &Result<T, E>, now: Timestamp) {
        let Some((_, record)) = self.records.iter().find(|(name, _)| *name == job) else { return };
        match outcome {
            Ok(_) => {
                record.succeeded.count();
                record.last_success.store(now.as_unix_millis(), Ordering::Relaxed);
            }
            Err(_) => record.failed.count(),
        }
    }

    /// What is known of each job.
    pub fn records(&self) -> impl Iterator<Item = (Job, &Record)> {
        self.records.iter().map(|(job, record)| (*job, record))
    }
}

impl Record {
    /// When the job last succeeded.
    #[must_use]
    pub fn last_success(&self) -> Option<Timestamp> {
        match self.last_success.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_unix_millis(millis)),
        }
    }
}

//! Metrics: what is counted while the service works, for Prometheus to read.
//!
//! Whoever does something holds the instrument that counts it; nothing is looked up by name, and a scrape asks nobody
//! but this process. It knows no HTTP, and who may read it is not its business. What it counts is about no one: labels
//! have a few known values.
//!
//! To add one: declare it in [`catalogue`], count it with an [instrument](instruments) where the rule is, and write it in
//! `server/metrics/gather.rs`. `docs/operations.md` says what it means, and a test that it does.

pub mod catalogue;
pub mod instruments;
mod jobs;
mod outcomes;
pub mod process;
pub mod requests;
pub mod text;

pub use self::instruments::{Counter, Counters, Distribution, Gauge, Histogram, LATENCIES, Label, Present};
pub use self::jobs::{Jobs, Record};
pub use self::outcomes::{
    CallOutcome, DatabaseOutcome, EndedBy, HashOutcome, Job, LetterOutcome, LoginOutcome, OpenedBy, RefreshOutcome,
    RegistrationOutcome, SpanOutcome,
};
pub use self::requests::Requests;

/// What the operations and the edge count. The tools keep their own: see the database, the hasher and the breakers.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests.
    pub requests: Requests,
    /// Logins.
    pub logins: Counters<LoginOutcome>,
    /// Registrations.
    pub registrations: Counters<RegistrationOutcome>,
    /// Refreshes.
    pub refreshes: Counters<RefreshOutcome>,
    /// Sessions that were opened.
    pub sessions_opened: Counters<OpenedBy>,
    /// Sessions that were ended before their time.
    pub sessions_ended: Counters<EndedBy>,
    /// Sessions whose rows were deleted because they were over.
    pub sessions_purged: Counter,
    /// Attempts to deliver a letter.
    pub letters: Counters<LetterOutcome>,
    /// Jobs beside the requests.
    pub jobs: Jobs,
}

//! A circuit breaker: stops calling what does not answer, and finds out when it does again.
//!
//! One [`Breaker`] stands before each dependency. While *closed* it lets calls through and counts how they end; when
//! too many end badly it is *open* and refuses at once, so that nobody waits for a deadline in vain and the dependency
//! is left alone; after a while it is *half-open* and lets a few probes decide. It does not retry, queue, or bound
//! the number of calls, and it cannot tell a failure from an unwelcome answer: [`Outage`] or a closure tells it.
//!
//! ```
//! # use std::time::{Duration, Instant};
//! # use countersign::circuit_breaker::{Breaker, CallError, Outage, Settings};
//! # #[derive(Debug)] struct MailError;
//! # impl Outage for MailError { fn is_outage(&self) -> bool { true } }
//! # async fn send() -> Result<(), MailError> { Ok(()) }
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let start = Instant::now();
//! let breaker = Breaker::new("mail", Settings::MAIL, move || start.elapsed());
//! match breaker.call_with_deadline(Duration::from_secs(20), send()).await {
//!     Ok(()) => {}
//!     Err(CallError::Rejected(rejected)) => println!("not sent; try again in {:?}", rejected.retry_after),
//!     Err(CallError::TimedOut { .. }) => println!("it may have been sent"),
//!     Err(CallError::Failed(error)) => println!("refused: {error:?}"),
//! }
//! # }
//! ```
//!
//! How a guarded future may end:
//!
//! | it | counts as |
//! |---|---|
//! | returns `Ok`, or an error that is no outage | a success, slow if it took [`Settings::slow_call`] |
//! | returns an outage | a failure |
//! | outlives the deadline of [`Breaker::call_with_deadline`] | a failure |
//! | panics | a failure; the panic goes on |
//! | is dropped, because its caller has gone or *the caller's own* deadline has passed | nothing; a probe's place is free again |
//!
//! So a deadline that shall count belongs inside: a timeout wrapped around the call only drops it.

pub mod gate;
pub mod settings;
pub mod state;
pub mod window;

mod layer;
mod monitor;
mod permit;
mod sync;

use std::fmt;
use std::time::Duration;

use tokio::sync::Notify;

pub use self::layer::{Guard, GuardLayer, GuardedResponse};
pub use self::permit::Permit;
pub use self::settings::{Percent, Prober, Settings};
pub use self::state::{Counts, Rejected, State, Transitions, Verdict};

use self::gate::Gate;
use self::permit::Guarded;
use self::state::{Caller, Outcome, Ticket, Transition};
use crate::metrics::{CallOutcome, Counter, Counters, Histogram};

/// Stands before one dependency. Share it by reference or in an `Arc`.
pub struct Breaker {
    name: &'static str,
    settings: Settings,
    monotonic: Box<dyn Fn() -> Duration + Send + Sync>,
    gate: Gate,
    opened: Notify,
    tally: Tally,
}

impl Breaker {
    /// A closed breaker.
    ///
    /// `name` is how operators know the dependency. `monotonic` reads the time since any fixed moment, by a clock that
    /// nobody sets.
    pub fn new(
        name: &'static str,
        settings: Settings,
        monotonic: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            settings,
            monotonic: Box::new(monotonic),
            gate: Gate::new(settings),
            opened: Notify::new(),
            tally: Tally::new(),
        }
    }

    /// Runs `future` if the breaker lets it through. Without a deadline: it must end by itself.
    pub async fn call<T, E: Outage>(&self, future: impl Future<Output = Result<T, E>>) -> Result<T, CallError<E>> {
        self.call_classified(future, Verdict::of).await?.map_err(CallError::Failed)
    }

    /// Runs `future` for at most `deadline` if the breaker lets it through.
    pub async fn call_with_deadline<T, E: Outage>(
        &self,
        deadline: Duration,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        self.call(within(deadline, future)).await.map_err(CallError::flatten)
    }

    /// Runs any `future` if the breaker lets it through; `classify` says what its output tells of the dependency.
    pub async fn call_classified<F: Future>(
        &self,
        future: F,
        classify: impl Fn(&F::Output) -> Verdict,
    ) -> Result<F::Output, Rejected> {
        let permit = self.admit()?;
        Ok(Guarded::new(future, permit, classify).await)
    }

    /// Asks for leave to make one call whose end the caller reports: for work that is more than one future.
    #[inline]
    pub fn admit(&self) -> Result<Permit<&Self>, Rejected> {
        self.permit(Caller::Call)
    }

    /// Whether calls go through.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// What metrics and the readiness check show.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = self.monotonic();
        let view = self.gate.view(now);
        let retry_after = match view.state {
            State::Open { until } => Some(until.saturating_sub(now)),
            State::Closed | State::HalfOpen { .. } => None,
        };
        Snapshot {
            name: self.name,
            state: view.state,
            retry_after,
            counts: view.counts,
            transitions: view.transitions,
            rejected: view.rejected,
        }
    }

    /// All calls since the start.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn permit(&self, caller: Caller) -> Result<Permit<&Self>, Rejected> {
        let (ticket, now) = self.ticket(caller)?;
        Ok(Permit::new(self, ticket, now))
    }

    #[inline]
    fn ticket(&self, caller: Caller) -> Result<(Ticket, Duration), Rejected> {
        let now = self.monotonic();
        let ticket = self.gate.admit(caller, now);
        if ticket.is_err() && caller == Caller::Call {
            self.tally.calls.count(CallOutcome::Refused);
        }
        Ok((ticket?, now))
    }

    /// Takes the end of a call that began at `started`.
    #[inline]
    fn settle(&self, ticket: Ticket, verdict: Verdict, started: Duration) {
        let now = self.monotonic();
        let took = now.saturating_sub(started);
        let outcome = Outcome { verdict, slow: took >= self.settings.slow_call };
        self.tally.note(outcome, took);
        if let Some(transition) = self.gate.settle(ticket, outcome, now, rand::random) {
            self.log(transition);
            if let Transition::Opened { .. } = transition {
                self.opened.notify_one();
            }
        }
    }

    fn cancel(&self, ticket: Ticket) {
        self.tally.calls.count(CallOutcome::Abandoned);
        self.gate.cancel(ticket);
    }

    fn monotonic(&self) -> Duration {
        (self.monotonic)()
    }

    /// One warning when it opens and one line when it has closed: an outage of an hour is two lines, not thousands.
    fn log(&self, transition: Transition) {
        let breaker = self.name;
        match transition {
            Transition::Opened { counts: Counts { calls, failed, slow, failed_in_a_row }, open_for } => {
                tracing::warn!(
                    breaker,
                    calls,
                    failed,
                    slow,
                    failed_in_a_row,
                    ?open_for,
                    "circuit opened: calls are refused"
                );
            }
            Transition::Reopened { open_for, openings } => {
                tracing::debug!(breaker, openings, ?open_for, "circuit stays open: a probe failed");
            }
            Transition::Closed { openings } => {
                tracing::info!(breaker, openings, "circuit closed: calls go through");
            }
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Breaker").field("name", &self.name).field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// All calls since the start, for metrics. What opens the breaker is the window's business, not this.
#[derive(Debug)]
pub struct Tally {
    /// Calls by how they ended.
    pub calls: Counters<CallOutcome>,
    /// Those that were slow, whatever their end.
    pub slow: Counter,
    /// How long those took that came to an end.
    pub durations: Histogram,
}

impl Tally {
    fn new() -> Self {
        Self { calls: Counters::default(), slow: Counter::default(), durations: Histogram::of_latencies() }
    }

    #[inline]
    fn note(&self, outcome: Outcome, took: Duration) {
        self.calls.count(match outcome.verdict {
            Verdict::Success => CallOutcome::Succeeded,
            Verdict::Failure => CallOutcome::Failed,
        });
        if outcome.slow {
            self.slow.count();
        }
        self.durations.record(took);
    }
}

/// An error that knows whether it is the dependency that failed.
pub trait Outage {
    /// Whether the dependency is at fault, as opposed to having answered something unwelcome.
    ///
    /// A duplicate, a row not found or a refused recipient is an answer. A lost connection or a full disk is an outage.
    fn is_outage(&self) -> bool;
}

impl Verdict {
    /// What a result says when its error knows.
    pub fn of<T, E: Outage>(result: &Result<T, E>) -> Self {
        match result {
            Err(error) if error.is_outage() => Self::Failure,
            Ok(_) | Err(_) => Self::Success,
        }
    }
}

/// Why a guarded call brought no result.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError<E> {
    /// It was not made.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It was made, and what became of it is unknown.
    #[error("no answer within {deadline:?}")]
    TimedOut {
        /// How long it had.
        deadline: Duration,
    },
    /// It was made, and answered with an error.
    #[error(transparent)]
    Failed(E),
}

impl<E> CallError<E> {
    /// What happened, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "refused",
            Self::TimedOut { .. } => "timed_out",
            Self::Failed(_) => "failed",
        }
    }
}

impl<E> CallError<CallError<E>> {
    fn flatten(self) -> CallError<E> {
        match self {
            Self::Rejected(rejected) => CallError::Rejected(rejected),
            Self::TimedOut { deadline } => CallError::TimedOut { deadline },
            Self::Failed(inner) => inner,
        }
    }
}

impl<E: Outage> Outage for CallError<E> {
    fn is_outage(&self) -> bool {
        match self {
            // An inner breaker's refusal is its own dependency's matter.
            Self::Rejected(_) => false,
            Self::TimedOut { .. } => true,
            Self::Failed(error) => error.is_outage(),
        }
    }
}

/// A breaker at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// The dependency.
    pub name: &'static str,
    /// What the breaker does with calls.
    pub state: State,
    /// How long an open breaker stays so.
    pub retry_after: Option<Duration>,
    /// The calls of the window; those of an open breaker are what opened it.
    pub counts: Counts,
    /// How often each state was entered since the start.
    pub transitions: Transitions,
    /// Calls refused since the start.
    pub rejected: u64,
}

async fn within<T, E>(deadline: Duration, future: impl Future<Output = Result<T, E>>) -> Result<T, CallError<E>> {
    match tokio::time::timeout(deadline, future).await {
        Ok(result) => result.map_err(CallError::Failed),
        Err(_elapsed) => Err(CallError::TimedOut { deadline }),
    }
}

//! The breaker as a pure state machine: closed, open, half-open.
//!
//! It has no clock, no dice, no lock and no counters: time, chance and counts are handed in, so each rule can be
//! tested as a row of a table. `gate` shares one machine between threads.

use std::time::Duration;

use super::settings::{Prober, Settings};

/// What the breaker does with calls.
///
/// Times are those of the monotonic clock that the caller reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Calls go through and are counted.
    Closed,
    /// Calls are refused until the time has come.
    Open {
        /// When probes may begin.
        until: Duration,
    },
    /// A few probes find out whether the dependency is back.
    HalfOpen {
        /// Probes let through that have not ended.
        in_flight: u32,
        /// Probes that ended well.
        passed: u32,
    },
}

impl State {
    /// The names of all states.
    pub const NAMES: [&'static str; 3] = ["closed", "open", "half_open"];

    /// Its name in metrics, health checks and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// What the end of a call says about the dependency.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It answered, be it with a refusal.
    Success,
    /// It did not answer, or could not do its work.
    Failure,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// What the result says.
    pub verdict: Verdict,
    /// Whether it took at least [`Settings::slow_call`].
    pub slow: bool,
}

impl Outcome {
    /// Whether this call is a reason to ask if the breaker must open.
    #[must_use]
    pub fn is_bad(self) -> bool {
        self.slow || self.verdict == Verdict::Failure
    }
}

/// The calls of the current window. A call that failed slowly counts in both.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// All calls that ended.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were slow.
    pub slow: u32,
    /// Failures since the last success, be they older than the window.
    pub failed_in_a_row: u32,
}

impl Counts {
    /// Whether a closed breaker with these counts has to open.
    #[must_use]
    pub fn reach(&self, settings: &Settings) -> bool {
        let enough = self.calls >= settings.minimum_calls.get();
        self.failed_in_a_row >= settings.failures_in_a_row.get()
            || (enough && settings.failure_rate.is_reached(self.failed, self.calls))
            || (enough && settings.slow_rate.is_reached(self.slow, self.calls))
    }
}

/// Who asks to be let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    /// Somebody who wants the dependency's work done.
    Call,
    /// The background task that finds out whether the dependency is back.
    Monitor,
}

/// The leave to make one call.
///
/// It names its period: the time between two transitions. What ends in a later period than it began in counts for
/// nothing, because it tells of a past that has been judged already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ticket {
    /// Let through by a closed breaker.
    Call {
        /// When it was let through.
        period: u64,
    },
    /// Let through by a half-open breaker, which waits for its end.
    Probe {
        /// When it was let through.
        period: u64,
    },
}

/// The breaker did not let the call through: nothing has been sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the circuit is open; try again in {retry_after:?}")]
pub struct Rejected {
    /// When another attempt may succeed; never zero.
    pub retry_after: Duration,
}

/// A change of state that an operator wants to hear of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transition {
    /// Too many bad calls.
    Opened {
        /// What was counted.
        counts: Counts,
        /// For how long.
        open_for: Duration,
    },
    /// A probe went badly.
    Reopened {
        /// For how long.
        open_for: Duration,
        /// How often it has opened since it was last closed.
        openings: u32,
    },
    /// Enough probes went well.
    Closed {
        /// How often it had opened since it was last closed.
        openings: u32,
    },
}

/// How often each state was entered since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Transitions {
    /// To open, from closed or half-open.
    pub opened: u64,
    /// To half-open.
    pub half_opened: u64,
    /// To closed.
    pub closed: u64,
}

/// One breaker, in the hands of one thread.
#[derive(Clone, Debug)]
pub struct Machine {
    settings: Settings,
    state: State,
    period: u64,
    openings: u32,
    transitions: Transitions,
}

impl Machine {
    /// A closed breaker in its first period.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, state: State::Closed, period: 1, openings: 0, transitions: Transitions::default() }
    }

    /// The state as of the last event.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The number of the current period; the first is 1.
    #[must_use]
    pub fn period(&self) -> u64 {
        self.period
    }

    /// How often each state was entered.
    #[must_use]
    pub fn transitions(&self) -> Transitions {
        self.transitions
    }

    /// Lets a call through or refuses it; an open breaker whose time has come turns half-open.
    pub fn admit(&mut self, caller: Caller, now: Duration) -> Result<Ticket, Rejected> {
        match self.state {
            State::Closed => return Ok(Ticket::Call { period: self.period }),
            State::Open { until } if now < until => return Err(Rejected { retry_after: until.saturating_sub(now) }),
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
        if caller == Caller::Call && self.settings.prober == Prober::Monitor {
            return Err(self.come_back_later());
        }
        if let State::Open { .. } = self.state {
            self.transitions.half_opened += 1;
            self.enter(State::HalfOpen { in_flight: 0, passed: 0 });
        }
        self.let_a_probe_through()
    }

    /// Opens a closed breaker if `counts` say so. `chance` is from 0 to 1.
    pub fn judge(&mut self, period: u64, counts: Counts, now: Duration, chance: f64) -> Option<Transition> {
        if period != self.period || self.state != State::Closed || !counts.reach(&self.settings) {
            return None;
        }
        let open_for = self.open(now, chance);
        Some(Transition::Opened { counts, open_for })
    }

    /// Takes the end of a probe: a bad one opens the breaker again, the last good one closes it.
    pub fn settle_probe(&mut self, period: u64, outcome: Outcome, now: Duration, chance: f64) -> Option<Transition> {
        let (in_flight, passed) = self.probes_of(period)?;
        if outcome.is_bad() {
            let open_for = self.open(now, chance);
            return Some(Transition::Reopened { open_for, openings: self.openings });
        }
        let passed = passed.saturating_add(1);
        if passed < self.settings.probes.get() {
            self.state = State::HalfOpen { in_flight: in_flight.saturating_sub(1), passed };
            return None;
        }
        let openings = self.openings;
        self.openings = 0;
        self.transitions.closed += 1;
        self.enter(State::Closed);
        Some(Transition::Closed { openings })
    }

    /// Takes back the permit of a probe that was given up: it counts neither way.
    pub fn cancel_probe(&mut self, period: u64) {
        if let Some((in_flight, passed)) = self.probes_of(period) {
            self.state = State::HalfOpen { in_flight: in_flight.saturating_sub(1), passed };
        }
    }

    fn let_a_probe_through(&mut self) -> Result<Ticket, Rejected> {
        match self.state {
            // Those that passed hold no permit but leave fewer to wait for: more could not change the verdict.
            State::HalfOpen { in_flight, passed } if in_flight.saturating_add(passed) < self.settings.probes.get() => {
                self.state = State::HalfOpen { in_flight: in_flight.saturating_add(1), passed };
                Ok(Ticket::Probe { period: self.period })
            }
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Err(self.come_back_later()),
        }
    }

    /// `None` unless the breaker still waits for the probes of `period`.
    fn probes_of(&self, period: u64) -> Option<(u32, u32)> {
        match self.state {
            State::HalfOpen { in_flight, passed } if period == self.period => Some((in_flight, passed)),
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }

    fn open(&mut self, now: Duration, chance: f64) -> Duration {
        let grown = self.settings.open_time.saturating_mul(2_u32.saturating_pow(self.openings));
        let longest = grown.min(self.settings.longest_open_time);
        let open_for = longest.mul_f64(1.0 - self.settings.jitter.factor() * chance.clamp(0.0, 1.0));
        self.openings = self.openings.saturating_add(1);
        self.transitions.opened += 1;
        self.enter(State::Open { until: now.saturating_add(open_for) });
        open_for
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.period += 1;
    }

    /// Others are finding out: the shortest time in which their verdict may be there.
    fn come_back_later(&self) -> Rejected {
        Rejected { retry_after: self.settings.open_time.max(Duration::from_millis(1)) }
    }
}

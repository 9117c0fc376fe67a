//! One breaker shared by many threads.
//!
//! While it is closed a call costs a load, and its end a few atomic additions: the lock is taken only to open, and
//! while not closed. It reads no clock, throws no dice and logs nothing.

use std::time::Duration;

use super::settings::Settings;
use super::state::{Caller, Counts, Machine, Outcome, Rejected, State, Ticket, Transition, Transitions};
use super::sync::{AtomicU64, Mutex, Ordering, PoisonError};
use super::window::Window;

/// A [`Machine`], its [`Window`], and the word that tells at a glance whether it is closed.
#[derive(Debug)]
pub struct Gate {
    settings: Settings,
    /// The period of the closed breaker; 0 while it is not closed. Written under the lock.
    closed_period: AtomicU64,
    rejected: AtomicU64,
    machine: Mutex<Machine>,
    window: Window,
}

/// What a gate can tell of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct View {
    /// What it does with calls.
    pub state: State,
    /// The calls of the window.
    pub counts: Counts,
    /// How often each state was entered since the start.
    pub transitions: Transitions,
    /// Calls refused since the start.
    pub rejected: u64,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let machine = Machine::new(settings);
        Self {
            settings,
            closed_period: AtomicU64::new(machine.period()),
            rejected: AtomicU64::new(0),
            machine: Mutex::new(machine),
            window: Window::new(&settings),
        }
    }

    /// Whether calls go through.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed_period.load(Ordering::Acquire) != 0
    }

    /// Lets a call through or refuses it. Each ticket must come back to `settle` or `cancel`.
    #[inline]
    pub fn admit(&self, caller: Caller, now: Duration) -> Result<Ticket, Rejected> {
        let period = self.closed_period.load(Ordering::Acquire);
        if period != 0 {
            return Ok(Ticket::Call { period });
        }
        let admission = self.with_machine(|machine| machine.admit(caller, now));
        if admission.is_err() && caller == Caller::Call {
            self.rejected.fetch_add(1, Ordering::Relaxed);
        }
        admission
    }

    /// Takes the end of a call. `chance` (0 to 1) is asked only when the breaker may open.
    #[inline]
    pub fn settle(
        &self,
        ticket: Ticket,
        outcome: Outcome,
        now: Duration,
        chance: impl FnOnce() -> f64,
    ) -> Option<Transition> {
        match ticket {
            Ticket::Call { period } => self.settle_call(period, outcome, now, chance),
            Ticket::Probe { period } => {
                let chance = chance();
                self.with_machine(|machine| machine.settle_probe(period, outcome, now, chance))
            }
        }
    }

    /// Takes back the ticket of a call that was given up: it counts neither way.
    pub fn cancel(&self, ticket: Ticket) {
        match ticket {
            Ticket::Call { .. } => {}
            Ticket::Probe { period } => self.with_machine(|machine| machine.cancel_probe(period)),
        }
    }

    /// State and counts as of `now`.
    #[must_use]
    pub fn view(&self, now: Duration) -> View {
        let (state, transitions) = self.with_machine(|machine| (machine.state(), machine.transitions()));
        let counts = self.window.counts(now);
        View { state, counts, transitions, rejected: self.rejected.load(Ordering::Relaxed) }
    }

    #[inline]
    fn settle_call(
        &self,
        period: u64,
        outcome: Outcome,
        now: Duration,
        chance: impl FnOnce() -> f64,
    ) -> Option<Transition> {
        // A breaker that opens and closes again between this load and the count gets one call too many in its window.
        if self.closed_period.load(Ordering::Acquire) != period {
            return None;
        }
        self.window.record(outcome, now);
        if !outcome.is_bad() {
            return None;
        }
        let counts = self.window.counts(now);
        if !counts.reach(&self.settings) {
            return None;
        }
        let chance = chance();
        self.with_machine(|machine| machine.judge(period, counts, now, chance))
    }

    /// Runs `step` under the lock, then shows the others whether the breaker is closed.
    fn with_machine<T>(&self, step: impl FnOnce(&mut Machine) -> T) -> T {
        // No step panics; were one to, the machine has no half-made state to fear.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let before = machine.period();
        let result = step(&mut machine);
        if machine.period() != before {
            let closed = machine.state() == State::Closed;
            if closed {
                // What was counted before it opened must not open it again.
                self.window.clear();
            }
            self.closed_period.store(if closed { machine.period() } else { 0 }, Ordering::Release);
        }
        result
    }
}

//! What holds whatever happens.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use countersign::circuit_breaker::state::{Caller, Machine, Outcome, Ticket};
use countersign::circuit_breaker::window::Window;
use countersign::circuit_breaker::{Counts, Percent, Prober, Settings, State, Verdict};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Against a list of every call that ever ended.
    #[test]
    fn the_window_counts_what_a_list_of_all_calls_would(
        window_ms in 10_u64..5_000,
        steps in vec((0_u64..1_500, outcome()), 1..200),
    ) {
        let settings = Settings { window: Duration::from_millis(window_ms), ..Settings::DEFAULT };
        let window = Window::new(&settings);
        let tick = settings.window / 10;
        let tick_of = |instant: Duration| instant.as_nanos() / tick.as_nanos();
        let mut all = Vec::new();
        let mut now = Duration::ZERO;

        for (pause, outcome) in steps {
            now += Duration::from_millis(pause);
            window.record(outcome, now);
            all.push((tick_of(now), outcome));

            let recent: Vec<_> = all.iter().filter(|(tick, _)| tick + 10 > tick_of(now)).map(|(_, outcome)| *outcome).collect();
            let expected = Counts {
                calls: count(&recent, |_| true),
                failed: count(&recent, |outcome| outcome.verdict == Verdict::Failure),
                slow: count(&recent, |outcome| outcome.slow),
                failed_in_a_row: failed_in_a_row(&all),
            };
            prop_assert_eq!(window.counts(now), expected);
        }
        // A window later nothing is left but the run of failures.
        let later = window.counts(now + settings.window);
        prop_assert_eq!((later.calls, later.failed, later.slow), (0, 0, 0));
    }

    /// Threads that read the clock before others may record after them.
    #[test]
    fn calls_that_are_recorded_late_are_counted_in_their_own_tick_or_not_at_all(
        instants in vec(0_u64..30_000, 1..100),
    ) {
        let window = Window::new(&Settings::DEFAULT);
        let mut newest = Duration::ZERO;

        for (index, instant) in instants.iter().enumerate() {
            let now = Duration::from_millis(*instant);
            newest = newest.max(now);
            window.record(Outcome { verdict: Verdict::Success, slow: false }, now);

            let recent = |instant: &&u64| **instant / 1_000 + 10 > newest.as_secs();
            let expected = instants[..=index].iter().filter(recent).count();
            prop_assert_eq!(usize::try_from(window.counts(newest).calls), Ok(expected));
        }
    }

    #[test]
    fn the_machine_keeps_its_promises(
        probes in 1_u32..5,
        jitter in 1_u8..=100,
        prober in prop_oneof![Just(Prober::Calls), Just(Prober::Monitor)],
        events in vec(event(), 1..200),
    ) {
        let settings = Settings {
            probes: NonZeroU32::new(probes).unwrap(),
            jitter: Percent::new(jitter).unwrap(),
            open_time: Duration::from_secs(1),
            longest_open_time: Duration::from_secs(8),
            prober,
            ..Settings::DEFAULT
        };
        let mut world = World { settings, machine: Machine::new(settings), now: Duration::ZERO, tickets: Vec::new() };

        for event in events {
            world.apply(event)?;
            world.check()?;
        }
        world.can_always_recover()?;
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Wait(Duration),
    Ask(Caller),
    Judge(bool, f64),
    End(prop::sample::Index, Outcome, f64),
    GiveUp(prop::sample::Index),
}

fn event() -> impl Strategy<Value = Event> {
    let caller = prop_oneof![Just(Caller::Call), Just(Caller::Monitor)];
    prop_oneof![
        2 => (0_u64..4_000).prop_map(|milliseconds| Event::Wait(Duration::from_millis(milliseconds))),
        4 => caller.prop_map(Event::Ask),
        1 => (any::<bool>(), 0.0..=1.0).prop_map(|(bad, chance)| Event::Judge(bad, chance)),
        3 => (any::<prop::sample::Index>(), outcome(), 0.0..=1.0).prop_map(|(index, outcome, chance)| Event::End(index, outcome, chance)),
        1 => any::<prop::sample::Index>().prop_map(Event::GiveUp),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let verdict = prop_oneof![3 => Just(Verdict::Success), 1 => Just(Verdict::Failure)];
    (verdict, prop::bool::weighted(0.2)).prop_map(|(verdict, slow)| Outcome { verdict, slow })
}

/// A machine and everyone who holds a ticket of it.
struct World {
    settings: Settings,
    machine: Machine,
    now: Duration,
    tickets: Vec<Ticket>,
}

impl World {
    fn apply(&mut self, event: Event) -> Result<(), TestCaseError> {
        match event {
            Event::Wait(pause) => self.now += pause,
            Event::Ask(caller) => self.ask(caller)?,
            Event::Judge(bad, chance) => {
                let counts =
                    if bad { Counts { failed_in_a_row: u32::MAX, ..Counts::default() } } else { Counts::default() };
                let was_closed = self.machine.state() == State::Closed;
                let transition = self.machine.judge(self.machine.period(), counts, self.now, chance);
                prop_assert_eq!(transition.is_some(), bad && was_closed);
            }
            Event::End(_, _, _) | Event::GiveUp(_) if self.tickets.is_empty() => {}
            Event::End(index, outcome, chance) => {
                if let Ticket::Probe { period } = self.tickets.swap_remove(index.index(self.tickets.len())) {
                    self.machine.settle_probe(period, outcome, self.now, chance);
                }
            }
            Event::GiveUp(index) => {
                if let Ticket::Probe { period } = self.tickets.swap_remove(index.index(self.tickets.len())) {
                    self.machine.cancel_probe(period);
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, caller: Caller) -> Result<(), TestCaseError> {
        let before = self.machine.state();
        let may_probe = caller == Caller::Monitor || self.settings.prober == Prober::Calls;
        let answer = self.machine.admit(caller, self.now);
        match (before, answer) {
            (State::Closed, answer) => prop_assert_eq!(answer, Ok(Ticket::Call { period: self.machine.period() })),
            (State::Open { until }, answer) if self.now < until => {
                prop_assert_eq!(answer.unwrap_err().retry_after, until - self.now);
                prop_assert_eq!(self.machine.state(), before);
            }
            // An open breaker whose time has come is half-open for whoever may probe.
            (State::Open { .. }, answer) => prop_assert_eq!(matches!(answer, Ok(Ticket::Probe { .. })), may_probe),
            (State::HalfOpen { in_flight, passed }, answer) => {
                prop_assert_eq!(answer.is_ok(), may_probe && in_flight + passed < self.settings.probes.get());
            }
        }
        self.tickets.extend(answer);
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let probes = self.tickets.iter().filter(|ticket| **ticket == Ticket::Probe { period: self.machine.period() });
        let held = u32::try_from(probes.count()).unwrap();
        match self.machine.state() {
            // Permits are neither lost nor made: those out are those that somebody holds.
            State::HalfOpen { in_flight, passed } => {
                prop_assert_eq!(in_flight, held);
                prop_assert!(in_flight + passed <= self.settings.probes.get());
                prop_assert!(passed < self.settings.probes.get());
            }
            State::Open { until } => {
                prop_assert_eq!(held, 0);
                prop_assert!(until <= self.now + self.settings.longest_open_time);
            }
            State::Closed => prop_assert_eq!(held, 0),
        }
        let counted = self.machine.transitions();
        prop_assert!(counted.closed <= counted.half_opened && counted.half_opened <= counted.opened);
        prop_assert_eq!(counted.opened + counted.half_opened + counted.closed + 1, self.machine.period());
        Ok(())
    }

    /// Wherever it stands: once all tickets are back and the time has come, good probes close it.
    fn can_always_recover(mut self) -> Result<(), TestCaseError> {
        for ticket in std::mem::take(&mut self.tickets) {
            if let Ticket::Probe { period } = ticket {
                self.machine.cancel_probe(period);
            }
        }
        self.now += self.settings.longest_open_time;
        while self.machine.state() != State::Closed {
            let Ok(Ticket::Probe { period }) = self.machine.admit(Caller::Monitor, self.now) else {
                return Err(TestCaseError::fail(format!("no probe in {:?}", self.machine.state())));
            };
            self.machine.settle_probe(period, Outcome { verdict: Verdict::Success, slow: false }, self.now, 0.0);
        }
        Ok(())
    }
}

fn count(outcomes: &[Outcome], is_counted: impl Fn(&Outcome) -> bool) -> u32 {
    u32::try_from(outcomes.iter().filter(|outcome| is_counted(outcome)).count()).unwrap()
}

fn failed_in_a_row(all: &[(u128, Outcome)]) -> u32 {
    let failures = all.iter().rev().take_while(|(_, outcome)| outcome.verdict == Verdict::Failure);
    u32::try_from(failures.count()).unwrap()
}

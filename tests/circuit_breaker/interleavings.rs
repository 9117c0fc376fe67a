//! Every order in which threads can meet, and every value the memory model lets them see, by the model checker loom.
//!
//! The breaker's own files are compiled here a second time, over loom's atomics and lock in place of the standard
//! library's: what is checked is what ships.

#![expect(dead_code, unreachable_pub, reason = "the files are public where they live, and tests use a part of them")]

use std::num::NonZeroU32;
use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32 as LoomU32, Ordering::SeqCst};
use loom::thread;

use self::gate::Gate;
use self::settings::{Percent, Settings};
use self::state::{Caller, Outcome, State, Ticket, Transition, Verdict};
use self::window::Window;

#[path = "../../src/circuit_breaker/gate.rs"]
mod gate;
#[path = "../../src/circuit_breaker/settings.rs"]
mod settings;
#[path = "../../src/circuit_breaker/state.rs"]
mod state;
#[path = "../../src/circuit_breaker/window.rs"]
mod window;

/// What `src/circuit_breaker/sync.rs` takes from the standard library.
mod sync {
    pub(super) use std::sync::PoisonError;

    pub(super) use loom::sync::Mutex;
    pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

const GOOD: Outcome = Outcome { verdict: Verdict::Success, slow: false };
const FAILED: Outcome = Outcome { verdict: Verdict::Failure, slow: false };
const START: Duration = Duration::ZERO;

#[test]
fn two_last_failures_at_once_open_the_breaker_once() {
    loom::model(|| {
        let in_a_row = Settings { failures_in_a_row: two(), ..patient() };
        fail_twice_at_once(in_a_row);
    });
}

#[test]
fn two_failures_at_once_are_both_seen_by_the_one_that_judges_the_rate() {
    loom::model(|| {
        let by_rate = Settings { minimum_calls: two(), failure_rate: Percent::ALL, ..patient() };
        fail_twice_at_once(by_rate);
    });
}

#[test]
fn a_half_open_breaker_never_has_more_probes_out_than_allowed() {
    loom::model(|| {
        let gate = Arc::new(opened(Settings { probes: NonZeroU32::MIN, ..patient() }));
        let out = Arc::new(LoomU32::new(0));
        let late = START + patient().longest_open_time;

        let probers: Vec<_> = (0..2)
            .map(|_| {
                let (gate, out) = (Arc::clone(&gate), Arc::clone(&out));
                thread::spawn(move || {
                    let Ok(ticket) = gate.admit(Caller::Call, late) else { return };
                    assert_eq!(out.fetch_add(1, SeqCst), 0);
                    out.fetch_sub(1, SeqCst);
                    gate.cancel(ticket);
                })
            })
            .collect();
        for prober in probers {
            prober.join().unwrap();
        }

        assert_eq!(gate.view(late).state, State::HalfOpen { in_flight: 0, passed: 0 });
    });
}

#[test]
fn a_probe_that_is_given_up_beside_one_that_succeeds_leaves_the_breaker_sound() {
    loom::model(|| {
        let gate = Arc::new(opened(Settings { probes: two(), ..patient() }));
        let late = START + patient().longest_open_time;
        let (first, second) = (gate.admit(Caller::Call, late).unwrap(), gate.admit(Caller::Call, late).unwrap());

        let other = Arc::clone(&gate);
        let giving_up = thread::spawn(move || other.cancel(second));
        assert_eq!(gate.settle(first, GOOD, late, || 0.0), None);
        giving_up.join().unwrap();
        assert_eq!(gate.view(late).state, State::HalfOpen { in_flight: 0, passed: 1 });

        let third = gate.admit(Caller::Call, late).unwrap();
        assert_eq!(gate.settle(third, GOOD, late, || 0.0), Some(Transition::Closed { openings: 1 }));
        assert!(gate.is_closed());
    });
}

#[test]
fn a_call_from_before_the_outage_cannot_open_the_breaker_that_has_just_closed() {
    loom::model(|| {
        let settings = Settings { failures_in_a_row: two(), probes: NonZeroU32::MIN, ..patient() };
        let gate = Arc::new(Gate::new(settings));
        let old = gate.admit(Caller::Call, START).unwrap();
        open(&gate, settings.failures_in_a_row);
        let late = START + settings.longest_open_time;
        let probe = gate.admit(Caller::Call, late).unwrap();

        let other = Arc::clone(&gate);
        let straggler = thread::spawn(move || other.settle(old, FAILED, late, || 0.0));
        gate.settle(probe, GOOD, late, || 0.0);

        assert_eq!(straggler.join().unwrap(), None);
        assert!(gate.is_closed());
    });
}

#[test]
fn calls_counted_at_once_are_all_counted_also_when_the_counter_starts_a_new_tick() {
    loom::model(|| {
        let window = Arc::new(Window::new(&patient()));
        let a_window_later = START + patient().window;
        window.record(GOOD, START);

        let other = Arc::clone(&window);
        let neighbour = thread::spawn(move || other.record(FAILED, a_window_later));
        window.record(FAILED, a_window_later);
        neighbour.join().unwrap();

        let counts = window.counts(a_window_later);
        assert_eq!((counts.calls, counts.failed, counts.failed_in_a_row), (2, 2, 2));
    });
}

fn fail_twice_at_once(settings: Settings) {
    let gate = Arc::new(Gate::new(settings));
    let fail = |gate: &Gate, ticket: Ticket| gate.settle(ticket, FAILED, START, || 0.0);
    let (mine, theirs) = (gate.admit(Caller::Call, START).unwrap(), gate.admit(Caller::Call, START).unwrap());

    let other = Arc::clone(&gate);
    let neighbour = thread::spawn(move || fail(&other, theirs));
    let transitions = [fail(&gate, mine), neighbour.join().unwrap()];

    assert_eq!(transitions.iter().flatten().count(), 1, "{transitions:?}");
    assert!(!gate.is_closed());
    assert!(gate.admit(Caller::Call, START).is_err());
}

fn opened(settings: Settings) -> Gate {
    let settings = Settings { failures_in_a_row: NonZeroU32::MIN, ..settings };
    let gate = Gate::new(settings);
    open(&gate, settings.failures_in_a_row);
    gate
}

fn open(gate: &Gate, failures: NonZeroU32) {
    for _ in 0..failures.get() {
        let ticket = gate.admit(Caller::Call, START).unwrap();
        gate.settle(ticket, FAILED, START, || 0.0);
    }
    assert!(!gate.is_closed());
}

/// Opens for nothing that these tests do, unless they change one limit.
fn patient() -> Settings {
    Settings { minimum_calls: NonZeroU32::MAX, failures_in_a_row: NonZeroU32::MAX, ..Settings::DEFAULT }
}

fn two() -> NonZeroU32 {
    NonZeroU32::new(2).unwrap()
}

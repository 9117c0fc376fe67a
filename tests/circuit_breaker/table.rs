//! (state, event) → state.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::circuit_breaker::state::{Caller, Machine, Outcome, Ticket};
use countersign::circuit_breaker::{Counts, Percent, Prober, Settings, State, Verdict};

use Event::*;

/// Two probes, one second, no jitter.
const SETTINGS: Settings = Settings {
    probes: NonZeroU32::new(2).unwrap(),
    open_time: Duration::from_secs(1),
    longest_open_time: Duration::from_secs(4),
    ..Settings::DEFAULT
};

const CLOSED: State = State::Closed;
/// Opened at 0 s, so that probes may begin at 1 s.
const OPEN: State = State::Open { until: Duration::from_secs(1) };
/// Opened again by a probe at 1 s, for twice as long.
const REOPENED: State = State::Open { until: Duration::from_secs(3) };

const fn half(in_flight: u32, passed: u32) -> State {
    State::HalfOpen { in_flight, passed }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    CallTooEarly,
    Call,
    Monitor,
    TooManyBad,
    FewBad,
    TooManyBadOfAnEarlierPeriod,
    GoodProbe,
    SlowProbe,
    FailedProbe,
    CancelledProbe,
    GoodProbeOfAnEarlierPeriod,
    FailedProbeOfAnEarlierPeriod,
    CancelledProbeOfAnEarlierPeriod,
}

/// Whether a caller was let through; `-` where nobody asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Through,
    Probing,
    Refused,
    Nobody,
}

#[test]
fn each_event_in_each_state_leads_where_the_table_says() {
    use Answer::{Nobody, Probing, Refused, Through};
    #[rustfmt::skip]
    let table = [
        (CLOSED,     CallTooEarly,                    CLOSED,     Through),
        (CLOSED,     Call,                            CLOSED,     Through),
        (CLOSED,     Monitor,                         CLOSED,     Through),
        (CLOSED,     FewBad,                          CLOSED,     Nobody),
        (CLOSED,     TooManyBadOfAnEarlierPeriod,     CLOSED,     Nobody),
        (CLOSED,     GoodProbe,                       CLOSED,     Nobody),
        (CLOSED,     FailedProbe,                     CLOSED,     Nobody),
        (CLOSED,     CancelledProbe,                  CLOSED,     Nobody),
        (CLOSED,     FailedProbeOfAnEarlierPeriod,    CLOSED,     Nobody),

        (OPEN,       CallTooEarly,                    OPEN,       Refused),
        (OPEN,       Call,                            half(1, 0), Probing),
        (OPEN,       Monitor,                         half(1, 0), Probing),
        (OPEN,       TooManyBad,                      OPEN,       Nobody),
        (OPEN,       TooManyBadOfAnEarlierPeriod,     OPEN,       Nobody),
        (OPEN,       GoodProbe,                       OPEN,       Nobody),
        (OPEN,       FailedProbe,                     OPEN,       Nobody),
        (OPEN,       GoodProbeOfAnEarlierPeriod,      OPEN,       Nobody),
        (OPEN,       CancelledProbeOfAnEarlierPeriod, OPEN,       Nobody),

        (half(0, 0), Call,                            half(1, 0), Probing),
        (half(1, 0), Call,                            half(2, 0), Probing),
        (half(2, 0), Call,                            half(2, 0), Refused),
        (half(2, 0), Monitor,                         half(2, 0), Refused),
        (half(0, 1), Call,                            half(1, 1), Probing),
        (half(1, 1), Call,                            half(1, 1), Refused),
        (half(1, 0), TooManyBad,                      half(1, 0), Nobody),
        (half(1, 0), TooManyBadOfAnEarlierPeriod,     half(1, 0), Nobody),
        (half(1, 0), GoodProbe,                       half(0, 1), Nobody),
        (half(2, 0), GoodProbe,                       half(1, 1), Nobody),
        (half(1, 1), GoodProbe,                       CLOSED,     Nobody),
        (half(1, 0), SlowProbe,                       REOPENED,   Nobody),
        (half(1, 1), SlowProbe,                       REOPENED,   Nobody),
        (half(1, 0), FailedProbe,                     REOPENED,   Nobody),
        (half(2, 0), FailedProbe,                     REOPENED,   Nobody),
        (half(1, 1), FailedProbe,                     REOPENED,   Nobody),
        (half(1, 0), CancelledProbe,                  half(0, 0), Nobody),
        (half(2, 0), CancelledProbe,                  half(1, 0), Nobody),
        (half(1, 1), CancelledProbe,                  half(0, 1), Nobody),
        (half(1, 1), GoodProbeOfAnEarlierPeriod,      half(1, 1), Nobody),
        (half(1, 1), FailedProbeOfAnEarlierPeriod,    half(1, 1), Nobody),
        (half(1, 1), CancelledProbeOfAnEarlierPeriod, half(1, 1), Nobody),

        (CLOSED,     TooManyBad,                      State::Open { until: Duration::from_secs(2) }, Nobody),
    ];

    for (before, event, after, answer) in table {
        let mut machine = machine_in(before);
        let answered = apply(event, &mut machine);
        assert_eq!((machine.state(), answered), (after, answer), "{event:?} in {before:?}");
    }
}

#[test]
fn states_have_names() {
    assert_eq!([CLOSED, OPEN, half(1, 0)].map(State::as_str), ["closed", "open", "half_open"]);
}

#[test]
fn a_monitored_breaker_lets_only_the_monitor_probe() {
    let settings = Settings { prober: Prober::Monitor, ..SETTINGS };
    let mut machine = Machine::new(settings);
    machine.judge(1, reached(), Duration::ZERO, 0.0);
    let due = Duration::from_secs(1);

    let call = machine.admit(Caller::Call, due);
    assert_eq!((machine.state(), call.unwrap_err().retry_after), (OPEN, SETTINGS.open_time));

    machine.admit(Caller::Monitor, due).unwrap();
    assert_eq!(machine.state(), half(1, 0));

    assert!(machine.admit(Caller::Call, due).is_err());
    assert_eq!(machine.state(), half(1, 0));
}

#[test]
fn the_open_time_doubles_to_its_limit_and_starts_anew_once_closed() {
    let mut machine = Machine::new(SETTINGS);
    let mut now = Duration::ZERO;
    let mut open_times = Vec::new();

    machine.judge(1, reached(), now, 0.0);
    for verdict in [Verdict::Failure, Verdict::Failure, Verdict::Failure, Verdict::Success] {
        open_times.push(until(&machine) - now);
        now = until(&machine);
        for _ in 0..2 {
            if let Ok(Ticket::Probe { period }) = machine.admit(Caller::Call, now) {
                machine.settle_probe(period, Outcome { verdict, slow: false }, now, 0.0);
            }
        }
    }
    assert_eq!(machine.state(), CLOSED);
    machine.judge(machine.period(), reached(), now, 0.0);
    open_times.push(until(&machine) - now);

    assert_eq!(open_times, [1, 2, 4, 4, 1].map(Duration::from_secs));
}

#[test]
fn chance_shortens_the_open_time_by_at_most_the_jitter() {
    for (chance, milliseconds) in [(0.0, 1000), (0.5, 750), (1.0, 500), (7.0, 500), (-1.0, 1000)] {
        let mut machine = Machine::new(SETTINGS);

        machine.judge(1, reached(), Duration::ZERO, chance);

        assert_eq!(until(&machine), Duration::from_millis(milliseconds), "chance {chance}");
    }
}

#[test]
fn each_limit_opens_at_its_number_and_not_below() {
    let settings = Settings {
        minimum_calls: NonZeroU32::new(10).unwrap(),
        failure_rate: Percent::new(30).unwrap(),
        slow_rate: Percent::new(80).unwrap(),
        failures_in_a_row: NonZeroU32::new(5).unwrap(),
        ..SETTINGS
    };
    #[rustfmt::skip]
    let table = [
        // calls failed slow in a row  opens
        (0,  0,  0, 0, false),
        (10, 2,  0, 0, false),
        (10, 3,  0, 0, true),
        (9,  3,  0, 0, false),
        (9,  4,  9, 4, false),
        (10, 0,  7, 0, false),
        (10, 0,  8, 0, true),
        (9,  0,  9, 0, false),
        (0,  0,  0, 5, true),
        (1_000_000, 5, 0, 5, true),
        (1_000_000, 299_999, 799_999, 4, false),
        (u32::MAX, u32::MAX, 0, 0, true),
    ];

    for (calls, failed, slow, failed_in_a_row, opens) in table {
        let counts = Counts { calls, failed, slow, failed_in_a_row };
        assert_eq!(counts.reach(&settings), opens, "{counts:?}");
    }
}

/// Leads a new machine into `state`; an open one has been so since 0 s.
fn machine_in(state: State) -> Machine {
    let mut machine = Machine::new(SETTINGS);
    if state == CLOSED {
        return machine;
    }
    machine.judge(1, reached(), Duration::ZERO, 0.0);
    let State::HalfOpen { in_flight, passed } = state else { return machine };
    let due = Duration::from_secs(1);
    let tickets: Vec<_> = (0..(in_flight + passed).max(1)).map(|_| machine.admit(Caller::Call, due).unwrap()).collect();
    let Ticket::Probe { period } = tickets[0] else { panic!("a call of a half-open breaker is a probe") };
    for _ in 0..passed {
        machine.settle_probe(period, GOOD, due, 0.0);
    }
    if in_flight + passed == 0 {
        machine.cancel_probe(period);
    }
    assert_eq!(machine.state(), state);
    machine
}

fn apply(event: Event, machine: &mut Machine) -> Answer {
    let now = Duration::from_secs(1);
    let (period, earlier) = (machine.period(), machine.period() - 1);
    match event {
        CallTooEarly => return ask(machine, Caller::Call, Duration::from_millis(999)),
        Call => return ask(machine, Caller::Call, now),
        Monitor => return ask(machine, Caller::Monitor, now),
        TooManyBad => drop(machine.judge(period, reached(), now, 0.0)),
        FewBad => drop(machine.judge(period, Counts { calls: 1, failed: 1, slow: 1, failed_in_a_row: 1 }, now, 0.0)),
        TooManyBadOfAnEarlierPeriod => drop(machine.judge(earlier, reached(), now, 0.0)),
        GoodProbe => drop(machine.settle_probe(period, GOOD, now, 0.0)),
        SlowProbe => drop(machine.settle_probe(period, Outcome { slow: true, ..GOOD }, now, 0.0)),
        FailedProbe => drop(machine.settle_probe(period, FAILED, now, 0.0)),
        CancelledProbe => machine.cancel_probe(period),
        GoodProbeOfAnEarlierPeriod => drop(machine.settle_probe(earlier, GOOD, now, 0.0)),
        FailedProbeOfAnEarlierPeriod => drop(machine.settle_probe(earlier, FAILED, now, 0.0)),
        CancelledProbeOfAnEarlierPeriod => machine.cancel_probe(earlier),
    }
    Answer::Nobody
}

fn ask(machine: &mut Machine, caller: Caller, now: Duration) -> Answer {
    match machine.admit(caller, now) {
        Ok(Ticket::Call { .. }) => Answer::Through,
        Ok(Ticket::Probe { .. }) => Answer::Probing,
        Err(_) => Answer::Refused,
    }
}

const GOOD: Outcome = Outcome { verdict: Verdict::Success, slow: false };
const FAILED: Outcome = Outcome { verdict: Verdict::Failure, slow: false };

fn reached() -> Counts {
    Counts { calls: 20, failed: 20, slow: 0, failed_in_a_row: 20 }
}

fn until(machine: &Machine) -> Duration {
    match machine.state() {
        State::Open { until } => until,
        state @ (State::Closed | State::HalfOpen { .. }) => panic!("not open but {state:?}"),
    }
}

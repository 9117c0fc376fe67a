//! `Breaker::call` and its relatives.

use std::future::pending;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{advance, timeout};
use tracing::subscriber;

use countersign::circuit_breaker::{CallError, Counts, Percent, Rejected, Settings, State, Verdict};

use crate::world::{Answer, OPEN_TIME, breaker, fail, open, settings, succeed};

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_without_calling_and_says_when_to_come_back() {
    let breaker = breaker(settings());
    open(&breaker).await;
    advance(Duration::from_secs(4)).await;

    let mut called = false;
    let result: Result<(), CallError<Answer>> = breaker
        .call(async {
            called = true;
            Ok(())
        })
        .await;

    let Err(CallError::Rejected(Rejected { retry_after })) = result else { panic!("{result:?}") };
    assert!(!called);
    assert!(retry_after > Duration::from_millis(5_800) && retry_after <= Duration::from_secs(6), "{retry_after:?}");
    assert_eq!(breaker.snapshot().rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_good_call_after_the_open_time_closes_it() {
    let breaker = breaker(settings());
    open(&breaker).await;
    advance(OPEN_TIME).await;

    assert_eq!(succeed(&breaker).await, Ok(()));

    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.counts), (State::Closed, Counts::default()));
    assert_eq!((snapshot.transitions.opened, snapshot.transitions.half_opened, snapshot.transitions.closed), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_unwelcome_answer_is_a_success() {
    let breaker = breaker(settings());

    for _ in 0..100 {
        let result: Result<(), _> = breaker.call(async { Err(Answer::Duplicate) }).await;
        assert_eq!(result, Err(CallError::Failed(Answer::Duplicate)));
    }

    let counts = breaker.snapshot().counts;
    assert_eq!((counts.calls, counts.failed), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_success_breaks_the_row_of_failures() {
    let breaker = breaker(settings());

    for _ in 0..6 {
        fail(&breaker).await.unwrap_err();
        fail(&breaker).await.unwrap_err();
        succeed(&breaker).await.unwrap();
    }

    assert!(breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn slow_answers_open_it_too() {
    let breaker = breaker(Settings { slow_call: Duration::from_secs(1), slow_rate: Percent::HALF, ..settings() });
    for _ in 0..10 {
        succeed(&breaker).await.unwrap();
    }

    let together: Vec<_> = (0..10).map(|_| breaker.admit().unwrap()).collect();
    advance(Duration::from_secs(1)).await;
    for (index, permit) in together.into_iter().enumerate() {
        assert!(breaker.is_closed(), "after {index} slow calls and 10 quick ones");
        permit.settle(Verdict::Success);
    }

    assert!(!breaker.is_closed());
    assert_eq!(breaker.snapshot().counts, Counts { calls: 20, failed: 0, slow: 10, failed_in_a_row: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_deadline_inside_counts_as_a_failure() {
    let breaker = breaker(settings());
    let deadline = Duration::from_secs(2);

    for _ in 0..3 {
        let result = breaker.call_with_deadline(deadline, pending::<Result<(), Answer>>()).await;
        assert_eq!(result, Err(CallError::TimedOut { deadline }));
    }

    assert!(!breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_outside_gives_the_call_up_and_counts_nothing() {
    let breaker = breaker(settings());

    for _ in 0..100 {
        let hanging = breaker.call(pending::<Result<(), Answer>>());
        timeout(Duration::from_secs(2), hanging).await.unwrap_err();
    }

    assert_eq!(breaker.snapshot().counts, Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_leaves_its_place_to_the_next() {
    let breaker = breaker(settings());
    open(&breaker).await;
    advance(OPEN_TIME).await;

    let hanging = breaker.call(pending::<Result<(), Answer>>());
    let probe = timeout(Duration::from_secs(1), async {
        tokio::join!(hanging, async {
            assert!(matches!(succeed(&breaker).await, Err(CallError::Rejected(_))), "one probe at a time");
        })
    });
    assert!(probe.await.is_err());
    assert_eq!(breaker.snapshot().state, State::HalfOpen { in_flight: 0, passed: 0 });

    assert_eq!(succeed(&breaker).await, Ok(()));
    assert!(breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_panic_counts_as_a_failure_and_goes_on() {
    let breaker = breaker(settings());

    for _ in 0..3 {
        let panicking = breaker.call(async {
            tokio::task::yield_now().await;
            panic!("a defect of ours");
            #[expect(unreachable_code, reason = "gives the block its type")]
            Ok::<(), Answer>(())
        });
        AssertUnwindSafe(panicking).catch_unwind().await.unwrap_err();
    }

    assert!(!breaker.is_closed());
    assert_eq!(breaker.snapshot().counts.failed, 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_by_the_panic_of_its_neighbour_counts_nothing() {
    let breaker = breaker(settings());

    let both =
        async { tokio::join!(breaker.call(pending::<Result<(), Answer>>()), async { panic!("somebody else's") }) };
    assert!(AssertUnwindSafe(both).catch_unwind().await.is_err());

    assert_eq!(breaker.snapshot().counts, Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_closure_can_say_what_a_failure_is() {
    let breaker = breaker(settings());

    for status in [200, 404, 503, 503, 503] {
        let judged =
            breaker.call_classified(
                async { status },
                |status| {
                    if *status >= 500 { Verdict::Failure } else { Verdict::Success }
                },
            );
        assert_eq!(judged.await, Ok(status));
    }

    assert!(!breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_permit_guards_work_that_is_more_than_one_future() {
    let breaker = breaker(settings());

    drop(breaker.admit().unwrap());
    breaker.admit().unwrap().settle(Verdict::Success);
    for _ in 0..3 {
        breaker.admit().unwrap().settle(Verdict::Failure);
    }
    assert!(breaker.admit().is_err());
    assert_eq!(breaker.snapshot().counts, Counts { calls: 4, failed: 3, slow: 0, failed_in_a_row: 3 });

    advance(OPEN_TIME).await;
    assert!(breaker.admit().unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_another_period_than_it_began_in_counts_nothing() {
    let breaker = breaker(settings());
    let (while_open, while_half_open, once_closed) =
        (breaker.admit().unwrap(), breaker.admit().unwrap(), breaker.admit().unwrap());

    open(&breaker).await;
    let counted = breaker.snapshot().counts;
    while_open.settle(Verdict::Failure);
    assert_eq!(breaker.snapshot().counts, counted);

    advance(OPEN_TIME).await;
    let probe = breaker.admit().unwrap();
    while_half_open.settle(Verdict::Failure);
    assert_eq!(breaker.snapshot().state, State::HalfOpen { in_flight: 1, passed: 0 });

    probe.settle(Verdict::Success);
    once_closed.settle(Verdict::Failure);
    assert_eq!((breaker.is_closed(), breaker.snapshot().counts), (true, Counts::default()));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_one_warning_and_one_line_when_it_is_over() {
    let log = Log::default();
    let lines = log.clone();
    let collector = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .without_time()
        .with_writer(move || lines.clone())
        .finish();
    // Where there is one collector only, tracing asks the thread that comes by first whether a line interests anybody,
    // and keeps its answer: another test's thread would say no for this one.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _quiet = subscriber::set_default(collector);
    let breaker = breaker(settings());

    open(&breaker).await;
    for _ in 0..5 {
        advance(Settings::DEFAULT.longest_open_time).await;
        fail(&breaker).await.unwrap_err();
    }
    advance(Settings::DEFAULT.longest_open_time).await;
    succeed(&breaker).await.unwrap();

    let text = log.text();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("WARN") && lines[0].contains("circuit opened"), "{text}");
    assert!(lines[0].contains(r#"breaker="dependency""#) && lines[0].contains("failed=3"), "{text}");
    assert!(lines[1].starts_with("INFO") && lines[1].contains("circuit closed"), "{text}");
    assert!(lines[1].contains("openings=6"), "{text}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

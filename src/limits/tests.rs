//! Against the definition: in any stretch of time, no more than the limit and one for each interval of the stretch.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Allowance, Exceeded, Limiter, Quota};

/// Three at once, then one every twenty seconds.
const THREE_A_MINUTE: Quota = Quota::per_minute(NonZeroU32::new(3).unwrap());

#[test]
fn a_burst_passes_then_one_for_each_interval() {
    let seconds = Duration::from_secs;
    let allowed = |remaining, reset| Ok(Allowance { remaining, reset_after: seconds(reset) });
    let refused = |retry| Err(Exceeded { retry_after: seconds(retry) });
    let table = [
        (1_000, allowed(2, 20)),
        (1_000, allowed(1, 40)),
        (1_000, allowed(0, 60)),
        (1_000, refused(20)),
        (1_005, refused(15)),
        (1_020, allowed(0, 60)),
        (1_020, refused(20)),
        (1_070, allowed(1, 30)),
        (5_000, allowed(2, 20)),
    ];
    let limiter = Limiter::new(THREE_A_MINUTE);

    for (at, expected) in table {
        assert_eq!(limiter.take_one("key", seconds(at)), expected, "at {at} s");
    }
}

#[test]
fn keys_do_not_share_a_quota() {
    let limiter = Limiter::new(THREE_A_MINUTE);

    for key in 0..1_000 {
        for left in (0..3).rev() {
            assert_eq!(limiter.take_one(&key, Duration::ZERO).map(|allowance| allowance.remaining), Ok(left));
        }
    }
}

#[test]
fn a_million_keys_are_let_through_once_and_a_greedy_one_is_held_all_the_while() {
    let limiter = Limiter::new(Quota::per_hour(NonZeroU32::new(20).unwrap()));
    let (mut refused, mut greedy) = (0, 0);

    for key in 0..1_000_000_u64 {
        let now = Duration::from_micros(key);
        refused += u32::from(limiter.take_one(&key, now).is_err());
        greedy += u32::from(limiter.take_one("greedy", now).is_ok());
    }

    assert_eq!(refused, 0);
    assert!(greedy <= 20, "{greedy}");
}

#[test]
fn hardly_anybody_is_refused_for_ten_thousand_others_at_their_limit() {
    let limiter = Limiter::new(THREE_A_MINUTE);
    for greedy in 0..10_000 {
        while limiter.take_one(&("greedy", greedy), Duration::ZERO).is_ok() {}
    }

    let others = 0..10_000;
    let refused = others.filter(|other| limiter.take_one(&("other", other), Duration::ZERO).is_err()).count();

    // About 10,000 of the 131,072 slots of each row are used up: all four of a key by a chance of 1 in 30,000.
    assert!(refused < 20, "{refused}");
}

#[test]
fn threads_that_ask_for_one_key_get_its_quota_between_them() {
    let limiter = Limiter::new(Quota::per_hour(NonZeroU32::new(100).unwrap()));
    let taken = AtomicU32::new(0);

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    taken.fetch_add(u32::from(limiter.take_one("key", Duration::ZERO).is_ok()), Ordering::Relaxed);
                }
            });
        }
    });

    assert_eq!(taken.into_inner(), 100);
}

proptest! {
    #[test]
    fn no_stretch_of_time_holds_more_than_the_limit_allows(
        limit in 1_u32..10,
        window in 1_u64..100,
        pauses in vec(0_u64..20_000, 1..200),
    ) {
        let window = Duration::from_secs(window);
        let limiter = Limiter::new(Quota::new(NonZeroU32::new(limit).unwrap(), window));
        let mut now = Duration::from_hours(1);
        let mut taken = Vec::new();

        for pause in pauses {
            now += Duration::from_millis(pause);
            match limiter.take_one("key", now) {
                Ok(_) => taken.push(now),
                // It keeps its word: the moment it names is the first at which it lets one through.
                Err(Exceeded { retry_after }) => {
                    let last = *taken.last().unwrap();
                    prop_assert!(!retry_after.is_zero() && now + retry_after <= last + window);
                    let just_before = (now + retry_after).saturating_sub(Duration::from_nanos(1));
                    prop_assert_eq!(limiter.take_one("key", just_before), Err(Exceeded { retry_after: Duration::from_nanos(1) }));
                }
            }
        }

        let interval = window / limit;
        for (first, start) in taken.iter().enumerate() {
            for (last, end) in taken.iter().enumerate().skip(first) {
                let held = u128::try_from(last - first + 1).unwrap();
                prop_assert!(held <= u128::from(limit) + end.saturating_sub(*start).as_nanos() / interval.as_nanos());
            }
        }
    }
}

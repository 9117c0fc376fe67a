//! Circuit breakers: how patient the service is with each dependency.

use std::num::NonZeroU32;
use std::time::Duration;

use super::section::section;
use crate::circuit_breaker::{Percent, Settings};

/// Declares the section of one breaker, with the defaults of its dependency.
macro_rules! breaker {
    ($Breaker:ident in $name:literal, $defaults:expr, $about:literal) => {
        section! {
            #[doc = $about]
            ///
            /// It opens, and calls are refused at once, when any of three limits is reached: failures in a row, or
            /// the share of failed or of slow calls among those of the last seconds. After a while it is half-open: a
            /// few probes decide whether it closes. An answer that is no success, such as a duplicate, is no failure.
            pub struct $Breaker in $name {
                /// How far back calls are counted, in seconds.
                pub window_seconds: u32 = seconds($defaults.window), in 1..=600;

                /// How many calls there must be within that time before shares say anything.
                pub minimum_calls: u32 = $defaults.minimum_calls.get(), in 1..=1_000_000;

                /// The share of failed calls that opens the breaker, in per cent.
                pub failure_percent: u32 = $defaults.failure_rate.get().into(), in 1..=100;

                /// How many failures without a success between them open the breaker.
                pub failures_in_a_row: u32 = $defaults.failures_in_a_row.get(), in 1..=1_000_000;

                /// From how long on a call is slow, in milliseconds, whatever its end.
                ///
                /// What is longer than the deadline of a call leaves slow calls uncounted.
                pub slow_call_milliseconds: u32 = milliseconds($defaults.slow_call), in 1..=600_000;

                /// The share of slow calls that opens the breaker, in per cent.
                pub slow_percent: u32 = $defaults.slow_rate.get().into(), in 1..=100;

                /// How long the breaker stays open the first time, in milliseconds; each failed probe doubles it.
                ///
                /// Chance takes up to half of it away, so that nodes do not probe in step.
                pub open_milliseconds: u32 = milliseconds($defaults.open_time), in 10..=600_000;

                /// The longest the breaker stays open, in milliseconds, however often probes have failed: what a
                /// dependency that is back may go unnoticed.
                pub longest_open_milliseconds: u32 = milliseconds($defaults.longest_open_time), in 10..=3_600_000;

                /// How many probes must succeed for the breaker to close; the first bad one opens it again.
                pub probes: u32 = $defaults.probes.get(), in 1..=100;
            }
        }

        impl From<&$Breaker> for Settings {
            fn from(breaker: &$Breaker) -> Self {
                let milliseconds = |number: u32| Duration::from_millis(number.into());
                Self {
                    window: Duration::from_secs(breaker.window_seconds.into()),
                    minimum_calls: count(breaker.minimum_calls),
                    failure_rate: percent(breaker.failure_percent),
                    failures_in_a_row: count(breaker.failures_in_a_row),
                    slow_call: milliseconds(breaker.slow_call_milliseconds),
                    slow_rate: percent(breaker.slow_percent),
                    open_time: milliseconds(breaker.open_milliseconds),
                    longest_open_time: milliseconds(breaker.longest_open_milliseconds),
                    probes: count(breaker.probes),
                    ..$defaults
                }
            }
        }
    };
}

breaker!(
    DatabaseBreaker in "database_breaker", Settings::DATABASE,
    " The circuit breaker before the database: when it is taken for gone, and how it is found back."
);

breaker!(
    MailBreaker in "mail_breaker", Settings::MAIL,
    " The circuit breaker before the mail server: letters wait in the database while it is open."
);

breaker!(
    BreachCheckBreaker in "breach_check_breaker", Settings::DEFAULT,
    " The circuit breaker before the list of breached passwords: while it is open, passwords are taken unasked."
);

breaker!(
    TracesBreaker in "traces_breaker", Settings::TRACES,
    " The circuit breaker before the collector of traces: while it is open, spans are given up."
);

// Ranges leave neither a zero nor more than 100 per cent.
fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn percent(number: u32) -> Percent {
    u8::try_from(number).ok().and_then(Percent::new).unwrap_or(Percent::ALL)
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_breaker() {
        assert_eq!(Settings::from(&DatabaseBreaker::default()), Settings::DATABASE);
        assert_eq!(Settings::from(&MailBreaker::default()), Settings::MAIL);
        assert_eq!(Settings::from(&BreachCheckBreaker::default()), Settings::DEFAULT);
        assert_eq!(Settings::from(&TracesBreaker::default()), Settings::TRACES);
    }
}

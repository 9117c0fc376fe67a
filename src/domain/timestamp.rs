//! A point in time, as the database stores it and as people read it.
//!
//! It does not know what time it is: that is asked of the clock, once per operation.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, within the years 0 to 9999 that RFC 3339 can write.
///
/// Arithmetic stops at either end instead of wrapping. Shown and serialized as RFC 3339 in UTC with whole
/// seconds, rounded down: `2026-11-22T12:00:00Z`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_167_219_200_000);
    /// 9999-12-30T22:00:00.999Z, where jiff's calendar ends so that every time zone can still show it.
    pub const MAX: Self = Self(253_402_207_200_999);

    /// Takes milliseconds since the Unix epoch; what lies beyond the ends becomes the nearer end.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Takes seconds since the Unix epoch, as JWT claims have them.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_unix_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch, as rows have them.
    #[must_use]
    pub fn as_unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub fn as_unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time that has passed since `earlier`; zero if `earlier` is yet to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, step: Duration) -> Self {
        Self::from_unix_millis(self.0.saturating_add(millis(step)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, step: Duration) -> Self {
        Self::from_unix_millis(self.0.saturating_sub(millis(step)))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads RFC 3339, in any offset; what is below a millisecond is cut off.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Ok(Self::from_unix_millis(instant.as_millisecond()))
    }
}

/// A text that is no instant.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an instant is written like 2026-11-22T12:00:00Z")]
pub struct TimestampError;

impl TimestampError {
    /// The stable short name of the failed rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        "invalid"
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The bounds of this type lie within jiff's: the conversion has no other outcome.
        let instant = jiff::Timestamp::from_second(self.as_unix_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        instant.fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whole milliseconds of a step, rounded down.
fn millis(step: Duration) -> i64 {
    i64::try_from(step.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_shown_in_utc_with_whole_seconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (999, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_795_348_800_123, "2026-11-22T12:00:00Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-30T22:00:00Z"),
        ] {
            assert_eq!(Timestamp::from_unix_millis(millis).to_string(), text);
        }
        assert_eq!(serde_json::to_string(&Timestamp::from_unix_seconds(1)).unwrap(), r#""1970-01-01T00:00:01Z""#);
    }

    #[test]
    fn is_read_in_any_offset() {
        assert_eq!("2026-11-22T12:00:00.123Z".parse(), Ok(Timestamp::from_unix_millis(1_795_348_800_123)));
        assert_eq!("2026-11-22T14:00:00+02:00".parse(), Ok(Timestamp::from_unix_seconds(1_795_348_800)));
        for text in ["", "2026-11-22", "12:00:00Z", "1795348800", "2026-11-22T12:00:00", "2026-13-22T12:00:00Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text:?}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn a_step_there_is_a_step_back(start in -1_i64 << 44..1 << 44, step in 0_u64..1 << 44) {
            let (start, step) = (Timestamp::from_unix_millis(start), Duration::from_millis(step));
            prop_assert_eq!((start + step) - step, start);
            prop_assert_eq!((start + step).since(start), step);
        }

        #[test]
        fn every_value_is_readable_rfc_3339(millis: i64) {
            let timestamp = Timestamp::from_unix_millis(millis);
            let read: jiff::Timestamp = timestamp.to_string().parse().unwrap();
            prop_assert_eq!(read.as_second(), timestamp.as_unix_seconds());
            prop_assert_eq!(timestamp.to_string().len(), "2026-11-22T12:00:00Z".len());
        }
    }
}

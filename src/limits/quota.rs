//! The arithmetic of a limit: the generic cell rate algorithm (ITU-T I.371, GCRA), without state or clock.
//!
//! A key's whole history is one instant, the *theoretical arrival time*: when its quota will be full again.

use std::num::NonZeroU32;
use std::time::Duration;

/// So many in so much time, all of them at once if need be, and then one by one as time goes by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    limit: NonZeroU32,
    window: Duration,
}

/// It may happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// How often it may happen again at once.
    pub remaining: u32,
    /// When the quota is full again if it does not.
    pub reset_after: Duration,
}

/// It may not happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too often; try again in {retry_after:?}")]
pub struct Exceeded {
    /// When it may happen once more; never zero.
    pub retry_after: Duration,
}

impl Quota {
    /// `limit` within any `window` of quiet before them; afterwards one each `window / limit`.
    #[must_use]
    pub const fn new(limit: NonZeroU32, window: Duration) -> Self {
        Self { limit, window }
    }

    /// `limit` a minute.
    #[must_use]
    pub const fn per_minute(limit: NonZeroU32) -> Self {
        Self::new(limit, Duration::from_mins(1))
    }

    /// `limit` an hour.
    #[must_use]
    pub const fn per_hour(limit: NonZeroU32) -> Self {
        Self::new(limit, Duration::from_hours(1))
    }

    /// `limit` a minute; `None` for 0.
    #[must_use]
    pub const fn of_minute(limit: u32) -> Option<Self> {
        match NonZeroU32::new(limit) {
            Some(limit) => Some(Self::per_minute(limit)),
            None => None,
        }
    }

    /// `limit` an hour; `None` for 0.
    #[must_use]
    pub const fn of_hour(limit: u32) -> Option<Self> {
        match NonZeroU32::new(limit) {
            Some(limit) => Some(Self::per_hour(limit)),
            None => None,
        }
    }

    /// How many.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit.get()
    }

    /// In how much time.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// In how much time one comes back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.window / self.limit.get()
    }

    /// Decides for a key whose quota is full at `full_at`: the instant to remember instead, and what may follow.
    ///
    /// A refusal leaves the instant as it is: asking in vain does not prolong the wait.
    pub fn take_one(&self, full_at: Duration, now: Duration) -> Result<(Duration, Allowance), Exceeded> {
        let one = self.interval();
        let full_at = full_at.max(now).saturating_add(one);
        let earliest = full_at.saturating_sub(self.window);
        if earliest > now {
            return Err(Exceeded { retry_after: earliest.saturating_sub(now) });
        }
        Ok((full_at, self.allowance(full_at.saturating_sub(now))))
    }

    /// What may follow when the quota is full again after so long.
    #[must_use]
    pub fn allowance(&self, reset_after: Duration) -> Allowance {
        let left = self.window.saturating_sub(reset_after).as_nanos();
        let remaining = u32::try_from(left.checked_div(self.interval().as_nanos()).unwrap_or(0)).unwrap_or(u32::MAX);
        Allowance { remaining, reset_after }
    }
}

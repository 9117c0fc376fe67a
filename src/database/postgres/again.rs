//! Trying again what has certainly not happened: after which errors, how often, and until when.
//!
//! It cannot tell whether something happened. Whoever asks knows: nothing was sent, or it was a read, or the server
//! itself said that it took nothing. What was sent as a commit and not answered is never asked for here.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::super::error::DatabaseError;

/// Tries after the first. Two bridge a connection that had broken unseen and one that the server had no place for;
/// more would only keep an outage from the circuit breaker.
const MORE: u32 = 2;
/// The pause before the second try, at most; each one after may be four times as long.
///
/// All nodes lose their connections at the same moment, so chance takes up to all of it ("full jitter").
const PAUSE: Duration = Duration::from_millis(25);

/// The tries that one call has left.
pub(super) struct Again {
    until: Instant,
    left: u32,
    pause: Duration,
}

impl Again {
    /// No try begins when this time is over.
    pub(super) fn within(time: Duration) -> Self {
        Self { until: Instant::now() + time, left: MORE, pause: PAUSE }
    }

    /// Whether to try again after this error; waits a moment before it says yes.
    pub(super) async fn after(&mut self, error: &DatabaseError) -> bool {
        let pause = self.pause.mul_f64(rand::random());
        if self.left == 0 || !error.is_transient() || Instant::now() + pause >= self.until {
            return false;
        }
        self.left -= 1;
        self.pause *= 4;
        sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::error::Fault;
    use super::*;

    #[tokio::test]
    async fn a_passing_fault_is_tried_again_twice_and_others_never() {
        let broken = DatabaseError::unavailable(Fault::Connection, "it broke");
        let mut again = Again::within(Duration::from_hours(1));
        assert!(again.after(&broken).await && again.after(&broken).await);
        assert!(!again.after(&broken).await);

        for lasting in [
            DatabaseError::unavailable(Fault::DiskFull, "53100"),
            DatabaseError::CommitUnknown("no answer".to_owned()),
            DatabaseError::Timeout("statement"),
            DatabaseError::NoRow,
            DatabaseError::Failed,
        ] {
            assert!(!Again::within(Duration::from_hours(1)).after(&lasting).await, "{lasting}");
        }
        assert!(!Again::within(Duration::ZERO).after(&broken).await, "the time is over");
    }
}

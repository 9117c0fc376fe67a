//! Probes made in the background.
//!
//! They spare callers the wait for a dead dependency, and find it back when nobody calls, as after a load balancer has
//! taken this node out of rotation.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use super::permit::Guarded;
use super::state::{Caller, Verdict};
use super::{Breaker, CallError, Outage, within};

impl Breaker {
    /// Whenever the breaker is open, makes the probes with `ping` until it has closed; for ever.
    ///
    /// Run it as a task of its own, once. Each probe may take `deadline`. A `ping` that panics is a failed probe.
    pub async fn monitor<T, E, F>(&self, deadline: Duration, mut ping: impl FnMut() -> F) -> Infallible
    where
        E: Outage,
        F: Future<Output = Result<T, E>>,
    {
        loop {
            while self.is_closed() {
                self.opened.notified().await;
            }
            match self.permit(Caller::Monitor) {
                Ok(permit) => {
                    let probe = Guarded::new(within(deadline, ping()), permit, Verdict::of::<T, CallError<E>>);
                    // The panic hook has told of it, and the breaker has counted it.
                    let _ = AssertUnwindSafe(probe).catch_unwind().await;
                }
                Err(rejected) => tokio::time::sleep(rejected.retry_after).await,
            }
        }
    }
}

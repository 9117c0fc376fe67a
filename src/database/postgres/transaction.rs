//! A transaction on a connection of the pool.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use deadpool_postgres::Object;
use futures_util::FutureExt;
use futures_util::future::join;
use tokio::time::timeout;

use super::super::error::{DatabaseError, Fault};
use super::super::{Query, Row, Visit};
use super::again::Again;
use super::error::{after_commit, translate, unanswered};
use super::{Shared, statement};

pub(in super::super) struct PostgresTransaction {
    shared: Arc<Shared>,
    /// `None` once it was committed or its connection given up.
    client: Option<Object>,
    /// `begin` has been sent.
    begun: bool,
    /// When the last statement ended; the server ends a transaction that idles longer than the lease.
    idle_since: Instant,
    until: Instant,
}

impl PostgresTransaction {
    pub(super) fn new(shared: Arc<Shared>, client: Object) -> Self {
        let now = Instant::now();
        let until = now + shared.lease + shared.statement_timeout;
        Self { shared, client: Some(client), begun: false, idle_since: now, until }
    }

    /// Runs a statement; with the first one goes `begin`. The first one is tried again if its connection turns out to be
    /// broken or the server took nothing: there is nothing before it that would be missing then.
    pub(in super::super) async fn run(
        &mut self,
        query: Query<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<u64, DatabaseError> {
        self.check_lease()?;
        let is_first = !self.begun;
        let mut again = Again::within(self.shared.statement_timeout);
        loop {
            let mut visited = false;
            let mut watched = |row: &Row<'_>| {
                visited = true;
                visit(row)
            };
            let outcome = self.run_once(query, &mut watched).await;
            self.idle_since = Instant::now();
            if outcome.as_ref().is_err_and(DatabaseError::is_outage)
                && let Some(client) = self.client.take()
            {
                self.shared.give_back(client, &outcome);
            }
            match outcome {
                Err(error) if is_first && !visited && again.after(&error).await => {
                    self.client = Some(self.shared.client().await?);
                    self.begun = false;
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs a statement on the connection at hand, with `begin` before it in the same packet if there was none yet.
    async fn run_once(&mut self, query: Query<'_>, visit: &mut Visit<'_>) -> Result<u64, DatabaseError> {
        let Some(client) = &self.client else { return Err(DatabaseError::Failed) };
        let begun = &mut self.begun;
        let work = async {
            let prepared = statement::prepare(client, query).await?;
            if *begun {
                return statement::run(client, &prepared, query, visit).await;
            }
            *begun = true;
            // Polled in this order, so sent in this order.
            let (opened, outcome) =
                join(client.batch_execute("begin"), statement::run(client, &prepared, query, visit)).await;
            opened.map_err(|error| translate(&error)).and(outcome)
        };
        self.shared.in_time(work).await
    }

    /// Commits. Only called when every statement has succeeded.
    pub(in super::super) async fn commit(mut self) -> Result<(), DatabaseError> {
        self.check_lease()?;
        let Some(client) = self.client.take() else { return Err(DatabaseError::Failed) };
        if client.is_closed() {
            return Err(DatabaseError::unavailable(Fault::Connection, "it broke before the commit"));
        }
        // Dropped from here on, the commit happens all the same; the answer is thrown away.
        let answer = timeout(self.shared.statement_timeout, client.batch_execute("commit")).await;
        let outcome = answer.map_or_else(|_| Err(unanswered()), |answer| answer.map_err(|error| after_commit(&error)));
        self.shared.give_back(client, &outcome);
        outcome.inspect(|()| self.shared.count_commit())
    }

    fn check_lease(&mut self) -> Result<(), DatabaseError> {
        let now = Instant::now();
        let over = now > self.until || (self.begun && now > self.idle_since + self.shared.lease);
        if over {
            self.shared.revoked.fetch_add(1, Ordering::Relaxed);
            return Err(DatabaseError::Timeout("transaction"));
        }
        Ok(())
    }
}

impl Drop for PostgresTransaction {
    /// Sends `rollback` and does not wait: whoever gets the connection next is answered after it.
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && self.begun
        {
            // One poll sends it.
            let _answer = pin!(client.batch_execute("rollback")).now_or_never();
        }
    }
}

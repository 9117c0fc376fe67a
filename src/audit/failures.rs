//! Failed sign-ins: written down one by one up to a bound, and counted above it.
//!
//! The bound looks at the network of the client and at nothing else: a failure costs the same whether the account
//! exists or not.

use super::{By, Event, Kind, record};
use crate::{app::App, database::DatabaseError, domain::Client};

/// Writes a sign-in that failed down, or counts it if there have been many in this minute.
///
/// # Errors
/// Those of the database.
pub async fn note(app: &App, client: &Client, event: Event<'_>) -> Result<(), DatabaseError> {
    if !app.failures.keeps(client.network(), app.clock.now()) {
        return Ok(());
    }
    record(&mut app.database.once(), app.into(), event).await
}

/// Writes down how many were only counted, once their minute is over.
///
/// # Errors
/// Those of the database; they are then still counted.
pub async fn settle(app: &App) -> Result<(), DatabaseError> {
    let Some(omitted) = app.failures.settle(app.clock.now()) else { return Ok(()) };
    let event = Event::new(Kind::SignInsFailed, By::system()).with("omitted", omitted);
    let recorded = record(&mut app.database.once(), app.into(), event).await;
    recorded.inspect_err(|_| app.failures.put_back(omitted))
}

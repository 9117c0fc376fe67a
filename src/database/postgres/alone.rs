//! One transaction that takes as long as it must, on a connection of its own.

use deadpool_postgres::{ClientWrapper, Object};

use super::super::error::DatabaseError;
use super::super::migrate::MigrateError;
use super::super::settings::DatabaseSettings;
use super::Postgres;
use super::error::{after_commit, translate};

/// The limits for ordinary statements do not hold here.
const BEGIN: &str = "
    begin;
    set local statement_timeout = 0;
    set local idle_in_transaction_session_timeout = 0;";

/// Dropped, it is rolled back: its connection goes with it.
pub(in super::super) struct Alone {
    client: ClientWrapper,
}

impl Alone {
    /// Connects, brings the schema up to date, and begins.
    pub(in super::super) async fn begin(settings: &DatabaseSettings) -> Result<Self, MigrateError> {
        let postgres = Box::pin(Postgres::connect(settings)).await?;
        postgres.migrate().await?;
        let client = Object::take(postgres.shared.client().await?);
        client.batch_execute(BEGIN).await.map_err(|error| translate(&error))?;
        Ok(Self { client })
    }

    pub(in super::super) fn client(&self) -> &tokio_postgres::Client {
        &self.client
    }

    pub(in super::super) async fn commit(self) -> Result<(), DatabaseError> {
        self.client.batch_execute("commit").await.map_err(|error| after_commit(&error))
    }
}

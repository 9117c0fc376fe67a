//! Known addresses: where users have signed in, so that guessing from elsewhere does not lock them out.
//!
//! An IPv6 address is its /64. What is kept is a digest that belongs to one user: nobody can see from the table where
//! somebody was, or who was at the same place.

use crate::{
    app::App,
    crypto::Digest,
    database::{DatabaseError, Reads, Transaction},
    domain::{Client, Timestamp, UserId},
    models::known_address::{self, KnownAddress},
};

/// Remembers the address of a sign-in, in the transaction that opens the session.
///
/// # Errors
/// Those of the database.
pub async fn remember(
    app: &App,
    transaction: &mut Transaction,
    user: UserId,
    client: &Client,
) -> Result<(), DatabaseError> {
    KnownAddress { user, address: digest(app, user, client) }.remember(transaction, app.clock.now()).await
}

/// Whether the user has signed in from this address within `limits.known_address_days`. Ask before
/// [`remember`].
///
/// # Errors
/// Those of the database.
pub async fn is_known(app: &App, read: impl Reads, user: UserId, client: &Client) -> Result<bool, DatabaseError> {
    KnownAddress { user, address: digest(app, user, client) }.is_known(read, since(app)).await
}

/// Whether the user has signed in from anywhere within `limits.known_address_days`.
///
/// # Errors
/// Those of the database.
pub async fn has_any(app: &App, read: impl Reads, user: UserId) -> Result<bool, DatabaseError> {
    known_address::has_any(read, user, since(app)).await
}

/// Addresses that were last signed in from before this are forgotten.
#[must_use]
pub fn since(app: &App) -> Timestamp {
    app.clock.now() - app.config.limits.known_address()
}

/// Under what the address is kept for this user.
#[must_use]
pub fn digest(app: &App, user: UserId, client: &Client) -> Digest {
    let network = client.network().to_string();
    app.digests.digest("known address", &[&user.get().to_be_bytes(), network.as_bytes()])
}

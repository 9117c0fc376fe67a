//! Purge: forget failures that hold nobody back any more.

use std::time::Duration;

use crate::{
    app::App,
    auth::known_addresses,
    database::DatabaseError,
    models::{account_failures, address_failures, known_address},
};

/// How long an address that makes no further attempt has its failures kept. Afterwards it begins anew: that allows
/// fewer guesses than going on at one each quarter of an hour.
const KEPT_OF_ADDRESS: Duration = Duration::from_hours(24);

/// How long the failures of a name that nobody has are kept. To whoever asks again, it then looks like an account whose
/// owner has signed in meanwhile. Those of users are kept until that really happens.
const KEPT_OF_NOBODY: Duration = Duration::from_hours(7 * 24);

/// How many rows are deleted in one statement: a few milliseconds of the one writer of SQLite.
const STRETCH: u64 = 500;

/// Deletes failures and known addresses that no longer matter, a stretch at a time; says how many.
///
/// # Errors
/// Those of the database.
pub async fn purge(app: &App) -> Result<u64, DatabaseError> {
    let now = app.clock.now();
    let (of_address, of_nobody, known) = (now - KEPT_OF_ADDRESS, now - KEPT_OF_NOBODY, known_addresses::since(app));
    let most = STRETCH.cast_signed();
    let mut deleted = 0;
    loop {
        let stretches = [
            address_failures::purge(&mut app.database.once(), of_address, most).await?,
            account_failures::purge(&mut app.database.once(), of_nobody, most).await?,
            known_address::purge(&mut app.database.once(), known, most).await?,
        ];
        deleted += stretches.iter().sum::<u64>();
        if stretches.iter().all(|stretch| *stretch < STRETCH) {
            return Ok(deleted);
        }
    }
}

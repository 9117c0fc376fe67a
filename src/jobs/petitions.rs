//! Petitions: what was asked for an address is looked at here, after the answer that says nothing.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use crate::{
    app::App,
    auth::{register::concealed, reset_password},
    database::{DatabaseError, Transaction},
    models::petition::{Petition, Wish},
};

/// How often petitions are looked for that another node has taken down and not looked at, because it ended.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a petition rests before it is looked at: the answer has left by then, on any machine that answers at all, so
/// the work for an address that has an account cannot hold it up.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(50);

/// Answers petitions as they come.
pub(super) async fn answer(app: &App) {
    loop {
        if timeout(LOOK_INTERVAL, app.petitioned.notified()).await.is_ok() {
            sleep(AFTER_THE_ANSWER).await;
        }
        match Petition::any(&app.database).await {
            Ok(true) => answer_all(app).await,
            Ok(false) => {}
            Err(error) => warn!(%error, "petitions could not be looked for"),
        }
    }
}

/// Answers every petition once; one that fails stays for the next time, and the others do not wait for it.
async fn answer_all(app: &App) {
    let mut after = 0;
    loop {
        match answer_next(app, &mut after).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) if error.is_outage() => return warn!(%error, "petitions have to wait"),
            Err(error) => error!(%error, petition = after, "a petition could not be answered"),
        }
    }
}

/// Answers the next petition, in the transaction that takes it out of the table; false if there is none.
async fn answer_next(app: &App, after: &mut i64) -> Result<bool, DatabaseError> {
    let mut transaction = app.database.begin().await?;
    let Some(petition) = Petition::take(&mut transaction, *after).await? else { return Ok(false) };
    *after = petition.id;
    grant(app, &mut transaction, petition).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn grant(app: &App, transaction: &mut Transaction, petition: Petition) -> Result<(), DatabaseError> {
    let Petition { email, wish, .. } = petition;
    match wish {
        Wish::ResetPassword => reset_password::send(app, transaction, &email).await,
        Wish::Register { username, password_hash } => {
            concealed::settle(app, transaction, &email, (username, password_hash)).await
        }
    }
}

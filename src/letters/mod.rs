//! Letters: posted with the fact that they report, and brought to the mail server afterwards.
//!
//! Whoever changes something that its owner must hear of posts a letter in the same transaction: either both are
//! there or neither. Nobody waits for a mail server here. Who posts decides what is said and to whom; this room only
//! sees to it that it is not lost and not read on the way.

mod delivery;

use crate::{
    app::App,
    database::{DatabaseError, Transaction},
    domain::Email,
    mail::{Letter, payload::Payload},
    models::job::{Job, Kind, NewJob},
};

pub use self::delivery::{Delivery, deliver_one, forget_dead};

/// Posts a letter. It leaves after the transaction was committed, or never if it was not.
///
/// # Errors
/// Those of the database; [`DatabaseError::Other`] when the letter could not be sealed, which should not happen.
pub async fn post(app: &App, transaction: &mut Transaction, to: &Email, letter: &Letter) -> Result<(), DatabaseError> {
    let payload = Payload::of(to, letter).to_bytes().map_err(unwritten)?;
    let sealed_payload = app.sealer.seal(SEAL_NAME, &payload).map_err(unwritten)?;
    let now = app.clock.now();
    let new = NewJob {
        kind: Kind::Mail,
        about: letter.kind().as_str(),
        sealed_payload: &sealed_payload,
        created_at: now,
        give_up_at: now + app.config.mail.give_up_after(),
    };
    Job::insert(&mut *transaction, &new).await?;
    let posted = app.mailer.posted();
    transaction.after_commit(move || posted.notify_one());
    Ok(())
}

/// What letters are sealed for. Not bound to the row, whose number is not known before it is written; the address is
/// inside, so a letter in another row goes to the same reader.
const SEAL_NAME: &str = Kind::Mail.seal_name();

fn unwritten(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Other(format!("a letter could not be posted: {error}"))
}

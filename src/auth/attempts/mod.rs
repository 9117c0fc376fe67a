//! Attempts: the one way to check a password that somebody offers, and the only place that holds guessers back.
//!
//! An attempt is counted as a failure before the password is looked at, and the count is taken away when it was right, or
//! when its client left before anybody looked: however many come at once, on however many nodes, none is looked at that
//! was not counted. A name that nobody has is counted by the same statements and costs the same time.

mod counted;
pub mod purge;

use std::time::Duration;

use self::counted::{Claim, Mark};
use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    crypto::{Digest, DigestKey, Overloaded, PasswordHash, Turn, Verdict},
    database::{DatabaseError, Transaction},
    domain::{Client, Password, UserId},
    models::{account_failures, address_failures, user::User},
};

/// Checks a password, if the account and the address are not held back. The turn comes first, so that whom the hashing
/// threads have no time for is not counted either.
///
/// # Errors
/// [`GuessError`]; the password was looked at only with [`GuessError::Wrong`].
pub async fn check(app: &App, turn: Turn, guess: Guess<'_>) -> Result<Proof, GuessError> {
    let outcome = prove(app, turn, guess).await;
    match &outcome {
        Err(GuessError::Wrong) => note(app, guess, Kind::SignInFailed).await?,
        Err(GuessError::HeldBack { .. }) => note(app, guess, Kind::SignInLimited).await?,
        Ok(_) | Err(GuessError::Overloaded(_) | GuessError::Database(_)) => {}
    }
    outcome
}

/// Writes a guess that failed down.
async fn note(app: &App, guess: Guess<'_>, kind: Kind) -> Result<(), GuessError> {
    let failed = Event::new(kind, By::nobody(guess.client));
    let failed = guess.user.map(|user| user.id).into_iter().fold(failed, Event::about);
    audit::failures::note(app, guess.client, failed).await.map_err(GuessError::Database)
}

async fn prove(app: &App, turn: Turn, guess: Guess<'_>) -> Result<Proof, GuessError> {
    let attempt = Claim::of(app, &guess).count(turn.begun()).await?;
    let verdict = match turn.verify(guess.password, guess.stored()).await {
        Ok(verdict) => verdict,
        Err(overloaded) => {
            attempt.give_back().await;
            return Err(overloaded.into());
        }
    };
    let mark = attempt.looked_at();
    match verdict {
        Verdict::Wrong => Err(GuessError::Wrong),
        Verdict::Right => Ok(Proof { is_outdated: false, mark }),
        Verdict::RightButOutdated => Ok(Proof { is_outdated: true, mark }),
    }
}

/// Forgets all failures of a user, whatever address they came from: the password is another one, and its owner shall
/// not wait for what was done with the old one.
///
/// # Errors
/// Those of the database.
pub async fn clear(digests: &DigestKey, transaction: &mut Transaction, user: UserId) -> Result<(), DatabaseError> {
    let account = Account::User(user).digest(digests);
    address_failures::clear(&mut *transaction, account).await?;
    account_failures::clear(transaction, account).await
}

/// A password, offered as somebody's.
#[derive(Clone, Copy)]
pub struct Guess<'a> {
    /// The user, if there is one of that name.
    pub user: Option<&'a User>,
    /// The name in its canonical form, by which it is counted if nobody has it.
    pub name: &'a str,
    /// The password.
    pub password: &'a Password,
    /// Where it comes from.
    pub client: &'a Client,
}

/// The password was right. Its attempt still counts as a failure until [`Proof::clear`] is committed.
#[must_use]
pub struct Proof {
    /// Whether the hash is weaker than what new ones get.
    pub is_outdated: bool,
    mark: Mark,
}

/// Why a password does not count as proved.
#[derive(Debug, thiserror::Error)]
pub enum GuessError {
    /// It is another one, or nobody has the name.
    #[error("the password is wrong")]
    Wrong,
    /// Too many were wrong. This one was neither looked at nor counted.
    #[error("too many failures; try again in {retry_after:?}")]
    HeldBack {
        /// When the next one is looked at, if not sooner.
        retry_after: Duration,
    },
    /// Too many passwords are waiting to be checked; this one was not looked at in time.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// It could not be counted, and so was not looked at.
    #[error(transparent)]
    Database(DatabaseError),
}

impl Proof {
    /// Forgets the failures of this address, and those of all addresses together, in the transaction that the password
    /// was proved for.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn clear(&self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        self.mark.clear(transaction).await
    }

    /// Forgets them where there is nothing else to write.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn clear_now(&self, app: &App) -> Result<(), DatabaseError> {
        let mut transaction = app.database.begin().await?;
        self.clear(&mut transaction).await?;
        transaction.commit().await
    }
}

impl Guess<'_> {
    /// What the password is checked against.
    fn stored(&self) -> Option<&PasswordHash> {
        self.user.map(|user| &user.password_hash)
    }
}

/// What the failures of a guess are counted for.
fn account_of<'a>(guess: &'a Guess<'_>) -> Account<'a> {
    guess.user.map_or(Account::Nobody(guess.name), |user| Account::User(user.id))
}

/// What failures are counted for: one key for each user, whatever name they were called by.
enum Account<'a> {
    User(UserId),
    Nobody(&'a str),
}

impl Account<'_> {
    fn digest(&self, digests: &DigestKey) -> Digest {
        match self {
            Self::User(id) => digests.digest("user", &[&id.get().to_be_bytes()]),
            Self::Nobody(name) => digests.digest("nobody", &[name.as_bytes()]),
        }
    }
}

impl From<DatabaseError> for GuessError {
    fn from(error: DatabaseError) -> Self {
        match error {
            // The user was deleted after they were found.
            DatabaseError::ForeignKey => Self::Wrong,
            error => Self::Database(error),
        }
    }
}

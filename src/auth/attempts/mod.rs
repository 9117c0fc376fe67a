//! Attempts: the one way to check a password that somebody offers, and the only place that holds guessers back.
//!
//! An attempt is counted as a failure before the password is looked at, and the count is taken away when it was right:
//! however many come at once, on however many nodes, none is looked at that was not counted. A name that nobody has is
//! counted by the same statements and costs the same time.

pub mod purge;

use std::time::Duration;

use crate::{
    app::App,
    audit::{self, By, Event, Kind},
    auth::known_addresses,
    crypto::{Digest, DigestKey, Overloaded, PasswordHash, Verdict},
    database::{DatabaseError, Transaction},
    domain::{Client, Password, Timestamp, UserId},
    models::{
        account_failures::{self, Stranger},
        address_failures::{self, Pair, RetryAt, Waits},
        user::User,
    },
};

/// Checks a password, if the account and the address are not held back.
///
/// # Errors
/// [`GuessError`]; the password was looked at only with [`GuessError::Wrong`].
pub async fn check(app: &App, guess: Guess<'_>) -> Result<Proof, GuessError> {
    let outcome = prove(app, guess).await;
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

async fn prove(app: &App, guess: Guess<'_>) -> Result<Proof, GuessError> {
    let count = count(app, &guess).await?;
    let verdict = match app.hasher.verify(guess.password, guess.stored()).await {
        Ok(verdict) => verdict,
        Err(overloaded) => {
            // If this fails as well, one attempt more is counted than was made: the safe side.
            let _ = count.give_back(app).await;
            return Err(overloaded.into());
        }
    };
    match verdict {
        Verdict::Wrong => Err(GuessError::Wrong),
        Verdict::Right => Ok(Proof { is_outdated: false, count }),
        Verdict::RightButOutdated => Ok(Proof { is_outdated: true, count }),
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
    count: Count,
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
    /// Too many passwords are waiting to be checked; this one was not looked at.
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
        // In the order in which they are counted, so that nobody waits for somebody who waits for them.
        if self.count.pair.is_some() {
            self.count.address.clear(&mut *transaction).await?;
        }
        if self.count.is_of_account {
            account_failures::clear(transaction, self.count.address.account).await?;
        }
        Ok(())
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

    fn account(&self) -> Account<'_> {
        self.user.map_or(Account::Nobody(self.name), |user| Account::User(user.id))
    }
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

/// An attempt that was counted.
struct Count {
    address: Pair,
    /// The wait that it brought, unless waits are switched off.
    pair: Option<RetryAt>,
    is_of_account: bool,
}

impl Count {
    async fn give_back(&self, app: &App) -> Result<(), DatabaseError> {
        let mut transaction = app.database.begin().await?;
        if let Some(counted) = self.pair {
            self.address.give_back(&mut transaction, counted, app.clock.now()).await?;
        }
        if self.is_of_account {
            account_failures::give_back(&mut transaction, self.address.account).await?;
        }
        transaction.commit().await
    }
}

/// Counts an attempt as a failure: for its address and for its account, or for neither.
async fn count(app: &App, guess: &Guess<'_>) -> Result<Count, GuessError> {
    let limits = &app.config.limits;
    let now = app.clock.now();
    let account = guess.account().digest(&app.digests);
    let network = guess.client.network().to_string();
    let address = Pair { account, address: app.digests.digest("failures", &[&account, network.as_bytes()]) };
    let mut count = Count { address, pair: None, is_of_account: limits.failures_before_known_addresses != 0 };
    let waits = Waits { first_after: limits.failures_before_wait, longest_millis: millis(limits.longest_wait()) };

    let mut transaction = app.database.begin().await?;
    if waits.first_after != 0 {
        count.pair = address.count(&mut transaction, waits, now).await?;
        if count.pair.is_none() {
            return Err(held_back(address.retry_at(&mut transaction).await?, now));
        }
    }
    if count.is_of_account {
        let user = guess.user.map(|user| user.id);
        let stranger = Stranger {
            account,
            user,
            // Nobody has no known address: a digest that no row has keeps the statement the same.
            address: user.map_or(account, |user| known_addresses::digest(app, user, guess.client)),
            known_since: known_addresses::since(app),
        };
        if !stranger.count(&mut transaction, limits.failures_before_known_addresses, now).await? {
            return Err(GuessError::HeldBack { retry_after: limits.longest_wait() });
        }
    }
    transaction.commit().await?;
    Ok(count)
}

fn held_back(retry_at: Option<RetryAt>, now: Timestamp) -> GuessError {
    let retry_after = retry_at.map_or(Duration::ZERO, |RetryAt(instant)| instant.since(now));
    GuessError::HeldBack { retry_after }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
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

//! One-time codes: issued to whoever reads an address, and taken once.
//!
//! A code is good for one purpose, one user and the address it was sent to. Every one that is not is refused alike, so
//! that nobody learns by trying which accounts exist. What it then does is its taker's business.

pub mod purge;

use std::time::Duration;

use crate::{
    app::App,
    auth::limits::{self, LimitError, Subject},
    crypto::one_time_code::{OneTimeToken, TypedCode},
    database::{Database, DatabaseError, Transaction},
    domain::{Client, Email, Timestamp, UserId},
    limits::Policy,
    mail::Token,
    models::{
        one_time_code::{Digests, OneTimeCode, Purpose},
        user::User,
    },
};

/// Issues a code in the transaction of the fact it follows; the one before it for the same purpose dies.
///
/// Codes that take back an address live side by side, one for each address: else a second change would kill the first
/// owner's right.
///
/// # Errors
/// Those of the database.
pub async fn issue(
    app: &App,
    transaction: &mut Transaction,
    (user, purpose, sent_to): (UserId, Purpose, &Email),
) -> Result<Token, DatabaseError> {
    let now = app.clock.now();
    let token = OneTimeToken::random();
    let typed = is_typed(purpose).then(TypedCode::random);
    let digests = Digests {
        token: token.digest(),
        typed: typed.as_ref().map(|code| code.digest(&app.digests, purpose.as_str(), sent_to)),
    };
    let code = (user, purpose, sent_to);
    if purpose != Purpose::UndoEmailChange {
        OneTimeCode::delete_elsewhere(&mut *transaction, code).await?;
    }
    OneTimeCode::replace(transaction, code, digests, (now, now + lifetime(purpose))).await?;
    Ok(Token { link: token.write(), code: typed.map(|code| code.write()) })
}

/// Finds whose code this is, without using it up. A short code that is typed is a guess, and limited as one.
///
/// # Errors
/// [`CodeError`]; a code for another purpose is as wrong as one that never was.
pub async fn holder(app: &App, proof: &Proof, purposes: &[Purpose], client: &Client) -> Result<Held, CodeError> {
    let now = app.clock.now();
    let found = match proof {
        Proof::Token(token) => OneTimeCode::find_by_token(&app.database, token.digest(), now).await?,
        Proof::Typed { email, code } => {
            // As a sign-in of the client, who could name any number of addresses; then for every address alike, whether
            // it has a code or not, and before looking.
            limits::take(app, Policy::Login, Subject::Address(client)).await?;
            limits::take(app, Policy::TypedCodes, Subject::Account(email)).await?;
            find_typed(app, (email, code), purposes, now).await?
        }
        Proof::Nothing => None,
    };
    let (user, code) = found.filter(|(_, code)| purposes.contains(&code.purpose)).ok_or(CodeError::Invalid)?;
    Ok(Held { user, code })
}

/// Kills every code of a user but those that take back an address: because the password or the address has changed.
///
/// Whoever stole a password could otherwise change the address, then the password, and nobody could undo it.
///
/// # Errors
/// Those of the database.
pub async fn kill(transaction: &mut Transaction, user: UserId) -> Result<(), DatabaseError> {
    OneTimeCode::delete_of(transaction, user, Timestamp::MAX).await
}

/// Kills every code of a user, those that take back an address as well: an operator knows whose account it is.
///
/// # Errors
/// Those of the database.
pub async fn kill_all(transaction: &mut Transaction, user: UserId) -> Result<(), DatabaseError> {
    OneTimeCode::delete_of(transaction, user, Timestamp::MIN).await
}

/// Whose an address is: who has it, or can still take it back.
///
/// Without the second, a thief who has moved an account to another address could register the old one, and its owner
/// could not come home. The order of the two questions matters: the code is made before the address is given up.
///
/// # Errors
/// Those of the database.
pub async fn owner(database: &Database, address: &Email, now: Timestamp) -> Result<Option<User>, DatabaseError> {
    match User::find_by_email(database, address).await? {
        Some(user) => Ok(Some(user)),
        None => OneTimeCode::held_back_for(database, address, now).await,
    }
}

/// What somebody offers to prove that they read the mail of an address.
pub enum Proof {
    /// What the link carried.
    Token(OneTimeToken),
    /// What they typed, and where it was sent.
    Typed {
        /// The address.
        email: Email,
        /// The code.
        code: TypedCode,
    },
    /// Something that cannot be a code.
    Nothing,
}

/// A code that is good, and whose it is.
pub struct Held {
    /// Whose account it is for, as they are now.
    pub user: User,
    code: OneTimeCode,
}

impl Held {
    /// What the code is good for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.code.purpose
    }

    /// The address that it was sent to.
    #[must_use]
    pub fn sent_to(&self) -> &Email {
        &self.code.sent_to
    }

    /// Uses the code up; false if somebody was faster.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn use_up(&self, app: &App, transaction: &mut Transaction) -> Result<bool, DatabaseError> {
        self.code.use_up(transaction, app.clock.now()).await
    }

    /// Kills every code of the user but those that take back an address and are not newer than this one: they belong to
    /// whoever had the account before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn kill_later(&self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        OneTimeCode::delete_of(transaction, self.user.id, self.code.created_at).await
    }
}

/// Why a code is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// It is none, or for something else, or used, or too old, or there is a newer one.
    #[error("the code is not valid")]
    Invalid,
    /// Too many have been typed for this address, or by this client.
    #[error(transparent)]
    Limited(#[from] LimitError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

async fn find_typed(
    app: &App,
    (email, code): (&Email, &TypedCode),
    purposes: &[Purpose],
    now: Timestamp,
) -> Result<Option<(User, OneTimeCode)>, DatabaseError> {
    for purpose in purposes {
        let digest = code.digest(&app.digests, purpose.as_str(), email);
        if let Some(found) = OneTimeCode::find_by_typed(&app.database, digest, now).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// How long a code is good. A reset is asked for by somebody who waits for it (OWASP Forgot Password: short); an
/// address is confirmed within the day; a change of address may be noticed after a holiday.
fn lifetime(purpose: Purpose) -> Duration {
    match purpose {
        Purpose::ConfirmEmail | Purpose::ChangeEmail => Duration::from_hours(24),
        Purpose::ResetPassword => Duration::from_mins(30),
        Purpose::UndoEmailChange => Duration::from_hours(7 * 24),
    }
}

/// Whether a code may also be typed. Taking an address back is too rare and too strong for 40 bits that live a week.
fn is_typed(purpose: Purpose) -> bool {
    match purpose {
        Purpose::ConfirmEmail | Purpose::ChangeEmail | Purpose::ResetPassword => true,
        Purpose::UndoEmailChange => false,
    }
}

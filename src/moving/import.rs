//! Import: take in a batch of users, in one transaction.
//!
//! The unique address makes it repeatable: after a kill, or a commit whose outcome nobody knows, the same batch again
//! adds those who are missing and nobody twice. Users who are there keep what they have, their password above all.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{
    audit::{self, By, Event, Kind, Scribe},
    crypto::PasswordHash,
    database::{Database, DatabaseError, Transaction},
    domain::{Email, Roles, Timestamp, Username},
    models::imported_user::{AT_ONCE, ImportedUser},
};

/// Somebody who shall become a user.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The address that will sign in.
    pub email: Email,
    /// The name they had, if it can be one here. Without it they are named after their address.
    pub username: Option<Username>,
    /// What their password is checked against.
    pub password_hash: PasswordHash,
    /// Whether they may sign in at all.
    pub is_active: bool,
    /// Whether their address has been confirmed.
    pub email_verified: bool,
    /// What they may do beyond being a user.
    pub roles: Roles,
    /// When they opened their account. Without it: now.
    pub created_at: Option<Timestamp>,
}

/// What became of one of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// They are a user, by this name.
    Imported(Username),
    /// Somebody has this address, and was left as they were.
    AlreadyThere,
    /// Somebody else has the name.
    UsernameTaken,
}

impl Outcome {
    /// Whether they were taken in.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        matches!(self, Self::Imported(_))
    }
}

/// What a batch is taken in for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Whoever is new stays; whoever is there already stays as they are.
    AddNew,
    /// All of them stay, or nobody if one cannot be taken in.
    AllOrNobody,
    /// Nobody stays: it shows what would happen.
    Rehearsal,
}

/// Takes in a batch, as somebody at the command line asks, and writes down that it came: one transaction, for which
/// others wait. Answers what became of each, in their order.
///
/// # Errors
/// The database's. Nobody was taken in, unless the outcome of the commit is unknown; either way the batch may be tried
/// again.
pub async fn import(
    database: &Database,
    scribe: Scribe<'_>,
    newcomers: &[Newcomer],
    purpose: Purpose,
) -> Result<Vec<Outcome>, DatabaseError> {
    let mut transaction = database.begin().await?;
    let mut outcomes = Vec::with_capacity(newcomers.len());
    for few in newcomers.chunks(AT_ONCE) {
        outcomes.extend(import_few(&mut transaction, few, scribe.now).await?);
    }
    let stays = match purpose {
        Purpose::AddNew => true,
        Purpose::AllOrNobody => outcomes.iter().all(Outcome::is_imported),
        Purpose::Rehearsal => false,
    };
    if stays {
        write_down(&mut transaction, scribe, newcomers, &outcomes).await?;
        transaction.commit().await?;
    }
    Ok(outcomes)
}

/// Writes down how many have come, and how many administrators are among them.
async fn write_down(
    transaction: &mut Transaction,
    scribe: Scribe<'_>,
    newcomers: &[Newcomer],
    outcomes: &[Outcome],
) -> Result<(), DatabaseError> {
    let come = newcomers.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_imported());
    let (mut users, mut administrators) = (0, 0);
    for (newcomer, _) in come {
        users += 1;
        administrators += u64::from(newcomer.roles.contains(Roles::ADMIN));
    }
    if users == 0 {
        return Ok(());
    }
    let event = Event::new(Kind::Imported, By::cli()).with("users", users).with("administrators", administrators);
    audit::record(transaction, scribe, event).await
}

async fn import_few(
    transaction: &mut Transaction,
    few: &[Newcomer],
    now: Timestamp,
) -> Result<Vec<Outcome>, DatabaseError> {
    let users: Vec<ImportedUser> = few.iter().map(|newcomer| newcomer.as_user(now)).collect();
    let mut added = insert(transaction, &users, now).await?;
    let mut known = BTreeSet::new();
    if added.len() < users.len() {
        let emails: Vec<&Email> = users.iter().map(|user| &user.email).collect();
        known = ImportedUser::known(&mut *transaction, &emails).await?;
    }
    let mut outcomes = Vec::with_capacity(few.len());
    for (newcomer, user) in few.iter().zip(users) {
        outcomes.push(if added.remove(user.email.as_str()) {
            Outcome::Imported(user.username)
        } else if !known.insert(user.email.as_str().to_owned()) {
            Outcome::AlreadyThere
        } else if newcomer.username.is_some() {
            Outcome::UsernameTaken
        } else {
            import_by_another_name(transaction, user, now).await?
        });
    }
    Ok(outcomes)
}

/// For those who were to be named after their address, when somebody has that name.
async fn import_by_another_name(
    transaction: &mut Transaction,
    mut user: ImportedUser,
    now: Timestamp,
) -> Result<Outcome, DatabaseError> {
    user.username = distinct_name(&user.email, &user.username);
    let added = insert(transaction, std::slice::from_ref(&user), now).await?;
    Ok(if added.is_empty() { Outcome::UsernameTaken } else { Outcome::Imported(user.username) })
}

async fn insert(
    transaction: &mut Transaction,
    users: &[ImportedUser],
    now: Timestamp,
) -> Result<BTreeSet<String>, DatabaseError> {
    if let Ok(users) = users.try_into() {
        return ImportedUser::insert_sixteen(transaction, users, now).await;
    }
    let mut added = BTreeSet::new();
    for user in users {
        added.extend(user.insert(&mut *transaction, now).await?);
    }
    Ok(added)
}

impl Newcomer {
    fn as_user(&self, now: Timestamp) -> ImportedUser {
        ImportedUser {
            email: self.email.clone(),
            username: self.username.clone().unwrap_or_else(|| name_after(&self.email)),
            password_hash: self.password_hash.clone(),
            is_active: self.is_active,
            email_verified: self.email_verified,
            roles: self.roles.clone(),
            created_at: self.created_at.unwrap_or(now),
        }
    }
}

/// The name that an address suggests: what stands before the `@`, less what a name may not have.
fn name_after(email: &Email) -> Username {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let name: String = email.local_part().chars().map(|each| if allowed(each) { each } else { '-' }).collect();
    let name: String = name.trim_matches(is_edge).chars().take(Username::MAX_CHARACTERS).collect();
    let name = name.trim_end_matches(is_edge);
    Username::parse(name).unwrap_or_else(|_| distinct_name(email, &Username::from_stored("user".to_owned())))
}

/// A name with a mark that no other address makes, but by a chance of one in 2^40; the same each time.
fn distinct_name(email: &Email, name: &Username) -> Username {
    let mark: String = hex::encode(Sha256::digest(email.as_str())).chars().take(MARK).collect();
    let stem: String = name.as_str().chars().take(Username::MAX_CHARACTERS - MARK - 1).collect();
    Username::from_stored(format!("{}-{mark}", stem.trim_end_matches(is_edge)))
}

/// Characters of the mark; four bits each.
const MARK: usize = 10;

/// What a name may have inside and not at its ends.
fn is_edge(character: char) -> bool {
    "._-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_had_no_name_is_named_after_their_address() {
        for (email, name) in [
            ("ada@example.com", "ada"),
            ("ada.lovelace+list@example.com", "ada.lovelace-list"),
            ("_ada_@example.com", "ada"),
            ("al@example.com", "user-"),
            ("++@example.com", "user-"),
            ("a.very.long.address.of.somebody-else@example.com", "a.very.long.address.of.somebody"),
        ] {
            let name_of = name_after(&Email::parse(email).unwrap());
            assert!(name_of.as_str().starts_with(name), "{email}: {name_of}");
            assert!(Username::parse(name_of.as_str()).is_ok(), "{email}: {name_of}");
        }
    }

    #[test]
    fn two_who_would_be_named_alike_are_told_apart() {
        let names = ["ada@example.com", "ada@example.org"].map(|email| {
            let email = Email::parse(email).unwrap();
            distinct_name(&email, &name_after(&email))
        });

        assert_ne!(names[0], names[1]);
        for name in names {
            assert!(name.as_str().starts_with("ada-") && Username::parse(name.as_str()).is_ok(), "{name}");
        }
    }
}

//! Users, as administrators see and change them.
//!
//! A change is held against the version that the administrator has seen, if they say which. Whatever is done, somebody
//! who is an administrator and may sign in is left, unless there was nobody before.

pub mod create;
pub mod routes;
pub mod search;
pub mod set_email;

use crate::{
    app::App,
    audit::{self, By, Event, Kind, Scribe},
    crypto::DigestKey,
    database::{Database, DatabaseError, Transaction},
    domain::{Roles, UserId},
    metrics::Metrics,
    models::{
        account::{Account, Standing},
        sealed_secret::SealedSecret,
        session::{EndReason, Session},
        user::User,
    },
};

/// Finds an account.
///
/// # Errors
/// Those of the database.
pub async fn find(desk: Desk<'_>, id: UserId) -> Result<Option<Account>, DatabaseError> {
    Account::find(desk.database, id).await
}

/// Changes what is given of an account. Who is disabled or loses a role is signed out everywhere.
///
/// # Errors
/// [`ChangeError`]; the account then stays as it is.
pub async fn change(
    desk: Desk<'_>,
    id: UserId,
    changes: &Changes,
    (seen, by): (&Seen, By<'_>),
) -> Result<Account, ChangeError> {
    let mut transaction = desk.database.begin().await?;
    let before = hold(&mut transaction, id).await?.ok_or(ChangeError::NotFound)?;
    seen.check(&before)?;
    let (old, new) = (before.standing(), changes.applied_to(before.standing()));
    if old == new {
        return Ok(before);
    }
    if !is_admin(&new.roles, new.is_active) && is_last_admin(&mut transaction, &before.user).await? {
        return Err(ChangeError::LastAdmin);
    }
    let after = Account::set_standing(&mut transaction, id, &new, desk.scribe.now).await?;
    let mut ended = None;
    if let Some(reason) = reason_to_end(&old, &new) {
        ended = Some((reason, Session::end_all(&mut transaction, id, desk.scribe.now, reason).await?));
    }
    for event in events(&old, &new, by) {
        audit::record(&mut transaction, desk.scribe, event.about(id)).await?;
    }
    transaction.commit().await?;
    if let Some((reason, sessions)) = ended {
        desk.count_ended(reason, sessions);
    }
    Ok(after)
}

/// Deletes an account; its sessions go with it.
///
/// # Errors
/// [`ChangeError`]; the account then still exists.
pub async fn delete(desk: Desk<'_>, id: UserId, (seen, by): (&Seen, By<'_>)) -> Result<(), ChangeError> {
    let mut transaction = desk.database.begin().await?;
    let account = hold(&mut transaction, id).await?.ok_or(ChangeError::NotFound)?;
    seen.check(&account)?;
    if is_last_admin(&mut transaction, &account.user).await? {
        return Err(ChangeError::LastAdmin);
    }
    Account::delete(&mut transaction, id).await?;
    audit::record(&mut transaction, desk.scribe, Event::new(Kind::Deleted, by).about(id)).await?;
    transaction.commit().await?;
    Ok(())
}

/// Ends every session of a user; says how many.
///
/// # Errors
/// [`ChangeError::NotFound`], or those of the database; the sessions may then still be open.
pub async fn log_out(desk: Desk<'_>, id: UserId, by: By<'_>) -> Result<u64, ChangeError> {
    let mut transaction = desk.database.begin().await?;
    Account::hold(&mut transaction, id).await?.ok_or(ChangeError::NotFound)?;
    let ended = Session::end_all(&mut transaction, id, desk.scribe.now, EndReason::EndedByAdmin).await?;
    let event = Event::new(Kind::SessionsEnded, by).about(id).with("sessions_ended", ended);
    audit::record(&mut transaction, desk.scribe, event).await?;
    transaction.commit().await?;
    desk.count_ended(EndReason::EndedByAdmin, ended);
    Ok(ended)
}

/// What administration is done with.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Where the accounts are.
    pub database: &'a Database,
    /// Writes down what is done, and knows the time.
    pub scribe: Scribe<'a>,
    /// Finds the failures that are counted for an account.
    pub digests: &'a DigestKey,
    /// Where sessions that end are counted, in a service that counts.
    pub metrics: Option<&'a Metrics>,
}

impl Desk<'_> {
    fn count_ended(self, reason: EndReason, sessions: u64) {
        if let Some(metrics) = self.metrics {
            metrics.sessions_ended.add(reason.into(), sessions);
        }
    }
}

impl<'a> From<&'a App> for Desk<'a> {
    fn from(app: &'a App) -> Self {
        Self { database: &app.database, scribe: app.into(), digests: &app.digests, metrics: Some(&app.metrics) }
    }
}

/// What to change; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Whether the user may sign in.
    pub is_active: Option<bool>,
    /// All of their roles.
    pub roles: Option<Roles>,
    /// Whether the address counts as confirmed.
    pub email_verified: Option<bool>,
}

impl Changes {
    fn applied_to(&self, standing: Standing) -> Standing {
        Standing {
            is_active: self.is_active.unwrap_or(standing.is_active),
            roles: self.roles.clone().unwrap_or(standing.roles),
            email_verified: self.email_verified.unwrap_or(standing.email_verified),
        }
    }
}

/// Which version of an account a change was decided on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Seen {
    /// Whichever there is.
    Any,
    /// One of these.
    OneOf(Vec<String>),
}

impl Seen {
    fn check(&self, account: &Account) -> Result<(), ChangeError> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(versions) if versions.contains(&account.version()) => Ok(()),
            Self::OneOf(_) => Err(ChangeError::Outdated),
        }
    }
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such account.
    #[error("no user has this id")]
    NotFound,
    /// The account has changed since it was seen.
    #[error("the user has changed meanwhile")]
    Outdated,
    /// Nobody would be left who may administer.
    #[error("this is the last administrator who can sign in: make another one first")]
    LastAdmin,
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Holds an account for a change that may take away an administrator. Such changes take turns on all nodes: of two
/// administrators who demote each other at once, the second finds out that they are the last.
///
/// # Errors
/// Those of the database.
pub async fn hold(transaction: &mut Transaction, id: UserId) -> Result<Option<Account>, DatabaseError> {
    SealedSecret::hold(&mut *transaction, audit::SEED).await?;
    Account::hold(transaction, id).await
}

/// Whether nobody else is an administrator who may sign in. Only certain while the account is [held](hold).
///
/// # Errors
/// Those of the database.
pub async fn is_last_admin(transaction: &mut Transaction, user: &User) -> Result<bool, DatabaseError> {
    Ok(is_admin(&user.roles, user.is_active) && !Account::has_another_admin(transaction, user.id).await?)
}

fn is_admin(roles: &Roles, is_active: bool) -> bool {
    is_active && roles.contains(Roles::ADMIN)
}

/// Why a change ends the user's sessions, if it does.
///
/// Tokens that other services hold keep saying what they said. What is taken away must not live on in them, so their
/// sessions end; what is given comes with the next refresh (docs/decisions/0011).
fn reason_to_end(old: &Standing, new: &Standing) -> Option<EndReason> {
    if old.is_active && !new.is_active {
        return Some(EndReason::Disabled);
    }
    let has_lost_a_role = old.roles.iter().any(|role| !new.roles.contains(role));
    has_lost_a_role.then_some(EndReason::RoleRemoved)
}

fn events<'a>(old: &Standing, new: &Standing, by: By<'a>) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    if old.is_active != new.is_active {
        events.push(Event::new(if new.is_active { Kind::Enabled } else { Kind::Disabled }, by));
    }
    if old.roles != new.roles {
        let (before, after) = (old.roles.to_string(), new.roles.to_string());
        events.push(Event::new(Kind::RolesChanged, by).with("before", before).with("after", after));
    }
    if old.email_verified != new.email_verified {
        events.push(Event::new(Kind::EmailVerifiedChanged, by).with("email_verified", new.email_verified));
    }
    events
}

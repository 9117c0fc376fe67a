//! What the fields of each program mean here: a file for each program.
//!
//! A field that says something about signing in and is not understood refuses its record; everything else is left
//! where it was. Whatever is left behind although its owner would miss it is noted.

mod auth0;
mod countersign;
mod django;
mod fastapi_users;
mod firebase;
mod keycloak;
mod supabase;

use clap::ValueEnum;

use super::Refusal;
use super::records::Fields;
use crate::crypto::PasswordHash;
use crate::domain::{Email, Roles, RolesError, Timestamp, Username};
use crate::moving::import::Newcomer;

pub(super) use self::firebase::HashConfig;

/// Whose export it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Source {
    /// `countersign export`, or anything written in its words
    #[default]
    Countersign,
    /// The table `user` of FastAPI Users
    FastapiUsers,
    /// The table `auth_user` of Django, or `dumpdata auth.user`
    Django,
    /// The table `auth.users` of Supabase
    Supabase,
    /// `firebase auth:export --format=json`
    Firebase,
    /// `kc.sh export`, a realm or a file of its users
    Keycloak,
    /// The export of users that Auth0's support makes, with password hashes
    Auth0,
}

impl Source {
    /// Whether its JSON is one document although it begins like a line of many.
    pub(super) fn is_one_document(self) -> bool {
        matches!(self, Self::Firebase | Self::Keycloak)
    }

    /// The column with the hash, by which the table of users is known among others.
    pub(super) fn hash_column(self) -> &'static str {
        match self {
            Self::Countersign | Self::Auth0 => "password_hash",
            Self::FastapiUsers => "hashed_password",
            Self::Django | Self::Keycloak => "password",
            Self::Supabase => "encrypted_password",
            Self::Firebase => "passwordHash",
        }
    }
}

/// Turns records of one program into newcomers.
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) firebase: Option<HashConfig>,
    /// Whether who has a hash that cannot be checked comes without it.
    pub(super) drops_unknown_hashes: bool,
    pub(super) now: Timestamp,
}

/// A newcomer, and what could not come with them.
pub(super) struct Read {
    pub(super) newcomer: Newcomer,
    pub(super) lost_name: Option<String>,
    pub(super) notes: Vec<Refusal>,
}

/// Somebody as another program knows them: their name and their hash are still in its words.
struct Account {
    email: Email,
    name: Option<String>,
    stored: Result<Option<String>, Refusal>,
    is_active: bool,
    email_verified: bool,
    roles: Roles,
    created_at: Option<Timestamp>,
    notes: Vec<Refusal>,
}

impl Reader {
    /// Reads a record; `None` if it is of something that is no user.
    pub(super) fn read(&self, fields: &Fields) -> Result<Option<Read>, Refusal> {
        let account = match self.source {
            Source::Countersign => countersign::account(fields)?,
            Source::FastapiUsers => fastapi_users::account(fields)?,
            Source::Django if django::is_no_user(fields) => return Ok(None),
            Source::Django => django::account(fields)?,
            Source::Supabase => supabase::account(fields, self.now)?,
            Source::Firebase => firebase::account(fields, self.firebase.as_ref())?,
            Source::Keycloak if keycloak::is_no_user(fields) => return Ok(None),
            Source::Keycloak => keycloak::account(fields)?,
            Source::Auth0 => auth0::account(fields)?,
        };
        self.finish(account).map(Some)
    }

    fn finish(&self, account: Account) -> Result<Read, Refusal> {
        let Account { email, name, stored, is_active, email_verified, roles, created_at, mut notes } = account;
        let (username, lost_name) = match name.map(|raw| Username::parse(&raw).map_err(|error| (raw, error))) {
            None => (None, None),
            Some(Ok(username)) => (Some(username), None),
            Some(Err((_, error))) if self.source == Source::Countersign => {
                return Err(Refusal::new("invalid_username", error.to_string()));
            }
            Some(Err((raw, _))) => (None, Some(raw)),
        };
        let password_hash = match stored.and_then(hash) {
            Err(refusal) if self.drops_unknown_hashes && refusal.code == INVALID_HASH => {
                notes.push(Refusal::new("hash_dropped", format!("{}; a password is set by mail", refusal.reason)));
                PasswordHash::nothing()
            }
            read => read?,
        };
        let newcomer = Newcomer { email, username, password_hash, is_active, email_verified, roles, created_at };
        Ok(Read { newcomer, lost_name, notes })
    }
}

/// The hash; nobody's password is right where there is none.
fn hash(stored: Option<String>) -> Result<PasswordHash, Refusal> {
    match stored.filter(|stored| !stored.is_empty()) {
        None => Ok(PasswordHash::nothing()),
        // Never quoted: it may be a password.
        Some(stored) => PasswordHash::parse(&stored).map_err(|error| Refusal::new(INVALID_HASH, error.to_string())),
    }
}

/// Of a hash that cannot be checked here.
const INVALID_HASH: &str = "invalid_hash";

fn admin_if(is_admin: bool) -> Result<Roles, Refusal> {
    let roles = if is_admin { Roles::parse([Roles::ADMIN]) } else { Ok(Roles::default()) };
    roles.map_err(|error: RolesError| Refusal::new("invalid_roles", error.to_string()))
}

/// The note for whoever had more than a password to show.
fn second_factor_lost() -> Refusal {
    Refusal::new("second_factor_lost", "their second factor stays behind; the password alone signs in".to_owned())
}

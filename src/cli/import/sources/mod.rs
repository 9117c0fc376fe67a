//! What the fields of each program mean here.
//!
//! A field that says something about signing in and is not understood refuses its record; everything else is left
//! where it was.

use clap::ValueEnum;
use serde_json::Value;

use super::fields::{email, flag, instant, present, roles, text};
use super::records::Fields;
use super::{Refusal, firebase::HashConfig};
use crate::crypto::PasswordHash;
use crate::domain::{Roles, RolesError, Timestamp, Username};
use crate::moving::import::Newcomer;

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
}

/// Turns records of one program into newcomers.
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) firebase: Option<HashConfig>,
    pub(super) now: Timestamp,
}

/// A newcomer, and the name that could not be kept.
pub(super) struct Read {
    pub(super) newcomer: Newcomer,
    pub(super) lost_name: Option<String>,
}

impl Read {
    /// Somebody from where nobody has a name.
    fn nameless(newcomer: Newcomer) -> Self {
        Self { newcomer, lost_name: None }
    }
}

impl Reader {
    pub(super) fn read(&self, fields: &Fields) -> Result<Read, Refusal> {
        match self.source {
            Source::Countersign => countersign(fields),
            Source::FastapiUsers => fastapi_users(fields),
            Source::Django => django(fields.get("fields").and_then(Value::as_object).unwrap_or(fields)),
            Source::Supabase => self.supabase(fields),
            Source::Firebase => self.firebase(fields),
            Source::Keycloak => keycloak(fields),
            Source::Auth0 => auth0(fields),
        }
    }

    fn supabase(&self, fields: &Fields) -> Result<Read, Refusal> {
        if present(fields, &["deleted_at"]).is_some() {
            return Err(Refusal::new("deleted", "the user has been deleted there".to_owned()));
        }
        let is_banned = instant(fields, &["banned_until"])?.is_some_and(|until| until > self.now);
        Ok(Read::nameless(Newcomer {
            email: email(fields, "email")?,
            username: None,
            password_hash: hash(text(fields, &["encrypted_password"]))?,
            is_active: !is_banned,
            email_verified: instant(fields, &["email_confirmed_at", "confirmed_at"])?.is_some(),
            roles: Roles::default(),
            created_at: instant(fields, &["created_at"])?,
        }))
    }

    fn firebase(&self, fields: &Fields) -> Result<Read, Refusal> {
        let address = email(fields, "email")?;
        let password_hash = match text(fields, &["passwordHash"]) {
            None => PasswordHash::nothing(),
            Some(digest) => {
                let config = self.firebase.as_ref().ok_or_else(|| {
                    Refusal::new("no_hash_config", "its hash needs --firebase-hash-config".to_owned())
                })?;
                hash(Some(&config.hash(text(fields, &["salt"]).unwrap_or_default(), digest)))?
            }
        };
        Ok(Read::nameless(Newcomer {
            email: address,
            username: None,
            password_hash,
            is_active: !flag(fields, "disabled", false)?,
            email_verified: flag(fields, "emailVerified", false)?,
            roles: Roles::default(),
            created_at: instant(fields, &["createdAt"])?,
        }))
    }
}

fn countersign(fields: &Fields) -> Result<Read, Refusal> {
    if present(fields, &["password"]).is_some() {
        let reason = "passwords in the clear are not taken; give a password_hash";
        return Err(Refusal::new("password_in_clear", reason.to_owned()));
    }
    let username = text(fields, &["username"]).map(Username::parse).transpose();
    let newcomer = Newcomer {
        email: email(fields, "email")?,
        username: username.map_err(|error| Refusal::new("invalid_username", error.to_string()))?,
        password_hash: hash(text(fields, &["password_hash"]))?,
        is_active: flag(fields, "is_active", true)?,
        email_verified: flag(fields, "email_verified", false)?,
        roles: roles(fields, "roles")?,
        created_at: instant(fields, &["created_at"])?,
    };
    Ok(Read { newcomer, lost_name: None })
}

fn fastapi_users(fields: &Fields) -> Result<Read, Refusal> {
    let (username, lost_name) = name(text(fields, &["username"]));
    let newcomer = Newcomer {
        email: email(fields, "email")?,
        username,
        password_hash: hash(text(fields, &["hashed_password"]))?,
        is_active: flag(fields, "is_active", true)?,
        email_verified: flag(fields, "is_verified", false)?,
        roles: admin_if(flag(fields, "is_superuser", false)?)?,
        created_at: instant(fields, &["created_at"])?,
    };
    Ok(Read { newcomer, lost_name })
}

fn django(fields: &Fields) -> Result<Read, Refusal> {
    let (username, lost_name) = name(text(fields, &["username"]));
    // What Django cannot use begins with `!`, with random letters behind.
    let password = text(fields, &["password"]).filter(|password| !password.starts_with('!'));
    let newcomer = Newcomer {
        email: email(fields, "email")?,
        username,
        password_hash: hash(password)?,
        is_active: flag(fields, "is_active", true)?,
        email_verified: false,
        roles: admin_if(flag(fields, "is_superuser", false)?)?,
        created_at: instant(fields, &["date_joined"])?,
    };
    Ok(Read { newcomer, lost_name })
}

fn keycloak(fields: &Fields) -> Result<Read, Refusal> {
    let (username, lost_name) = name(text(fields, &["username"]));
    let newcomer = Newcomer {
        email: email(fields, "email")?,
        username,
        password_hash: hash(super::keycloak::stored(fields)?.as_deref())?,
        is_active: flag(fields, "enabled", true)?,
        email_verified: flag(fields, "emailVerified", false)?,
        roles: super::keycloak::roles(fields)?,
        created_at: instant(fields, &["createdTimestamp"])?,
    };
    Ok(Read { newcomer, lost_name })
}

fn auth0(fields: &Fields) -> Result<Read, Refusal> {
    let (username, lost_name) = name(text(fields, &["username"]));
    let custom = fields.get("custom_password_hash").and_then(|custom| custom.pointer("/hash/value"));
    let stored = text(fields, &["passwordHash", "password_hash"]).or_else(|| custom.and_then(Value::as_str));
    let newcomer = Newcomer {
        email: email(fields, "email")?,
        username,
        password_hash: hash(stored)?,
        is_active: !flag(fields, "blocked", false)?,
        email_verified: flag(fields, "email_verified", false)?,
        roles: Roles::default(),
        created_at: instant(fields, &["created_at"])?,
    };
    Ok(Read { newcomer, lost_name })
}

/// The name, if it can be one here; else what it was.
fn name(raw: Option<&str>) -> (Option<Username>, Option<String>) {
    match raw.map(|raw| Username::parse(raw).map_err(|_| raw.to_owned())) {
        None => (None, None),
        Some(Ok(username)) => (Some(username), None),
        Some(Err(lost)) => (None, Some(lost)),
    }
}

/// The hash; nobody's password is right where there is none.
fn hash(stored: Option<&str>) -> Result<PasswordHash, Refusal> {
    match stored.filter(|stored| !stored.is_empty()) {
        None => Ok(PasswordHash::nothing()),
        // Never quoted: it may be a password.
        Some(stored) => PasswordHash::parse(stored).map_err(|error| Refusal::new("invalid_hash", error.to_string())),
    }
}

fn admin_if(is_admin: bool) -> Result<Roles, Refusal> {
    let roles = if is_admin { Roles::parse([Roles::ADMIN]) } else { Ok(Roles::default()) };
    roles.map_err(|error: RolesError| Refusal::new("invalid_roles", error.to_string()))
}

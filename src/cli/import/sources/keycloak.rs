//! Keycloak: the users of a realm as its server exports them, with credentials that are JSON inside JSON.
//!
//! Groups, and roles of clients, stay behind.

use serde_json::Value;

use super::super::Refusal;
use super::super::fields::{email, flag, instant, owned, text};
use super::super::records::Fields;
use super::{Account, INVALID_HASH, second_factor_lost};
use crate::domain::{Roles, RolesError};

/// Whether it is the account of a client, in which no person signs in.
pub(super) fn is_no_user(fields: &Fields) -> bool {
    text(fields, &["serviceAccountClientId"]).is_some()
}

pub(super) fn account(fields: &Fields) -> Result<Account, Refusal> {
    if fields.contains_key("realm") {
        let reason = "this is a realm among others and no user; export one alone, with --realm NAME";
        return Err(Refusal::new("unreadable", reason.to_owned()));
    }
    let mut notes = Vec::new();
    let mut stored = stored(fields)?;
    if list(fields, "requiredActions").any(|action| action == "UPDATE_PASSWORD") {
        // There it is good for one thing, to set another; here it would be a password that somebody else knows.
        stored = Ok(None);
        let reason = "their password was to be changed at the next login; they set one by mail";
        notes.push(Refusal::new("temporary_password", reason.to_owned()));
    }
    if list(fields, "credentials").any(|one| kind(one).is_some_and(|kind| SECOND_FACTORS.contains(&kind))) {
        notes.push(second_factor_lost());
    }
    Ok(Account {
        email: email(text(fields, &["email"]))?,
        name: owned(fields, "username"),
        stored,
        is_active: flag(fields, "enabled", true)?,
        email_verified: flag(fields, "emailVerified", false)?,
        roles: roles(fields, &mut notes)?,
        created_at: instant(fields, &["createdTimestamp"])?,
        notes,
    })
}

/// The types of credentials beside `password` that Keycloak 26 knows, without the history of passwords.
const SECOND_FACTORS: [&str; 4] = ["otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes"];

fn list<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a Value> {
    fields.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn kind(credential: &Value) -> Option<&str> {
    credential.get("type")?.as_str()
}

/// The hash of the first password, if there is one; the inner refusal is of one that cannot be checked.
fn stored(fields: &Fields) -> Result<Result<Option<String>, Refusal>, Refusal> {
    let Some(password) = list(fields, "credentials").find(|one| kind(one) == Some("password")) else {
        return Ok(Ok(None));
    };
    if password.get("value").is_some_and(|value| !value.is_null()) {
        return Err(Refusal::new("password_in_clear", "passwords in the clear are not taken".to_owned()));
    }
    let inner = |key: &str| password.get(key).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    let line = match inner("secretData").zip(inner("credentialData")) {
        Some((secret, how)) => line(&secret, "value", &how),
        // Until version 7 everything was beside the type.
        None => line(password, "hashedSaltedValue", password),
    };
    Ok(line.map(Some).ok_or_else(|| Refusal::new(INVALID_HASH, "the credential is not understood".to_owned())))
}

/// One line, in the form that other libraries give the same hash.
fn line(secret: &Value, digest: &str, how: &Value) -> Option<String> {
    let digest = secret.get(digest)?.as_str()?;
    let algorithm = how.get("algorithm")?.as_str()?;
    if algorithm == "bcrypt" {
        // Of extensions, which keep the whole line where the digest should be.
        return Some(digest.to_owned());
    }
    let salt = secret.get("salt")?.as_str()?;
    let iterations = how.get("hashIterations")?.as_u64()?;
    if algorithm != "argon2" {
        return Some(format!("${algorithm}$i={iterations}${salt}${digest}"));
    }
    let parameter = |name: &str| how.get("additionalParameters")?.get(name)?.get(0)?.as_str();
    let version = if parameter("version")? == "1.3" { 19 } else { 16 };
    let (kind, memory, lanes) = (parameter("type")?, parameter("memory")?, parameter("parallelism")?);
    Some(format!("$argon2{kind}$v={version}$m={memory},t={iterations},p={lanes}${salt}${digest}"))
}

/// The roles of the realm, without those that Keycloak gives to everybody for its own ends. One that cannot be named
/// so here is left behind: to have less is safe, and nobody is kept out for it.
fn roles(fields: &Fields, notes: &mut Vec<Refusal>) -> Result<Roles, Refusal> {
    let names = list(fields, "realmRoles").filter_map(Value::as_str);
    let own =
        |name: &&str| !name.starts_with("default-roles-") && *name != "offline_access" && *name != "uma_authorization";
    let (kept, dropped): (Vec<&str>, Vec<&str>) =
        names.filter(own).partition(|name| Roles::parse([*name]) != Err(RolesError::Name));
    if !dropped.is_empty() {
        let reason = format!("these cannot be names of roles here and were left out: {}", dropped.join(", "));
        notes.push(Refusal::new("roles_dropped", reason));
    }
    Roles::parse(kept).map_err(|error| Refusal::new("invalid_roles", error.to_string()))
}

//! Auth0: the password hashes that its support exports, alone or joined with the profiles of a bulk export.

use serde_json::Value;

use super::super::Refusal;
use super::super::fields::{email, flag, instant, owned, present, text};
use super::super::records::Fields;
use super::{Account, second_factor_lost};
use crate::domain::{Roles, Timestamp};

pub(super) fn account(fields: &Fields) -> Result<Account, Refusal> {
    let custom = fields.get("custom_password_hash").and_then(|custom| custom.pointer("/hash/value"));
    let stored = text(fields, &["passwordHash", "password_hash"]).or_else(|| custom.and_then(Value::as_str));
    // Users with several identifiers may have their address there alone.
    let identifier = identifier(fields);
    let address = text(fields, &["email"]).or_else(|| identifier?.get("value")?.as_str());
    let verified = flag(fields, "email_verified", false)?
        || present(fields, &["email_verified"]).is_none()
            && identifier.is_some_and(|email| email.get("verified") == Some(&Value::Bool(true)));
    let has_factor = ["mfa_factors", "multifactor"]
        .iter()
        .any(|name| fields.get(*name).and_then(Value::as_array).is_some_and(|factors| !factors.is_empty()));
    Ok(Account {
        email: email(address)?,
        name: owned(fields, "username"),
        stored: Ok(stored.map(str::to_owned)),
        is_active: !flag(fields, "blocked", false)?,
        email_verified: verified,
        roles: Roles::default(),
        created_at: instant(fields, &["created_at"])?.or_else(|| made_at(fields)),
        notes: if has_factor { vec![second_factor_lost()] } else { Vec::new() },
    })
}

fn identifier(fields: &Fields) -> Option<&Value> {
    let identifiers = fields.get("identifiers")?.as_array()?;
    identifiers.iter().find(|one| one.get("type").is_some_and(|kind| kind == "email"))
}

/// An `_id` begins with the second in which it was made (BSON specification, object identifiers).
fn made_at(fields: &Fields) -> Option<Timestamp> {
    let id = fields.get("_id")?.get("$oid")?.as_str()?;
    let seconds = i64::from_str_radix(id.get(..8)?, 16).ok()?;
    (id.len() == 24).then(|| Timestamp::from_unix_seconds(seconds))
}

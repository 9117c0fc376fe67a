//! Our own words: what `countersign export` writes.

use super::super::Refusal;
use super::super::fields::{email, flag, instant, owned, present, roles, text};
use super::super::records::Fields;
use super::Account;

pub(super) fn account(fields: &Fields) -> Result<Account, Refusal> {
    if present(fields, &["password"]).is_some() {
        let reason = "passwords in the clear are not taken; give a password_hash";
        return Err(Refusal::new("password_in_clear", reason.to_owned()));
    }
    Ok(Account {
        email: email(text(fields, &["email"]))?,
        name: owned(fields, "username"),
        stored: Ok(owned(fields, "password_hash")),
        is_active: flag(fields, "is_active", true)?,
        email_verified: flag(fields, "email_verified", false)?,
        roles: roles(fields, "roles")?,
        created_at: instant(fields, &["created_at"])?,
        notes: Vec::new(),
    })
}

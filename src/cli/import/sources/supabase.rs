//! Supabase: the table `auth.users`.
//!
//! Second factors are in tables of their own, so it cannot tell who had one.

use super::super::Refusal;
use super::super::fields::{email, instant, owned, present, text};
use super::super::records::Fields;
use super::Account;
use crate::domain::{Roles, Timestamp};

pub(super) fn account(fields: &Fields, now: Timestamp) -> Result<Account, Refusal> {
    let fields = &known(fields);
    if present(fields, &["deleted_at"]).is_some() {
        return Err(Refusal::new("deleted", "the user has been deleted there".to_owned()));
    }
    let is_banned = instant(fields, &["banned_until"])?.is_some_and(|until| until > now);
    Ok(Account {
        email: email(text(fields, &["email"]))?,
        name: None,
        stored: Ok(owned(fields, "encrypted_password")),
        is_active: !is_banned,
        // Not `confirmed_at`: that is filled as well when it was the telephone that was confirmed.
        email_verified: instant(fields, &["email_confirmed_at"])?.is_some(),
        roles: Roles::default(),
        created_at: instant(fields, &["created_at"])?,
        notes: Vec::new(),
    })
}

/// What is said of the user. The CSV of its SQL editor has the word `null` for what is not: a `deleted_at` of that kind
/// deleted nobody.
fn known(fields: &Fields) -> Fields {
    let said = fields.iter().filter(|(_, value)| *value != "null");
    said.map(|(name, value)| (name.clone(), value.clone())).collect()
}

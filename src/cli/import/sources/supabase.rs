//! Supabase: the table `auth.users`.
//!
//! Second factors are in tables of their own, so it cannot tell who had one.

use super::super::Refusal;
use super::super::fields::{email, instant, owned, present, text};
use super::super::records::Fields;
use super::Account;
use crate::domain::{Roles, Timestamp};

pub(super) fn account(fields: &Fields, now: Timestamp) -> Result<Account, Refusal> {
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

//! FastAPI Users: the table `user`, as its documentation declares it, with whatever columns a project has added.

use super::super::Refusal;
use super::super::fields::{email, flag, instant, owned, text};
use super::super::records::Fields;
use super::{Account, admin_if};

pub(super) fn account(fields: &Fields) -> Result<Account, Refusal> {
    Ok(Account {
        email: email(text(fields, &["email"]))?,
        name: owned(fields, "username"),
        stored: Ok(owned(fields, "hashed_password")),
        is_active: flag(fields, "is_active", true)?,
        email_verified: flag(fields, "is_verified", false)?,
        roles: admin_if(flag(fields, "is_superuser", false)?)?,
        created_at: instant(fields, &["created_at"])?,
        notes: Vec::new(),
    })
}

//! Django: the table of users, whatever a project calls it, or what `dumpdata` makes of it.
//!
//! Groups stay behind: one that happens to be called `admin` would be given more here than it had there.

use serde_json::Value;

use super::super::Refusal;
use super::super::fields::{email, flag, instant, owned, text};
use super::super::records::Fields;
use super::{Account, admin_if};

/// Whether it is an object of another model: `dumpdata auth` writes permissions and groups, too.
pub(super) fn is_no_user(record: &Fields) -> bool {
    record.contains_key("model") && !columns(record).contains_key("password")
}

pub(super) fn account(record: &Fields) -> Result<Account, Refusal> {
    let fields = columns(record);
    // What Django cannot use begins with `!`, with random letters behind.
    let password = text(fields, &["password"]).filter(|password| !password.starts_with('!'));
    Ok(Account {
        email: email(address(fields))?,
        name: owned(fields, "username"),
        stored: Ok(password.map(str::to_owned)),
        is_active: flag(fields, "is_active", true)?,
        email_verified: false,
        roles: admin_if(flag(fields, "is_superuser", false)?)?,
        created_at: instant(fields, &["date_joined"])?,
        notes: Vec::new(),
    })
}

fn columns(record: &Fields) -> &Fields {
    record.get("fields").and_then(Value::as_object).unwrap_or(record)
}

/// Where people sign in with their address, it is often the name alone that has it.
fn address(fields: &Fields) -> Option<&str> {
    let name = || text(fields, &["username"]).filter(|name| name.contains('@'));
    text(fields, &["email"]).filter(|email| !email.trim().is_empty()).or_else(name)
}

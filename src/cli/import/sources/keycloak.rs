//! Keycloak's credentials, which are JSON inside JSON, as one line.

use serde_json::Value;

use super::Refusal;
use super::records::Fields;
use crate::domain::Roles;

/// The hash of the first password, if there is one.
pub(super) fn stored(fields: &Fields) -> Result<Option<String>, Refusal> {
    let credentials = fields.get("credentials").and_then(Value::as_array);
    let password = credentials.into_iter().flatten().find(|one| one.get("type").is_some_and(|kind| kind == "password"));
    let Some(password) = password else { return Ok(None) };
    if password.get("value").is_some_and(|value| !value.is_null()) {
        return Err(Refusal::new("password_in_clear", "passwords in the clear are not taken".to_owned()));
    }
    let inner = |key: &str| password.get(key).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    let line = inner("secretData").zip(inner("credentialData")).and_then(|(secret, how)| line(&secret, &how));
    line.map(Some).ok_or_else(|| Refusal::new("invalid_hash", "the credential is not understood".to_owned()))
}

fn line(secret: &Value, how: &Value) -> Option<String> {
    let (salt, digest) = (secret.get("salt")?.as_str()?, secret.get("value")?.as_str()?);
    let iterations = how.get("hashIterations")?.as_u64()?;
    let algorithm = how.get("algorithm")?.as_str()?;
    if algorithm != "argon2" {
        return Some(format!("${algorithm}$i={iterations}${salt}${digest}"));
    }
    let parameter = |name: &str| how.get("additionalParameters")?.get(name)?.get(0)?.as_str();
    let version = if parameter("version")? == "1.3" { 19 } else { 16 };
    let (kind, memory, lanes) = (parameter("type")?, parameter("memory")?, parameter("parallelism")?);
    Some(format!("$argon2{kind}$v={version}$m={memory},t={iterations},p={lanes}${salt}${digest}"))
}

/// The roles of the realm, without those that Keycloak gives to everybody for its own ends.
pub(super) fn roles(fields: &Fields) -> Result<Roles, Refusal> {
    let names = fields.get("realmRoles").and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    let own =
        |name: &&str| !name.starts_with("default-roles-") && *name != "offline_access" && *name != "uma_authorization";
    Roles::parse(names.filter(own)).map_err(|error| Refusal::new("invalid_roles", error.to_string()))
}

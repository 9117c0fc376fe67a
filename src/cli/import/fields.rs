//! Reading one field of a record, in the spellings that exports have for it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Refusal;
use super::records::Fields;
use crate::domain::{Email, Roles, Timestamp};

/// The first of these fields that holds a text.
pub(super) fn text<'a>(fields: &'a Fields, names: &[&str]) -> Option<&'a str> {
    present(fields, names).and_then(Value::as_str)
}

/// The first of these fields that is there and not null.
pub(super) fn present<'a>(fields: &'a Fields, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()))
}

/// The text of a field, to keep.
pub(super) fn owned(fields: &Fields, name: &str) -> Option<String> {
    text(fields, &[name]).map(str::to_owned)
}

/// The address, which everybody must have.
pub(super) fn email(raw: Option<&str>) -> Result<Email, Refusal> {
    let raw = raw.filter(|raw| !raw.trim().is_empty());
    let raw = raw.ok_or_else(|| Refusal::new("no_email", "there is no address".to_owned()))?;
    Email::parse(raw).map_err(|error| Refusal::new("invalid_email", error.to_string()))
}

/// Yes or no; `default` where it is not said.
pub(super) fn flag(fields: &Fields, name: &str, default: bool) -> Result<bool, Refusal> {
    let said = match present(fields, &[name]) {
        None => Some(default),
        Some(Value::Bool(said)) => Some(*said),
        Some(Value::Number(number)) => as_flag(&number.to_string()),
        Some(Value::String(text)) => as_flag(&text.to_ascii_lowercase()),
        Some(Value::Array(_) | Value::Object(_) | Value::Null) => None,
    };
    said.ok_or_else(|| Refusal::new("invalid_flag", format!("{name} is neither true nor false")))
}

fn as_flag(text: &str) -> Option<bool> {
    match text {
        "true" | "t" | "1" | "yes" => Some(true),
        "false" | "f" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// An instant: RFC 3339 and what databases make of it, or a Unix time in seconds or milliseconds.
pub(super) fn instant(fields: &Fields, names: &[&str]) -> Result<Option<Timestamp>, Refusal> {
    let instant = match present(fields, names) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_i64().map(unix),
        Some(Value::String(text)) => text.parse().ok().map(unix).or_else(|| dated(text.trim())),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null) => None,
    };
    let name = names.first().copied().unwrap_or_default();
    instant.map(Some).ok_or_else(|| Refusal::new("invalid_time", format!("{name} is no time that is understood")))
}

/// Milliseconds from the autumn of 1966 on; below that, seconds until the year 5138.
fn unix(number: i64) -> Timestamp {
    if number.abs() < 100_000_000_000 {
        Timestamp::from_unix_seconds(number)
    } else {
        Timestamp::from_unix_millis(number)
    }
}

/// Without an offset it is UTC, as databases keep it.
fn dated(text: &str) -> Option<Timestamp> {
    let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    });
    instant.map(|instant| Timestamp::from_unix_millis(instant.as_millisecond()))
}

/// Roles as an array, or as a text with commas or spaces.
pub(super) fn roles(fields: &Fields, name: &str) -> Result<Roles, Refusal> {
    let names: Vec<&str> = match present(fields, &[name]) {
        None => Vec::new(),
        Some(Value::String(text)) => text.split([',', ' ']).filter(|name| !name.is_empty()).collect(),
        Some(Value::Array(roles)) => {
            let names: Option<_> = roles.iter().map(Value::as_str).collect();
            names.ok_or_else(|| Refusal::new("invalid_roles", "a role is no text".to_owned()))?
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Null) => {
            return Err(Refusal::new("invalid_roles", format!("{name} is no list")));
        }
    };
    Roles::parse(names).map_err(|error| Refusal::new("invalid_roles", error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_instant_is_understood_in_the_ways_that_exports_write_it() {
        for written in [
            json!("2026-11-22T12:00:00Z"),
            json!("2026-11-22T12:00:00.000Z"),
            json!("2026-11-22 12:00:00+00"),
            json!("2026-11-22 14:00:00.000000+02:00"),
            json!("2026-11-22 12:00:00"),
            json!("2026-11-22T12:00:00"),
            json!("1795348800000"),
            json!(1_795_348_800_000_i64),
            json!(1_795_348_800),
        ] {
            let fields = Fields::from_iter([("at".to_owned(), written.clone())]);
            let read = instant(&fields, &["at"]).ok().flatten();
            assert_eq!(read, Some(Timestamp::from_unix_seconds(1_795_348_800)), "{written}");
        }
        for nonsense in [json!("yesterday"), json!(true), json!("22/11/2026"), json!(1.5)] {
            assert!(instant(&Fields::from_iter([("at".to_owned(), nonsense)]), &["at"]).is_err());
        }
    }

    #[test]
    fn yes_and_no_are_understood_as_tables_write_them() {
        for (written, said) in [(json!("t"), true), (json!("True"), true), (json!(0), false), (json!(false), false)] {
            assert_eq!(flag(&Fields::from_iter([("is".to_owned(), written)]), "is", true).ok(), Some(said));
        }
        assert!(flag(&Fields::from_iter([("is".to_owned(), json!("perhaps"))]), "is", true).is_err());
    }
}

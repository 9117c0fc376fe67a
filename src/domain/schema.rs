//! How the words look in the OpenAPI document.
//!
//! Bounds come from the words themselves; descriptions are written for whoever calls the API, not for whoever
//! reads the code.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{Email, NewPassword, Password, Roles, SessionId, Timestamp, UserId, Username};

impl ToSchema for Email {}

impl PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        text("E-mail address. Stored in lowercase, its domain as an IDNA A-label.", "ada@example.com")
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .max_length(Some(Self::MAX_BYTES))
            .into()
    }
}

impl ToSchema for Username {}

impl PartialSchema for Username {
    fn schema() -> RefOr<Schema> {
        text("Kept as written; unique without regard to case.", "ada")
            .min_length(Some(Self::MIN_CHARACTERS))
            .max_length(Some(Self::MAX_CHARACTERS))
            .pattern(Some("^[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$"))
            .into()
    }
}

impl ToSchema for Password {}

impl PartialSchema for Password {
    fn schema() -> RefOr<Schema> {
        text(
            "Any Unicode, compared after NFC; no composition rules. A new password may not be a common one, nor \
             contain its owner's username or e-mail name.",
            "correct horse battery staple",
        )
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
        .min_length(Some(NewPassword::MIN_CHARACTERS))
        .max_length(Some(NewPassword::MAX_CHARACTERS))
        .write_only(true)
        .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        text("RFC 3339, in UTC, with whole seconds.", "2026-11-22T12:00:00Z")
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for UserId {}

impl PartialSchema for UserId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some("The user's number; never used twice."))
            .minimum(Some(1))
            .examples([1])
            .into()
    }
}

impl ToSchema for SessionId {}

impl PartialSchema for SessionId {
    fn schema() -> RefOr<Schema> {
        text("The session's id, a UUIDv7.", "01923456-789a-7abc-8def-0123456789ab")
            .format(Some(SchemaFormat::Custom("uuid".to_owned())))
            .into()
    }
}

impl ToSchema for Roles {}

impl PartialSchema for Roles {
    fn schema() -> RefOr<Schema> {
        let name: Object =
            ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z][a-z0-9_-]{0,31}$")).build();
        ArrayBuilder::new()
            .items(name)
            .unique_items(true)
            .max_items(Some(Self::MAX_COUNT))
            .description(Some("Role names, sorted."))
            .examples([serde_json::json!([Self::ADMIN])])
            .into()
    }
}

fn text(description: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).examples([example])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json<T: PartialSchema>() -> serde_json::Value {
        serde_json::to_value(T::schema()).unwrap()
    }

    #[test]
    fn bounds_and_formats_reach_the_document() {
        let email = json::<Email>();
        assert_eq!(
            (&email["type"], &email["format"], &email["maxLength"]),
            (&"string".into(), &"email".into(), &254.into())
        );
        let username = json::<Username>();
        assert_eq!((&username["minLength"], &username["maxLength"]), (&3.into(), &32.into()));
        let password = json::<Password>();
        assert_eq!((&password["format"], &password["writeOnly"]), (&"password".into(), &true.into()));
        assert_eq!((&password["minLength"], &password["maxLength"]), (&8.into(), &256.into()));
        assert_eq!(json::<Timestamp>()["format"], "date-time");
        assert_eq!(json::<UserId>()["minimum"], 1);
        assert_eq!(json::<SessionId>()["format"], "uuid");
        assert_eq!(json::<Roles>()["items"]["type"], "string");
    }

    #[test]
    fn every_example_obeys_its_own_word() {
        let example = |schema: serde_json::Value| schema["examples"][0].as_str().unwrap().to_owned();
        let password = Password::presented(example(json::<Password>()));

        assert_eq!(Email::parse(&example(json::<Email>())).unwrap().as_str(), example(json::<Email>()));
        assert!(Username::parse(&example(json::<Username>())).is_ok());
        assert!(NewPassword::parse(password, crate::domain::Owner::default()).is_ok());
        assert!(example(json::<SessionId>()).parse::<SessionId>().is_ok());
    }
}

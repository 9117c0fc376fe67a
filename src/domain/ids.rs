//! What users and sessions are called inside: by numbers that say nothing about them.
//!
//! Ids are made elsewhere (the database counts users, the caller brings time and chance for a session); here
//! they are only kept from being confused with one another.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use uuid::{Builder, Uuid, Version};

use super::Timestamp;

/// A user's number: greater than zero, never used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct UserId(i64);

impl UserId {
    /// Takes a number from a row or a path.
    ///
    /// # Errors
    /// [`IdError`] for zero and below.
    pub fn new(number: i64) -> Result<Self, IdError> {
        if number > 0 { Ok(Self(number)) } else { Err(IdError) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl FromStr for UserId {
    type Err = IdError;

    /// Reads decimal digits, without sign, space or leading zero: an id has one spelling.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if !canonical {
            return Err(IdError);
        }
        Self::new(text.parse().map_err(|_| IdError)?)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session's id: a `UUIDv7` (RFC 9562 §5.7), so that new sessions sit together at the end of an index.
///
/// It is a name, not a secret: it appears in tokens, lists and logs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Makes an id from the time of opening and 80 random bits, 6 of which give way to version and variant.
    #[must_use]
    pub fn new(opened_at: Timestamp, chance: &[u8; 10]) -> Self {
        // Before 1970 there were no sessions: a clock that says otherwise gives ids that start with zeros.
        let millis = u64::try_from(opened_at.as_unix_millis()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, chance).into_uuid())
    }

    /// Takes an id from its stored form of 16 bytes.
    ///
    /// # Errors
    /// [`IdError`] if these are not the 16 bytes of a `UUIDv7`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
        Uuid::from_slice(bytes).map_err(|_| IdError).and_then(Self::from_uuid)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    fn from_uuid(uuid: Uuid) -> Result<Self, IdError> {
        let is_v7 = uuid.get_version() == Some(Version::SortRand) && uuid.get_variant() == uuid::Variant::RFC4122;
        if is_v7 { Ok(Self(uuid)) } else { Err(IdError) }
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    /// Reads the hyphenated lowercase text and no other of the forms of a UUID.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let id = Uuid::try_parse(text).map_err(|_| IdError).and_then(Self::from_uuid)?;
        if id.to_string() == text { Ok(id) } else { Err(IdError) }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number or text that is no id; whoever looks it up answers "not found".
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is not an id")]
pub struct IdError;

impl IdError {
    /// The stable short name of the failed rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        "invalid"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_user_id_has_one_spelling() {
        assert_eq!("42".parse(), UserId::new(42));
        assert_eq!("9223372036854775807".parse(), UserId::new(i64::MAX));
        for text in ["", "0", "-1", "+1", "01", " 1", "1 ", "1.0", "１", "9223372036854775808"] {
            assert_eq!(text.parse::<UserId>(), Err(IdError), "{text:?}");
        }
        assert_eq!((UserId::new(0), UserId::new(-7)), (Err(IdError), Err(IdError)));
    }

    #[test]
    fn a_session_id_is_a_uuid_v7_in_hyphenated_lowercase() {
        let id = SessionId::new(Timestamp::from_unix_millis(0x0192_3456_789a), &[0xff; 10]);

        assert_eq!(id.to_string(), "01923456-789a-7fff-bfff-ffffffffffff");
        for text in [
            "",
            "01923456-789A-7FFF-BFFF-FFFFFFFFFFFF",
            "01923456789a7fffbfffffffffffffff",
            "{01923456-789a-7fff-bfff-ffffffffffff}",
            "01923456-789a-4fff-bfff-ffffffffffff",
            "01923456-789a-7fff-ffff-ffffffffffff",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(text.parse::<SessionId>(), Err(IdError), "{text:?}");
        }
        assert_eq!(SessionId::from_bytes(&[0; 16]), Err(IdError));
        assert_eq!(SessionId::from_bytes(&id.as_bytes()[..15]), Err(IdError));
    }

    proptest! {
        #[test]
        fn session_ids_survive_text_and_bytes_and_sort_by_time(
            earlier in 0_i64..1 << 46, step in 1_i64..1 << 40, chance: [u8; 10], other: [u8; 10],
        ) {
            let id = SessionId::new(Timestamp::from_unix_millis(earlier), &chance);
            let next = SessionId::new(Timestamp::from_unix_millis(earlier + step), &other);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(SessionId::from_bytes(id.as_bytes()), Ok(id));
            prop_assert!(id < next || Timestamp::from_unix_millis(earlier + step) == Timestamp::MAX);
        }

        #[test]
        fn any_text_is_an_id_only_if_it_prints_as_itself(text in "\\PC{0,40}|[0-9a-f-]{36}|[0-9]{1,20}") {
            if let Ok(id) = text.parse::<UserId>() { prop_assert_eq!(id.to_string(), text.as_str()); }
            if let Ok(id) = text.parse::<SessionId>() { prop_assert_eq!(id.to_string(), text.as_str()); }
        }
    }
}

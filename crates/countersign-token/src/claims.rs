//! What an access token says.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The claims of an access token (RFC 9068 §2.2). Every one is required; instants are whole seconds since the Unix
/// epoch.
///
/// Reading is strict: a missing or ill-typed claim is an error, and so are an `aud` that is a list, a `sub` that is
/// no user id and a `sid` in any other spelling than lower case with hyphens. Claims unknown to this version are
/// ignored, so that the service can add some.
///
/// Holding a `Claims` does not mean that anybody has checked them: those that [`Verifier`](crate::Verifier) returns
/// were.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claims {
    /// The issuer: the public address of the service.
    pub iss: String,
    /// The audience: whom the token is for.
    pub aud: String,
    /// The user; see [`user_id`](Self::user_id).
    pub sub: Subject,
    /// The session that the token belongs to and ends with.
    #[serde(with = "session_id")]
    pub sid: Uuid,
    /// This token's own id, never empty.
    #[serde(deserialize_with = "not_empty")]
    pub jti: String,
    /// When the token was issued.
    pub iat: i64,
    /// The first second in which the token works.
    pub nbf: i64,
    /// The first second in which the token no longer works.
    pub exp: i64,
    /// What the user may do, as the administrator named it.
    pub roles: Vec<String>,
}

impl Claims {
    /// Returns the user's id.
    #[must_use]
    pub const fn user_id(&self) -> i64 {
        self.sub.0
    }

    /// Tells whether the user held a role when the token was issued. Roles are compared to the letter.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

/// A user's id as a token carries it: a decimal number in a string.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Subject(i64);

impl From<i64> for Subject {
    fn from(user_id: i64) -> Self {
        Self(user_id)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = text.parse::<i64>().map_err(|_| de::Error::custom("sub is no user id"))?;
        // One user has one spelling: "+7" and "007" parse as well.
        if id.to_string() != text {
            return Err(de::Error::custom("sub is not in canonical form"));
        }
        Ok(Self(id))
    }
}

/// A UUID as hyphenated text in lower case (RFC 9562 §4), and in no other form.
mod session_id {
    use super::{Deserialize, Deserializer, Serializer, Uuid, de};

    pub(super) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&id.hyphenated())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = Uuid::try_parse(&text).map_err(|_| de::Error::custom("sid is no UUID"))?;
        if *id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) != *text {
            return Err(de::Error::custom("sid is not in canonical form"));
        }
        Ok(id)
    }
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(de::Error::custom("jti is empty"));
    }
    Ok(text)
}

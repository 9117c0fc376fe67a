//! The name a user is shown by and may sign in with.
//!
//! It knows nothing of reserved names: who may be called what is for an operator to say.

use std::fmt;

use serde::Serialize;

/// A username as its owner wrote it.
///
/// ASCII only, so that two names which look alike are alike, and so that "without regard to case" means the
/// same in Rust, SQLite and PostgreSQL. An `@` cannot occur: a login is an address or a name, never both.
///
/// Two names are equal when their [`Username::key`]s are.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// The shortest name, in characters.
    pub const MIN_CHARACTERS: usize = 3;
    /// The longest name, in characters.
    pub const MAX_CHARACTERS: usize = 32;

    /// Parses a name; nothing is cut or changed.
    ///
    /// # Errors
    /// [`UsernameError`] says which rule failed, in words fit for a form.
    pub fn parse(raw: &str) -> Result<Self, UsernameError> {
        if raw.chars().nth(Self::MAX_CHARACTERS).is_some() {
            return Err(UsernameError::TooLong);
        }
        if raw.chars().count() < Self::MIN_CHARACTERS {
            return Err(UsernameError::TooShort);
        }
        if !raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(UsernameError::Characters);
        }
        let edges = [raw.bytes().next(), raw.bytes().next_back()];
        if !edges.into_iter().flatten().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(UsernameError::Edges);
        }
        Ok(Self(raw.to_owned()))
    }

    /// Takes a name from where [`Username::parse`] once put it, unexamined.
    #[must_use]
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lowercase form by which names are unique and found.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Username {}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no username.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UsernameError {
    /// Fewer than [`Username::MIN_CHARACTERS`].
    #[error("a username has at least 3 characters")]
    TooShort,
    /// More than [`Username::MAX_CHARACTERS`].
    #[error("a username has at most 32 characters")]
    TooLong,
    /// A character other than a letter, digit, dot, underscore or hyphen.
    #[error("a username may only use the letters A to Z, digits, and . _ -")]
    Characters,
    /// A dot, underscore or hyphen stands first or last.
    #[error("a username starts and ends with a letter or a digit")]
    Edges,
}

impl UsernameError {
    /// The stable short name of the failed rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Characters | Self::Edges => "invalid",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_kept_as_written_and_compared_without_case() {
        for (raw, key) in [("ada", "ada"), ("Ada.Lovelace", "ada.lovelace"), ("a-_.9", "a-_.9"), ("007", "007")] {
            let name = Username::parse(raw).unwrap();
            assert_eq!((name.as_str(), name.key()), (raw, key.to_owned()));
        }
        assert!(Username::parse(&"a".repeat(32)).is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_rule() {
        let long = "a".repeat(33);
        for (raw, code) in [
            ("", "too_short"),
            ("ab", "too_short"),
            ("éé", "too_short"),
            (&long, "too_long"),
            (".ada", "invalid"),
            ("ada-", "invalid"),
            ("___", "invalid"),
            (" ada", "invalid"),
            ("ada\n", "invalid"),
            ("ada lovelace", "invalid"),
            ("ada@example", "invalid"),
            ("adа", "invalid"),
            ("\u{212a}elvin", "invalid"),
            ("ad\0a", "invalid"),
        ] {
            assert_eq!(Username::parse(raw).map_err(UsernameError::code), Err(code), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_name_parses_to_itself(raw in "\\PC{0,40}|[A-Za-z0-9._-]{0,40}") {
            if let Ok(name) = Username::parse(&raw) {
                prop_assert_eq!(name.as_str(), raw);
                prop_assert_eq!(Username::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(Username::parse(&name.key()), Ok(name));
            }
        }
    }
}

//! The roles of a user: names that other services give a meaning to.
//!
//! This service itself knows one, `admin`. It does not know permissions.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

/// A set of role names, each `[a-z][a-z0-9_-]{0,31}`; shown and stored sorted, with a space between.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Roles(BTreeSet<String>);

impl Roles {
    /// The role that may use `/admin`.
    pub const ADMIN: &'static str = "admin";
    /// The most roles one user may have: every one of them travels in every access token.
    pub const MAX_COUNT: usize = 32;
    /// The longest name, in characters.
    pub const MAX_NAME_CHARACTERS: usize = 32;

    /// Parses names one by one; a name that occurs twice counts once.
    ///
    /// # Errors
    /// [`RolesError`] says which rule failed, in words fit for a form.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, RolesError> {
        let mut roles = BTreeSet::new();
        for name in names {
            if !is_role_name(name) {
                return Err(RolesError::Name);
            }
            roles.insert(name.to_owned());
            if roles.len() > Self::MAX_COUNT {
                return Err(RolesError::TooMany);
            }
        }
        Ok(Self(roles))
    }

    /// Reads what [`Roles`] prints: the stored form.
    ///
    /// # Errors
    /// [`RolesError`] if the text was not written by this type.
    pub fn from_stored(text: &str) -> Result<Self, RolesError> {
        Self::parse(text.split_ascii_whitespace())
    }

    /// Whether this role is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// Why a text is no set of roles.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RolesError {
    /// A name has another shape.
    #[error("a role is named with 1 to 32 of a-z, 0-9, _ and -, and starts with a letter")]
    Name,
    /// More than [`Roles::MAX_COUNT`].
    #[error("a user has at most 32 roles")]
    TooMany,
}

impl RolesError {
    /// The stable short name of the failed rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Name => "invalid",
            Self::TooMany => "too_many",
        }
    }
}

fn is_role_name(name: &str) -> bool {
    name.len() <= Roles::MAX_NAME_CHARACTERS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn are_stored_sorted_and_once_each() {
        let roles = Roles::parse(["support", "admin", "support", "a-1_b"]).unwrap();

        assert_eq!(roles.to_string(), "a-1_b admin support");
        assert_eq!(Roles::from_stored("a-1_b admin support"), Ok(roles.clone()));
        assert_eq!(serde_json::to_string(&roles).unwrap(), r#"["a-1_b","admin","support"]"#);
        assert!(roles.contains(Roles::ADMIN) && !roles.contains("Admin"));
        assert_eq!(Roles::from_stored(""), Ok(Roles::default()));
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for name in ["", "Admin", "1st", "_a", "-a", "a b", "a\n", "ä", "a.b", &"a".repeat(33)] {
            assert_eq!(Roles::parse([name]), Err(RolesError::Name), "{name:?}");
        }
        let many: Vec<String> = (0..33).map(|number| format!("role{number}")).collect();
        assert_eq!(Roles::parse(many.iter().map(String::as_str)), Err(RolesError::TooMany));
        assert!(Roles::parse(many.iter().skip(1).map(String::as_str)).is_ok());
    }

    proptest! {
        #[test]
        fn the_stored_form_reads_back(names in proptest::collection::vec("[a-z][a-z0-9_-]{0,31}|\\PC{0,8}", 0..8)) {
            if let Ok(roles) = Roles::parse(names.iter().map(String::as_str)) {
                prop_assert_eq!(Roles::from_stored(&roles.to_string()), Ok(roles));
            }
        }
    }
}

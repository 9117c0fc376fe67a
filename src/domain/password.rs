//! What a person types to prove who they are: as presented at sign-in, and as chosen anew.
//!
//! The rules are those of NIST SP 800-63B-4 and OWASP ASVS 5.0 V6.2: length, a list of common passwords, and
//! what an attacker would try first for this person and this service. No composition rules, no expiry, no
//! cutting, no folding of case. The one change made is Unicode NFC (RFC 8265 `OpaqueString`), because keyboards
//! disagree on how to write é; it is made everywhere alike.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zeroize::Zeroizing;

use super::{Email, Username};

/// A password as somebody presents it, in NFC; zeroed on drop, never printed, never serialized.
///
/// Any text is one. At sign-in there is nothing to validate: a text that breaks a rule for new passwords is
/// merely a wrong password, costs what a wrong password costs, and teaches nobody the rules. Rules may also
/// become stricter without locking out those whose password is older.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a text as received; the original is zeroed.
    ///
    /// Linear in its length, which the limit on request bodies bounds.
    #[must_use]
    pub fn presented(raw: String) -> Self {
        let raw = Zeroizing::new(raw);
        if is_nfc_quick(raw.chars()) == IsNormalized::Yes {
            return Self(raw);
        }
        // NFC grows UTF-8 to three times its size at most (UAX #15): reserved at once, so that no outgrown
        // buffer is left behind unzeroed.
        let mut composed = Zeroizing::new(String::with_capacity(raw.len().saturating_mul(3)));
        composed.extend(raw.nfc());
        Self(composed)
    }

    /// The text itself, for `crypto` alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::presented)
    }
}

/// A password that may be set: it has passed every rule for the person it belongs to.
#[derive(Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// The shortest, in characters (code points after NFC); ASVS 5.0 6.2.1.
    pub const MIN_CHARACTERS: usize = 8;
    /// The longest, in characters; more than the 64 that ASVS 5.0 6.2.9 asks for, and a bound all the same.
    pub const MAX_CHARACTERS: usize = 256;

    /// Holds a password against the rules.
    ///
    /// # Errors
    /// [`PasswordError`] says which rule failed first, in words fit for a form.
    pub fn parse(password: Password, owner: Owner<'_>) -> Result<Self, PasswordError> {
        let characters = password.expose().chars().take(Self::MAX_CHARACTERS + 1).count();
        if characters < Self::MIN_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        if characters > Self::MAX_CHARACTERS {
            return Err(PasswordError::TooLong);
        }
        let folded = lowercase(password.expose());
        if is_common(&folded) {
            return Err(PasswordError::TooCommon);
        }
        if is_service_name(&folded) {
            return Err(PasswordError::ServiceName);
        }
        if owner.username.is_some_and(|username| holds(&folded, &username.key())) {
            return Err(PasswordError::ContainsUsername);
        }
        if owner.email.is_some_and(|email| holds(&folded, email.local_part())) {
            return Err(PasswordError::ContainsEmail);
        }
        Ok(Self(password))
    }

    /// The password, ready to be hashed.
    #[must_use]
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

/// Whose new password it is to be. What is unknown, or was refused itself, is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner<'a> {
    /// Their name.
    pub username: Option<&'a Username>,
    /// Their address.
    pub email: Option<&'a Email>,
}

/// Why a password may not be set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`NewPassword::MIN_CHARACTERS`].
    #[error("a password has at least 8 characters")]
    TooShort,
    /// More than [`NewPassword::MAX_CHARACTERS`].
    #[error("a password has at most 256 characters")]
    TooLong,
    /// It is in the embedded list.
    #[error("this is one of the most common passwords, which are tried first; choose another")]
    TooCommon,
    /// It is the name of this service with digits and punctuation around it.
    #[error("this is the name of this service with little around it; choose another")]
    ServiceName,
    /// The username occurs in it.
    #[error("a password may not contain your username")]
    ContainsUsername,
    /// The part of the address before the `@` occurs in it.
    #[error("a password may not contain the name in your e-mail address")]
    ContainsEmail,
}

impl PasswordError {
    /// The stable short name of the failed rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::TooCommon => "too_common",
            Self::ServiceName => "service_name",
            Self::ContainsUsername => "contains_username",
            Self::ContainsEmail => "contains_email",
        }
    }
}

/// Common passwords of at least 8 characters: NFC, lowercase, one a line, sorted by bytes. Where they come from
/// is told in `common_passwords.LICENSE`.
static COMMON: &str = include_str!("common_passwords.txt");

/// The words that stand for this service (ASVS 5.0 6.1.2).
const SERVICE_NAMES: [&str; 1] = ["countersign"];

/// The shortest name that is looked for inside a password: shorter ones occur in half of all passwords.
const SHORTEST_NAME_LOOKED_FOR: usize = 3;

/// Lowercases by Unicode's rules into a buffer that is zeroed and never outgrown.
fn lowercase(text: &str) -> Zeroizing<String> {
    // A character's lowercase form is at most three times its size in UTF-8.
    let mut folded = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
    folded.extend(text.chars().flat_map(char::to_lowercase));
    folded
}

/// Whether a line of [`COMMON`] is this text: bisects the text itself, so nothing is built at start.
fn is_common(folded: &str) -> bool {
    let mut rest = COMMON;
    while !rest.is_empty() {
        // A newline is one byte and never part of another character, so every cut is between characters.
        let middle = rest.floor_char_boundary(rest.len() / 2);
        let (before, after) = rest.split_at(middle);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after.find('\n').map_or(rest.len(), |newline| middle + newline);
        let line = rest.get(start..end).unwrap_or_default();
        rest = match folded.cmp(line) {
            Ordering::Equal => return true,
            Ordering::Less => rest.get(..start),
            Ordering::Greater => rest.get(end + 1..),
        }
        .unwrap_or_default();
    }
    false
}

fn is_service_name(folded: &str) -> bool {
    let word = folded.trim_matches(|character: char| !character.is_alphabetic());
    SERVICE_NAMES.contains(&word)
}

fn holds(folded: &str, name: &str) -> bool {
    name.len() >= SHORTEST_NAME_LOOKED_FOR && folded.contains(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(raw: &str) -> Result<NewPassword, PasswordError> {
        let (username, email) = (Username::parse("Ada.L").unwrap(), Email::parse("lovelace@example.com").unwrap());
        NewPassword::parse(
            Password::presented(raw.to_owned()),
            Owner { username: Some(&username), email: Some(&email) },
        )
    }

    #[test]
    fn any_unicode_of_8_to_256_characters_is_a_password() {
        for raw in [
            "correct horse battery staple",
            "        ",
            "zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "🐎🔋📎✅🐎🔋📎✅",
            "пароль-для-ады",
            "nul\0in the middle",
            "at-last: love-lace, Ada",
            &"é".repeat(256),
            &"e\u{301}".repeat(256),
        ] {
            assert!(parse(raw).is_ok(), "{raw:?}");
        }
    }

    #[test]
    fn what_would_be_guessed_is_refused_with_the_rule() {
        for (raw, code) in [
            ("", "too_short"),
            ("1234567", "too_short"),
            ("🐎🐎🐎🐎🐎🐎🐎", "too_short"),
            ("e\u{301}".repeat(7).as_str(), "too_short"),
            ("x".repeat(257).as_str(), "too_long"),
            ("password", "too_common"),
            ("PassWord1", "too_common"),
            ("Qwertyuiop", "too_common"),
            ("countersign", "service_name"),
            ("countersign2026!", "service_name"),
            ("--1 CounterSign 1--", "service_name"),
            ("my name is ada.l!", "contains_username"),
            ("XXADA.LXXXX", "contains_username"),
            ("1-LoveLace-1815", "contains_email"),
        ] {
            assert_eq!(parse(raw).map(|_| ()).map_err(PasswordError::code), Err(code), "{raw:?}");
        }
    }

    #[test]
    fn names_of_two_letters_and_missing_names_are_not_looked_for() {
        let email = Email::parse("al@example.com").unwrap();
        let owner = Owner { username: None, email: Some(&email) };
        assert!(NewPassword::parse(Password::presented("alchemical wedding".to_owned()), owner).is_ok());
        assert!(NewPassword::parse(Password::presented("ada.l lovelace".to_owned()), Owner::default()).is_ok());
    }

    #[test]
    fn every_line_of_the_list_is_found_and_fit_to_be_found() {
        let lines: Vec<&str> = COMMON.lines().collect();

        assert!(lines.len() >= 3_000 && COMMON.ends_with('\n'));
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
        for line in lines {
            assert!(is_common(line), "{line}");
            assert!(line.chars().count() >= NewPassword::MIN_CHARACTERS, "{line}");
            assert_eq!(lowercase(&line.nfc().collect::<String>()).as_str(), line);
        }
    }

    #[test]
    fn neighbours_of_the_list_are_not_in_it() {
        for text in ["", "\n", "\0", "\u{10ffff}", "password\n", "passwor", "password\nx", "00000000\n000000000"] {
            assert!(!is_common(text), "{text:?}");
        }
    }

    #[test]
    fn is_never_printed() {
        let password = parse("correct horse battery staple").unwrap();
        assert_eq!(format!("{password:?}"), "NewPassword(Password(…))");
    }

    proptest! {
        #[test]
        fn normal_forms_are_one_password_and_nothing_else_changes(raw in "\\PC{0,40}|[a-zà-ö\u{300}-\u{31f}]{0,40}") {
            let password = Password::presented(raw.clone());
            prop_assert_eq!(password.expose(), raw.nfc().collect::<String>());
            let decomposed = Password::presented(raw.nfd().collect());
            prop_assert_eq!(decomposed.expose(), password.expose());
            let again = Password::presented(password.expose().to_owned());
            prop_assert_eq!(again.expose(), password.expose());
        }

        #[test]
        fn membership_is_what_a_search_line_by_line_says(text in "[0-9a-z]{8,9}|\\PC{0,12}|(password|iloveyou|12345678)[0-9]{0,2}") {
            prop_assert_eq!(is_common(&text), COMMON.lines().any(|line| line == text));
        }

        #[test]
        fn the_owners_names_are_found_in_any_case(before in "\\PC{0,9}", after in "\\PC{0,9}", upper: bool) {
            let name = if upper { "LOVELACE" } else { "lovelace" };
            let holding = format!("{before} {name} {after}");
            prop_assert!(parse(&holding).is_err());
        }

        #[test]
        fn no_buffer_is_outgrown(raw in "[\u{0}-\u{10ffff}\u{390}\u{1f82}\u{fb2c}\u{1d160}İẞ]{0,40}") {
            prop_assert!(raw.nfc().collect::<String>().len() <= raw.len() * 3);
            prop_assert!(lowercase(&raw).len() <= raw.len() * 3);
        }
    }
}

//! What a letter is while it waits: the words that its templates need, and to whom it goes.
//!
//! The form in which it rests in a job, so it only grows: a newer version reads what an older one wrote. It is never
//! stored but sealed.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::letter::{Kind, Letter, Token};
use crate::domain::{Email, Timestamp, Username};

/// A letter at rest.
#[derive(Deserialize, Serialize)]
pub struct Payload {
    pub(super) to: String,
    pub(super) letter: Kind,
    pub(super) username: String,
    /// What the link carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<Zeroizing<String>>,
    /// What may be typed instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) new_email: Option<String>,
    /// As people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_agent: Option<String>,
}

impl Payload {
    /// Writes down a letter.
    #[must_use]
    pub fn of(to: &Email, letter: &Letter) -> Self {
        let about = |username: &Username| Self {
            to: to.as_str().to_owned(),
            letter: letter.kind(),
            username: username.as_str().to_owned(),
            token: None,
            code: None,
            new_email: None,
            at: None,
            ip: None,
            user_agent: None,
        };
        match letter {
            Letter::ConfirmEmail { username, token }
            | Letter::ResetPassword { username, token }
            | Letter::ConfirmNewEmail { username, token } => about(username).with(token),
            Letter::EmailChangeRequested { username, new_email, undo_token } => {
                Self { new_email: Some(new_email.as_str().to_owned()), ..about(username).with(undo_token) }
            }
            Letter::AlreadyRegistered { username }
            | Letter::UsernameTaken { username }
            | Letter::EmailChanged { username }
            | Letter::PasswordChanged { username } => about(username),
            Letter::NewSignIn { username, at, ip, user_agent } => Self {
                at: Some(for_people(*at)),
                ip: Some(ip.to_string()),
                user_agent: user_agent.clone(),
                ..about(username)
            },
        }
    }

    fn with(self, token: &Token) -> Self {
        let wiped = |secret: &secrecy::SecretString| Zeroizing::new(secret.expose_secret().to_owned());
        Self { token: Some(wiped(&token.link)), code: token.code.as_ref().map(wiped), ..self }
    }

    /// The bytes to be sealed.
    ///
    /// # Errors
    /// [`PayloadError`] should not happen: every payload is JSON.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, PayloadError> {
        serde_json::to_vec(self).map(Zeroizing::new).map_err(|_| PayloadError)
    }

    /// Reads what was sealed.
    ///
    /// # Errors
    /// [`PayloadError`] when a newer version wrote it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PayloadError> {
        serde_json::from_slice(bytes).map_err(|_| PayloadError)
    }

    /// To whom it goes.
    #[must_use]
    pub fn to(&self) -> Email {
        Email::from_stored(self.to.clone())
    }

    /// Which letter it is.
    #[must_use]
    pub fn letter(&self) -> Kind {
        self.letter
    }
}

/// `22 November 2026, 12:00 UTC`: nobody knows where its reader is.
fn for_people(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(at.as_unix_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// A letter that this version cannot read. It does not say what it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the letter was written by a newer version of the service")]
pub struct PayloadError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{letter::Kind, sample};

    #[test]
    fn every_letter_reads_as_it_was_written() {
        for kind in Kind::ALL {
            let payload = Payload::of(&sample::reader(), &sample::letter(kind));

            let bytes = payload.to_bytes().unwrap();

            let read = Payload::from_bytes(&bytes).unwrap();
            assert_eq!((read.letter(), read.to()), (kind, sample::reader()));
            assert_eq!(*read.to_bytes().unwrap(), *bytes);
        }
        assert_eq!(Payload::from_bytes(br#"{"letter": "of_tomorrow"}"#).err(), Some(PayloadError));
    }

    #[test]
    fn a_moment_is_written_for_people() {
        assert_eq!(for_people(sample::moment()), "22 November 2026, 12:00 UTC");
    }
}

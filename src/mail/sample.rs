//! A sample of every letter: to try templates with, and to look at them.

use std::net::{IpAddr, Ipv4Addr};

use super::letter::{Kind, Letter, Token};
use crate::domain::{Email, Timestamp, Username};

/// Who reads the samples.
#[must_use]
pub fn reader() -> Email {
    Email::from_stored("ada@example.com".to_owned())
}

/// When it happens: 22 November 2026, 12:00 UTC.
pub(super) fn moment() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_348_800)
}

/// A letter of this kind. Its tokens are worth nothing.
#[must_use]
pub fn letter(kind: Kind) -> Letter {
    let username = Username::from_stored("ada".to_owned());
    match kind {
        Kind::ConfirmEmail => Letter::ConfirmEmail { username, token: token() },
        Kind::AlreadyRegistered => Letter::AlreadyRegistered { username },
        Kind::ResetPassword => Letter::ResetPassword { username, token: token() },
        Kind::ConfirmNewEmail => Letter::ConfirmNewEmail { username, token: token() },
        Kind::EmailChangeRequested => Letter::EmailChangeRequested {
            username,
            new_email: Email::from_stored("ada.lovelace@example.org".to_owned()),
            undo_token: Token { code: None, ..token() },
        },
        Kind::EmailChanged => Letter::EmailChanged { username },
        Kind::PasswordChanged => Letter::PasswordChanged { username },
        Kind::NewSignIn => Letter::NewSignIn {
            username,
            at: moment(),
            ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned()),
        },
    }
}

fn token() -> Token {
    Token { link: "c2FtcGxlLXRva2VuLW9mLTI1Ni1yYW5kb20tYml0cyE".into(), code: Some("K7QM-4XRT".into()) }
}

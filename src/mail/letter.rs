//! Letters: what the service has to say to people by mail, and what the words of each need.
//!
//! It knows no transport and no words of the templates; a letter cannot be printed, because it may hold what signs
//! somebody in.

use std::net::IpAddr;

use secrecy::SecretString;

use crate::domain::{Email, Timestamp, Username};

/// A letter, with what its words need.
pub enum Letter {
    /// To who has registered, or asked for it again: the address has to be confirmed. Good for 24 hours.
    ConfirmEmail {
        /// Who has registered.
        username: Username,
        /// Confirms the address.
        token: Token,
    },
    /// To the owner of an address with which somebody has tried to register: they have an account.
    AlreadyRegistered {
        /// The owner.
        username: Username,
    },
    /// To who has forgotten the password. Good for 30 minutes.
    ResetPassword {
        /// Whose password.
        username: Username,
        /// Sets another password.
        token: Token,
    },
    /// To an address that is to become somebody's. Good for 24 hours.
    ConfirmNewEmail {
        /// Whose address it is to become.
        username: Username,
        /// Confirms the address.
        token: Token,
    },
    /// To the address that somebody has so far, while they ask for another. Good for 7 days.
    EmailChangeRequested {
        /// Whose address.
        username: Username,
        /// The address that was asked for.
        new_email: Email,
        /// Keeps the address as it is, or takes it back.
        undo_token: Token,
    },
    /// To the address that was somebody's until now.
    EmailChanged {
        /// Whose address.
        username: Username,
    },
    /// To somebody whose password has been changed or reset.
    PasswordChanged {
        /// Whose password.
        username: Username,
    },
    /// To somebody who was signed in from where they never were before.
    NewSignIn {
        /// Who was signed in.
        username: Username,
        /// When.
        at: Timestamp,
        /// From which address.
        ip: IpAddr,
        /// What the client called itself.
        user_agent: Option<String>,
    },
}

/// What a letter carries to prove that its reader owns the address: as a link, and shorter, to be typed.
///
/// Without `Debug` text, and wiped when dropped.
pub struct Token {
    /// What the link carries as `token`; its characters need no escape in a URL.
    pub link: SecretString,
    /// What may be typed instead, if anything.
    pub code: Option<SecretString>,
}

/// Which letter: the name of its templates, and what people call a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Letter::ConfirmEmail`].
    ConfirmEmail,
    /// [`Letter::AlreadyRegistered`].
    AlreadyRegistered,
    /// [`Letter::ResetPassword`].
    ResetPassword,
    /// [`Letter::ConfirmNewEmail`].
    ConfirmNewEmail,
    /// [`Letter::EmailChangeRequested`].
    EmailChangeRequested,
    /// [`Letter::EmailChanged`].
    EmailChanged,
    /// [`Letter::PasswordChanged`].
    PasswordChanged,
    /// [`Letter::NewSignIn`].
    NewSignIn,
}

impl Letter {
    /// Which letter it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::ConfirmEmail { .. } => Kind::ConfirmEmail,
            Self::AlreadyRegistered { .. } => Kind::AlreadyRegistered,
            Self::ResetPassword { .. } => Kind::ResetPassword,
            Self::ConfirmNewEmail { .. } => Kind::ConfirmNewEmail,
            Self::EmailChangeRequested { .. } => Kind::EmailChangeRequested,
            Self::EmailChanged { .. } => Kind::EmailChanged,
            Self::PasswordChanged { .. } => Kind::PasswordChanged,
            Self::NewSignIn { .. } => Kind::NewSignIn,
        }
    }
}

impl Kind {
    /// Every letter.
    pub const ALL: [Self; 8] = [
        Self::ConfirmEmail,
        Self::AlreadyRegistered,
        Self::ResetPassword,
        Self::ConfirmNewEmail,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::NewSignIn,
    ];

    /// The name of the letter, its templates and its jobs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::AlreadyRegistered => "already_registered",
            Self::ResetPassword => "reset_password",
            Self::ConfirmNewEmail => "confirm_new_email",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::NewSignIn => "new_sign_in",
        }
    }

    /// The letter of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The page that the letter's link opens, below the public address.
    #[must_use]
    pub fn page(self) -> Option<&'static str> {
        match self {
            Self::ConfirmEmail | Self::ConfirmNewEmail => Some(CONFIRM_PAGE),
            Self::ResetPassword => Some(RESET_PAGE),
            Self::EmailChangeRequested => Some(UNDO_PAGE),
            Self::AlreadyRegistered | Self::EmailChanged | Self::PasswordChanged | Self::NewSignIn => None,
        }
    }
}

/// The page that confirms an address.
pub const CONFIRM_PAGE: &str = "/confirm-email";
/// The page that sets another password.
pub const RESET_PAGE: &str = "/reset-password";
/// The page that keeps an address as it was.
pub const UNDO_PAGE: &str = "/undo-email-change";

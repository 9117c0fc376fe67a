//! What is written down: a kind, who did it, to whom, and a few details.

use serde::Serialize;

use crate::domain::{Client, SessionId, UserId};

/// Declares the kinds, each with its word in the table and what it means.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident $word:literal)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Kind {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Kind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in the table; it never changes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// Somebody made an account for themselves.
    Registered "registered"
    /// An operator made an account.
    UserCreated "user_created"
    /// A session was opened with a password.
    SignedIn "signed_in"
    /// A password was wrong, or belonged to nobody.
    SignInFailed "sign_in_failed"
    /// More sign-ins failed than are written down one by one.
    SignInsFailed "sign_ins_failed"
    /// The right password of an account that may not sign in.
    SignInRefused "sign_in_refused"
    /// A sign-in was not even tried, after too many failures.
    SignInLimited "sign_in_limited"
    /// A refresh token was presented twice; its session was ended.
    RefreshTokenReused "refresh_token_reused"
    /// A user signed out of a session.
    SignedOut "signed_out"
    /// A user signed out everywhere.
    SignedOutEverywhere "signed_out_everywhere"
    /// A user ended one of their sessions from another.
    SessionEnded "session_ended"
    /// An administrator or operator ended every session of a user.
    SessionsEnded "sessions_ended"
    /// A user changed their password.
    PasswordChanged "password_changed"
    /// A password was reset by a link in a mail.
    PasswordReset "password_reset"
    /// An operator set a password.
    PasswordSet "password_set"
    /// An address was confirmed, or an administrator said that it is, or is not.
    EmailVerifiedChanged "email_verified_changed"
    /// A user asked for another address.
    EmailChangeRequested "email_change_requested"
    /// A user has another address.
    EmailChanged "email_changed"
    /// A user has another name.
    UsernameChanged "username_changed"
    /// A user has other roles.
    RolesChanged "roles_changed"
    /// A user may no longer sign in.
    Disabled "disabled"
    /// A user may sign in again.
    Enabled "enabled"
    /// An account was deleted.
    Deleted "deleted"
    /// Accounts were brought in from elsewhere.
    Imported "imported"
    /// Accounts were written out.
    Exported "exported"
    /// A backup took the place of the database.
    Restored "restored"
    /// A signing key was made.
    KeyMade "key_made"
    /// Another signing key signs.
    KeyRotated "key_rotated"
    /// A signing key was taken out of use.
    KeyRetired "key_retired"
}

impl Kind {
    /// The kind that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

/// Who did something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub(super) actor: Actor,
    pub(super) client: Option<&'a Client>,
}

/// Who did something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Actor {
    /// A client that has not proved who it is.
    Nobody,
    /// A user, to their own account.
    User(UserId),
    /// An administrator, by the interface.
    Admin(UserId),
    /// Whoever runs the program, at the command line.
    Cli,
    /// The service by itself.
    System,
}

impl<'a> By<'a> {
    /// A client that has not proved who it is.
    #[must_use]
    pub fn nobody(client: &'a Client) -> Self {
        Self { actor: Actor::Nobody, client: Some(client) }
    }

    /// A user, to their own account.
    #[must_use]
    pub fn user(user: UserId, client: &'a Client) -> Self {
        Self { actor: Actor::User(user), client: Some(client) }
    }

    /// An administrator.
    #[must_use]
    pub fn admin(admin: UserId, client: &'a Client) -> Self {
        Self { actor: Actor::Admin(admin), client: Some(client) }
    }

    /// Whoever runs the program, at the command line.
    #[must_use]
    pub fn cli() -> Self {
        Self { actor: Actor::Cli, client: None }
    }

    /// The service by itself.
    #[must_use]
    pub fn system() -> Self {
        Self { actor: Actor::System, client: None }
    }
}

impl Actor {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::User(_) => "user",
            Self::Admin(_) => "admin",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }

    pub(super) fn id(self) -> Option<UserId> {
        match self {
            Self::User(id) | Self::Admin(id) => Some(id),
            Self::Nobody | Self::Cli | Self::System => None,
        }
    }
}

/// A fact to be written down.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub(super) kind: Kind,
    pub(super) by: By<'a>,
    pub(super) user: Option<UserId>,
    pub(super) session: Option<SessionId>,
    pub(super) details: Vec<(&'static str, Detail)>,
}

/// A number or a text beside an event. Never an address, a name or a secret.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Detail {
    /// How many.
    Count(u64),
    /// Yes or no.
    Flag(bool),
    /// A word: a reason, roles, the id of a key.
    Text(String),
}

impl<'a> Event<'a> {
    /// Something that somebody did.
    #[must_use]
    pub fn new(kind: Kind, by: By<'a>) -> Self {
        Self { kind, by, user: None, session: None, details: Vec::new() }
    }

    /// To this user's account.
    #[must_use]
    pub fn about(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// In, or to, this session.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, detail: impl Into<Detail>) -> Self {
        self.details.push((name, detail.into()));
        self
    }
}

impl From<u64> for Detail {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<bool> for Detail {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

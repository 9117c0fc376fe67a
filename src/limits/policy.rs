//! What is limited, each by a quota of its own.

use crate::metrics::Label;

/// Something that may happen so often and no more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Policy {
    /// Signing in from one address, whether it succeeds or not.
    Login,
    /// Registering from one address.
    Registration,
    /// Mails for one account.
    MailPerAccount,
    /// Mails that one address asks for.
    MailPerAddress,
}

impl Label for Policy {
    const ALL: &'static [Self] = &[Self::Login, Self::Registration, Self::MailPerAccount, Self::MailPerAddress];

    fn as_str(self) -> &'static str {
        self.name()
    }
}

impl Policy {
    /// Its name in `RateLimit-Policy`, in metrics, and in the digests of its keys: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::MailPerAccount => "mail-per-account",
            Self::MailPerAddress => "mail-per-address",
        }
    }
}

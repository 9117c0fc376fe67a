//! What is limited, each by a quota of its own.

use crate::metrics::Label;

/// Something that may happen so often and no more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Policy {
    /// Signing in from one address, whether it succeeds or not.
    Login,
    /// Registering from one address.
    Registration,
    /// Mails that bring an account back to its owner, or confirm it.
    MailPerAccount,
    /// Mails that tell one address of a registration, where accounts are concealed.
    RegistrationMail,
    /// Mails that ask one address whether a user may take it.
    AddressChangeMail,
    /// Mails that one address asks for.
    MailPerAddress,
    /// Short codes that are typed for one account.
    TypedCodes,
}

impl Label for Policy {
    const ALL: &'static [Self] = &[
        Self::Login,
        Self::Registration,
        Self::MailPerAccount,
        Self::RegistrationMail,
        Self::AddressChangeMail,
        Self::MailPerAddress,
        Self::TypedCodes,
    ];

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
            Self::RegistrationMail => "registration-mail",
            Self::AddressChangeMail => "address-change-mail",
            Self::MailPerAddress => "mail-per-address",
            Self::TypedCodes => "typed-codes",
        }
    }
}

//! What is limited, each by a quota of its own.

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
    /// Short codes that are typed for one account.
    TypedCodes,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Login, Self::Registration, Self::MailPerAccount, Self::MailPerAddress, Self::TypedCodes];

    /// Its name in `RateLimit-Policy`, in metrics, and in the digests of its keys: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::MailPerAccount => "mail-per-account",
            Self::MailPerAddress => "mail-per-address",
            Self::TypedCodes => "typed-codes",
        }
    }
}

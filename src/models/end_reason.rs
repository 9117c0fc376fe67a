//! Why sessions end.

/// Why a session was ended; kept in its row for whoever looks into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The user signed out of it.
    SignedOut,
    /// The user signed out everywhere.
    SignedOutEverywhere,
    /// The user ended it from another one.
    EndedByUser,
    /// An administrator or operator ended it.
    EndedByAdmin,
    /// The account was disabled.
    Disabled,
    /// A role was taken away.
    RoleRemoved,
    /// The password was changed.
    PasswordChanged,
    /// The password was reset by the owner of the address.
    PasswordReset,
    /// The owner of an address took it back.
    EmailRestored,
    /// One of its refresh tokens was presented twice.
    TokenReused,
}

impl EndReason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::SignedOutEverywhere => "signed_out_everywhere",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByAdmin => "ended_by_admin",
            Self::Disabled => "disabled",
            Self::RoleRemoved => "role_removed",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::EmailRestored => "email_restored",
            Self::TokenReused => "token_reused",
        }
    }
}

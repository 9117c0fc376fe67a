//! The outcomes that are told apart: short lists, so that no metric can ever have many series.

use super::instruments::label;

label! {
    /// How a login ended.
    pub enum LoginOutcome {
        /// A session was opened.
        SignedIn => "signed_in",
        /// Another password, or nobody by that name.
        WrongCredentials => "wrong_credentials",
        /// Not looked at after too many failures.
        HeldBack => "held_back",
        /// The right password of a disabled account.
        Disabled => "disabled",
        /// The right password of an account whose address has not been confirmed.
        Unconfirmed => "unconfirmed",
        /// Too many passwords were waiting.
        Overloaded => "overloaded",
        /// The database did not do its part.
        Unavailable => "unavailable",
        /// A fault of the service.
        Error => "error",
    }
}

label! {
    /// How a registration ended.
    pub enum RegistrationOutcome {
        /// There is another user.
        Registered => "registered",
        /// The address or the name belongs to somebody.
        Taken => "taken",
        /// The password is on a list of breached ones.
        Breached => "breached",
        /// Registration is switched off.
        Closed => "closed",
        /// Too many passwords were waiting.
        Overloaded => "overloaded",
        /// The database did not do its part.
        Unavailable => "unavailable",
        /// A fault of the service.
        Error => "error",
    }
}

label! {
    /// How a refresh ended.
    pub enum RefreshOutcome {
        /// There is another pair of tokens.
        Refreshed => "refreshed",
        /// The token is not ours, or altered.
        Invalid => "invalid",
        /// The token had been spent: its session was ended.
        Reused => "reused",
        /// The session is over.
        Ended => "ended",
        /// The database did not do its part.
        Unavailable => "unavailable",
        /// A fault of the service.
        Error => "error",
    }
}

label! {
    /// What opened a session.
    pub enum OpenedBy {
        /// A login.
        Login => "login",
        /// A registration.
        Registration => "registration",
    }
}

label! {
    /// What ended a session before its time.
    pub enum EndedBy {
        /// Its user signed out.
        SignedOut => "signed_out",
        /// Its user signed out everywhere.
        SignedOutEverywhere => "signed_out_everywhere",
        /// Its user ended it from another one.
        User => "ended_by_user",
        /// An administrator or operator ended it.
        Admin => "ended_by_admin",
        /// The account was disabled.
        Disabled => "disabled",
        /// A role was taken away.
        RoleRemoved => "role_removed",
        /// The password was changed.
        PasswordChanged => "password_changed",
        /// A refresh token was presented twice.
        TokenReused => "token_reused",
        /// The password was reset.
        PasswordReset => "password_reset",
        /// A change of address was taken back.
        EmailRestored => "email_restored",
    }
}

label! {
    /// What became of an attempt to deliver a letter.
    pub enum LetterOutcome {
        /// The mail server has taken it.
        Sent => "sent",
        /// It is tried again later.
        PutOff => "put_off",
        /// It was given up.
        Dead => "dead",
    }
}

label! {
    /// How the hashing of a password ended.
    pub enum HashOutcome {
        /// There is a hash.
        Hashed => "hashed",
        /// Refused at once: it could not have been done in time.
        Refused => "refused",
        /// Not done within the longest wait.
        Late => "late",
        /// Whoever wanted it has gone.
        Abandoned => "abandoned",
    }
}

label! {
    /// How a call to a dependency ended, as its circuit breaker counts it.
    pub enum CallOutcome {
        /// It answered, be it with a refusal.
        Succeeded => "succeeded",
        /// It did not answer, or could not do its work.
        Failed => "failed",
        /// Nobody waited for the end.
        Abandoned => "abandoned",
        /// The breaker was open: it was not asked.
        Refused => "refused",
    }
}

label! {
    /// How a call to the database ended, by what the caller was told.
    pub enum DatabaseOutcome {
        /// Done.
        Done => "done",
        /// An answer that is no success: a duplicate, or no row.
        Answered => "answered",
        /// Not asked: the breaker was open.
        Refused => "refused",
        /// No connection, a lock, a disk that is full.
        Unavailable => "unavailable",
        /// No answer in time.
        TimedOut => "timed_out",
        /// A commit that may or may not have happened.
        CommitUnknown => "commit_unknown",
        /// The database is damaged.
        Corrupt => "corrupt",
        /// A mistake of the service.
        Mistake => "mistake",
    }
}

label! {
    /// What became of a span.
    pub enum SpanOutcome {
        /// The collector took it.
        Sent => "sent",
        /// The collector took its batch, and not it.
        Refused => "refused",
        /// The collector did not take its batch, or was not asked because the breaker was open.
        Lost => "lost",
        /// Too many were waiting.
        Dropped => "dropped",
    }
}

label! {
    /// What goes on beside the requests.
    pub enum Job {
        /// The timetable of the signing keys.
        FollowKeys => "follow_keys",
        /// Forgetting sessions that are over.
        PurgeSessions => "purge_sessions",
        /// Forgetting what limits no longer need.
        PurgeLimits => "purge_limits",
        /// Forgetting one-time codes whose time is over.
        PurgeCodes => "purge_codes",
        /// Forgetting letters that were given up long ago.
        ForgetDeadLetters => "forget_dead_letters",
        /// Giving audit events their places in the chain.
        ChainAuditEvents => "chain_audit_events",
        /// Forgetting audit events that are old enough.
        ForgetAuditEvents => "forget_audit_events",
    }
}

//! What people are told by mail about their own account.

use super::section::section;

section! {
    /// What people are told by mail about their own account, so that they notice what they did not do themselves.
    ///
    /// Mails without which nothing could be confirmed, reset or undone are always sent.
    pub struct Notices in "notices" {
        /// Whether they are told that their password was changed or reset.
        pub password_changed: bool = true;

        /// Whether the former address is told that it has been replaced.
        ///
        /// That it was asked for is told in any case, with a link to undo it.
        pub email_changed: bool = true;

        /// Whether they are told of a sign-in from an address that they have not signed in from lately.
        pub new_sign_in: bool = true;
    }
}

//! Who may open an account.

use super::section::section;

section! {
    /// Who may open an account.
    pub struct Registration in "registration" {
        /// Whether anyone may register; otherwise accounts are made by the operator.
        pub enabled: bool = true;

        /// Whether people are only let in once they have confirmed their address.
        ///
        /// Registration then signs nobody in, and login refuses with `email_unverified` after the right password.
        pub require_verified_email: bool = false;

        /// Whether nobody can find out which addresses have an account.
        ///
        /// Registration then always answers 202 and signs nobody in; what became of it is told by mail. An account is only
        /// there for others once its address is confirmed: until then login answers as if there were none.
        pub conceal_accounts: bool = false;
    }
}

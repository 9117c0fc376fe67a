//! Who may open an account.

use super::section::section;

section! {
    /// Who may open an account.
    pub struct Registration in "registration" {
        /// Whether anyone may register; otherwise accounts are made by the operator.
        pub enabled: bool = true;
    }
}

//! A password that somebody chooses where only their code says who they are.

use crate::{
    auth::{breached::Breached, codes::Held},
    domain::{NewPassword, Owner, Password, PasswordError},
    problem::Problem,
};

/// The name of the field in which a password is chosen.
pub(crate) const NEW_PASSWORD: &str = "new_password";

/// Holds a password against the rules for whoever a code belongs to.
pub(crate) fn chosen(password: Password, held: &Held) -> Result<NewPassword, PasswordError> {
    NewPassword::parse(password, Owner { username: Some(&held.user.username), email: Some(held.sent_to()) })
}

/// A password that breaks the rules, as a problem of its field.
pub(crate) fn refused(error: PasswordError) -> Problem {
    Problem::invalid(NEW_PASSWORD, error.code(), error.to_string())
}

/// A password that is known from a breach, as a problem of the field it came in.
pub(crate) fn breached(field: &'static str, error: Breached) -> Problem {
    Problem::invalid(field, Breached::CODE, error.to_string())
}

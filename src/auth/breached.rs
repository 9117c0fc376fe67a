//! Breached passwords: refused wherever somebody chooses one, if there is a list to ask.

use crate::{app::App, crypto::BreachDigest, domain::NewPassword};

/// Refuses a password that is known from a breach.
///
/// # Errors
/// [`Breached`]; never because the list does not answer.
pub async fn refuse(app: &App, password: &NewPassword) -> Result<(), Breached> {
    let digest = BreachDigest::of(password.as_password());
    if app.breaches.name(&digest).await { Err(Breached) } else { Ok(()) }
}

/// The password is known from a breach, so it is tried first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this password is known from a data breach, so it will be tried first; choose another")]
pub struct Breached;

impl Breached {
    /// The stable short name of the rule.
    pub const CODE: &'static str = "breached";
}

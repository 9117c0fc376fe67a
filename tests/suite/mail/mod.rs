//! Letters, from the transaction that posts them to the mail server that takes them.

mod delivery;
mod flows;
mod mailbox;
mod outages;

use countersign::{
    config::Config,
    domain::{Email, Username},
    letters,
    mail::{Letter, Token},
};

use crate::support::TestApp;

/// What a letter must not leave anywhere in the clear.
pub(super) const SECRET: &str = "marker-of-the-link-T4";

/// Posts a letter with a link to somebody.
pub(super) async fn post(app: &TestApp, to: &str) {
    let mut transaction = app.handles().database.begin().await.expect("a transaction");
    letters::post(app.handles(), &mut transaction, &address(to), &reset_of(to)).await.expect("a posted letter");
    transaction.commit().await.expect("a commit");
}

pub(super) fn address(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).expect("an address")
}

pub(super) fn reset_of(name: &str) -> Letter {
    let token = Token { link: SECRET.into(), code: Some("K7QM-4XRT".into()) };
    Letter::ResetPassword { username: Username::parse(name).expect("a name"), token }
}

/// Settings under which letters go to this server, and none takes longer than two seconds.
pub(super) fn by_way_of(url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.mail.smtp_url = countersign::config::SmtpUrl::read(&url);
        config.mail.timeout_seconds = 2;
    }
}

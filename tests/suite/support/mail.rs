//! Mail as its reader sees it: in the development mailbox of the service.

use std::time::{Duration, Instant};

use countersign::models::job::Job;
use countersign::models::petition::Petition;
use serde_json::Value;
use tokio::time::sleep;

use super::TestApp;

/// A mail that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Mail {
    /// The one link in it.
    #[track_caller]
    pub(crate) fn link(&self) -> &str {
        let link = self.text.split_whitespace().find(|word| word.contains("?token="));
        link.unwrap_or_else(|| panic!("no link: {self:?}"))
    }

    /// The path of the link, with its token: what a browser asks the service for.
    #[track_caller]
    pub(crate) fn path(&self) -> String {
        let (_, rest) = self.link().split_once("://").expect("an address");
        rest[rest.find('/').expect("a path")..].to_owned()
    }

    /// What the link carries.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.link().split_once("?token=").expect("a token").1.to_owned()
    }

    /// The code to be typed.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let line = self.text.lines().find(|line| line.contains("type this code"));
        let code = line.and_then(|line| line.rsplit(' ').next());
        code.unwrap_or_else(|| panic!("no code: {self:?}")).to_owned()
    }
}

impl TestApp {
    /// The newest mail with this subject to this address.
    pub(crate) async fn mail(&self, to: &str, subject: &str) -> Mail {
        self.settled().await;
        let mailbox = self.mailbox().await;
        let found = mailbox.iter().find(|mail| mail.to == to && mail.subject == subject);
        found.unwrap_or_else(|| panic!("no {subject:?} to {to} in {mailbox:#?}")).clone()
    }

    /// The subjects of all mails to this address, the oldest first.
    pub(crate) async fn subjects_to(&self, to: &str) -> Vec<String> {
        self.settled().await;
        let mails = self.mailbox().await.into_iter().rev().filter(|mail| mail.to == to);
        mails.map(|mail| mail.subject).collect()
    }

    /// Every mail that has arrived, the newest first.
    async fn mailbox(&self) -> Vec<Mail> {
        let answer = self.get("/dev/mail.json").await.json();
        let text = |mail: &Value, key: &str| mail[key].as_str().expect("a text").to_owned();
        let mails = answer["mails"].as_array().expect("mails").iter();
        mails
            .map(|mail| Mail { to: text(mail, "to"), subject: text(mail, "subject"), text: text(mail, "text") })
            .collect()
    }

    /// Waits until everything that was asked for has been looked at, and every letter has left.
    pub(crate) async fn settled(&self) {
        let database = &self.handles().database;
        let begun = Instant::now();
        while Petition::any(database).await.expect("an answer")
            || !Job::list(database, 0, 1).await.expect("an answer").is_empty()
        {
            assert!(begun.elapsed() < Duration::from_secs(20), "letters do not leave");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

pub(crate) const CONFIRM: &str = "Confirm your address";
pub(crate) const CONFIRM_NEW: &str = "Confirm your new address";
pub(crate) const RESET: &str = "Set a new password";
pub(crate) const ABOUT_TO_CHANGE: &str = "Your address is about to change";
pub(crate) const EMAIL_CHANGED: &str = "Your address was changed";
pub(crate) const PASSWORD_CHANGED: &str = "Your password was changed";
pub(crate) const ALREADY: &str = "You already have an account";
pub(crate) const USERNAME_TAKEN: &str = "Choose another username";
pub(crate) const NEW_SIGN_IN: &str = "A new sign-in";

//! The flows by way of a mail server: what a person needs is read back from the mails that it was given.

use countersign::problem::Code;
use rstest::rstest;

use super::by_way_of;
use crate::smtp_sink::{Manner, Sink};
use crate::support::mail::{ABOUT_TO_CHANGE, CONFIRM, CONFIRM_NEW, EMAIL_CHANGED, Mail, PASSWORD_CHANGED, RESET};
use crate::support::{Engine, TestApp};

const NEW: &str = "an entirely different sentence";
const NEW_EMAIL: &str = "ada@example.org";

#[rstest]
#[tokio::test]
async fn an_address_is_confirmed_by_the_newest_mail(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (app, inbox) = inbox(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();

    let first = inbox.newest(&app, (&ada.email, CONFIRM)).await;
    ada.asks_again(&access_token).await.assert_status(202);
    let second = inbox.newest(&app, (&ada.email, CONFIRM)).await;
    ada.verifies(&first.token()).await.assert_problem(Code::InvalidCode);
    ada.verifies(&second.token()).await.assert_status(204);

    assert_eq!(ada.me(&access_token).await.json()["email_verified"], true);
    assert!(second.link().starts_with(&format!("{}/confirm-email?token=", app.public_url())), "{}", second.link());
}

#[rstest]
#[tokio::test]
async fn a_password_is_reset_and_its_owner_told(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (app, inbox) = inbox(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();

    ada.forgets().await.assert_status(202);
    let token = inbox.newest(&app, (&ada.email, RESET)).await.token();
    ada.resets(&token, NEW).await.assert_status(204);

    ada.me(&access_token).await.assert_refused_token(Code::SessionEnded);
    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
    inbox.newest(&app, (&ada.email, PASSWORD_CHANGED)).await;
}

#[rstest]
#[tokio::test]
async fn an_address_is_changed_and_taken_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (app, inbox) = inbox(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();

    ada.changes_email(&access_token, NEW_EMAIL).await.assert_status(202);
    let undo = inbox.newest(&app, (&ada.email, ABOUT_TO_CHANGE)).await.token();
    ada.verifies(&inbox.newest(&app, (NEW_EMAIL, CONFIRM_NEW)).await.token()).await.assert_status(204);
    assert_eq!(ada.me(&access_token).await.json()["email"], NEW_EMAIL);
    inbox.newest(&app, (&ada.email, EMAIL_CHANGED)).await;

    ada.undoes(&undo).await.assert_status(204);
    ada.me(&access_token).await.assert_refused_token(Code::SessionEnded);
    let token = inbox.newest(&app, (&ada.email, RESET)).await.token();
    ada.resets(&token, NEW).await.assert_status(204);
    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
}

/// A service, and the mail server that it sends by.
async fn inbox(engine: Engine) -> (TestApp, Inbox) {
    let sink = Sink::new(Manner::Takes).await;
    (TestApp::with(engine, by_way_of(sink.url())).await, Inbox(sink))
}

struct Inbox(Sink);

impl Inbox {
    /// The newest mail with this subject to this address, once all have left.
    async fn newest(&self, app: &TestApp, (to, subject): (&str, &str)) -> Mail {
        app.settled().await;
        let letters = self.0.letters();
        let found = letters.iter().rev().find(|letter| letter.to == to && letter.header("Subject") == subject);
        let letter = found.unwrap_or_else(|| panic!("no {subject:?} to {to} among {}", letters.len()));
        Mail { to: to.to_owned(), subject: subject.to_owned(), text: letter.decoded() }
    }
}

//! Changing the address: the new one confirms, the old one can take it back.

use std::time::Duration;

use countersign::problem::Code;
use rstest::rstest;

use crate::support::mail::{ABOUT_TO_CHANGE, CONFIRM_NEW, EMAIL_CHANGED, RESET};
use crate::support::{Answer, Engine, Person, TestApp};

const NEW_EMAIL: &str = "ada@example.org";
const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn the_new_address_confirms_and_the_old_one_is_told(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();

    ada.changes_email(&access_token, NEW_EMAIL).await.assert_status(202);
    assert_eq!(ada.me(&access_token).await.json()["email"], ada.email, "nothing has changed yet");
    let token = app.mail(NEW_EMAIL, CONFIRM_NEW).await.token();
    ada.verifies(&token).await.assert_status(204);

    let me = ada.me(&access_token).await.json();
    assert_eq!((&me["email"], &me["email_verified"]), (&NEW_EMAIL.into(), &true.into()));
    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    app.somebody("ada").with_email(NEW_EMAIL).log_in().await.assert_status(200);
    let told = app.subjects_to(&ada.email).await;
    assert!(told.ends_with(&[ABOUT_TO_CHANGE.to_owned(), EMAIL_CHANGED.to_owned()]), "{told:?}");
}

#[rstest]
#[tokio::test]
async fn only_the_password_asks_for_another_address(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    app.registered("bob").await;

    let stranger = app.somebody("ada").with_password("a wrong guess");
    stranger.changes_email(&access_token, NEW_EMAIL).await.assert_problem(Code::InvalidCredentials);
    ada.changes_email("nonsense", NEW_EMAIL).await.assert_refused_token(Code::InvalidToken);
    let taken = ada.changes_email(&access_token, "bob@example.com").await;
    taken.assert_problem(Code::EmailTaken);
    assert_eq!(taken.faults(), [("new_email".to_owned(), "taken".to_owned())]);
    ada.changes_email(&access_token, "no address").await.assert_problem(Code::ValidationFailed);

    assert_eq!(app.subjects_to(NEW_EMAIL).await, Vec::<String>::new());
}

#[rstest]
#[case::where_it_is_said_that_an_address_is_taken(false)]
#[case::where_accounts_are_concealed(true)]
#[tokio::test]
async fn nobody_uses_up_the_mails_that_bring_an_account_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] conceals: bool,
) {
    let app = TestApp::with(engine, |config| config.limits.mails_per_account_per_hour = 1).await;
    app.registered("ada").await;
    let access_token = app.somebody("eve").register().await.access_token();
    let app = app.restarted_with(move |config| config.registration.conceal_accounts = conceals).await;
    let (ada, eve) = (app.somebody("ada"), app.somebody("eve"));

    for _ in 0..3 {
        eve.changes_email(&access_token, &ada.email).await;
        app.somebody("another").with_email(&ada.email).register().await;
    }
    ada.forgets().await.assert_status(202);

    app.mail(&ada.email, RESET).await;
}

#[rstest]
#[tokio::test]
async fn a_newer_wish_takes_the_place_of_the_older(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    ada.changes_email(&access_token, NEW_EMAIL).await.assert_status(202);
    let first = app.mail(NEW_EMAIL, CONFIRM_NEW).await.token();
    ada.changes_email(&access_token, "ada@example.net").await.assert_status(202);
    let second = app.mail("ada@example.net", CONFIRM_NEW).await.token();

    ada.verifies(&first).await.assert_problem(Code::InvalidCode);
    ada.verifies(&second).await.assert_status(204);

    assert_eq!(ada.me(&access_token).await.json()["email"], "ada@example.net");
}

#[rstest]
#[tokio::test]
async fn an_address_that_became_somebody_elses_meanwhile_is_not_given(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    ada.changes_email(&access_token, NEW_EMAIL).await;
    let token = app.mail(NEW_EMAIL, CONFIRM_NEW).await.token();
    app.somebody("other").with_email(NEW_EMAIL).register().await.assert_status(201);

    ada.verifies(&token).await.assert_problem(Code::EmailTaken);

    assert_eq!(ada.me(&access_token).await.json()["email"], ada.email);
}

// A thief who knows the password.

#[rstest]
#[tokio::test]
async fn the_old_address_takes_the_account_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (thief, undo) = stolen(&app, &ada).await;

    ada.undoes(&undo).await.assert_status(204);

    ada.me(&thief.access_token()).await.assert_refused_token(Code::SessionEnded);
    app.somebody("ada").with_email(NEW_EMAIL).log_in().await.assert_problem(Code::InvalidCredentials);
    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    let reset = app.mail(&ada.email, RESET).await.token();
    ada.resets(&reset, NEW).await.assert_status(204);
    let home = app.somebody("ada").with_password(NEW).log_in().await;
    assert_eq!(home.json()["user"]["email"], ada.email);
    ada.undoes(&undo).await.assert_problem(Code::InvalidCode);
}

#[rstest]
#[tokio::test]
async fn before_the_new_address_has_confirmed_it_never_can(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    ada.changes_email(&access_token, NEW_EMAIL).await;
    let confirm = app.mail(NEW_EMAIL, CONFIRM_NEW).await.token();
    let undo = app.mail(&ada.email, ABOUT_TO_CHANGE).await.token();

    ada.undoes(&undo).await.assert_status(204);

    ada.verifies(&confirm).await.assert_problem(Code::InvalidCode);
    ada.me(&access_token).await.assert_refused_token(Code::SessionEnded);
}

#[rstest]
#[tokio::test]
async fn nothing_a_thief_does_afterwards_keeps_the_owner_out(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (thief, undo) = stolen(&app, &ada).await;

    // Another password, another address, and an account of the thief's own under the one that was given up.
    let moved = app.somebody("ada").with_email(NEW_EMAIL);
    let thief = moved.change_password(&thief.access_token(), "the password of a thief").await;
    let moved = moved.with_password("the password of a thief");
    moved.changes_email(&thief.access_token(), "thief@example.net").await.assert_status(202);
    let further = app.mail("thief@example.net", CONFIRM_NEW).await.token();
    moved.verifies(&further).await.assert_status(204);
    let second_undo = app.mail(NEW_EMAIL, ABOUT_TO_CHANGE).await.token();
    app.somebody("squatter").with_email(&ada.email).register().await.assert_problem(Code::EmailTaken);
    moved.undoes(&second_undo).await.assert_status(204);

    ada.undoes(&undo).await.assert_status(204);

    let reset = app.mail(&ada.email, RESET).await.token();
    ada.resets(&reset, NEW).await.assert_status(204);
    let home = app.somebody("ada").with_password(NEW).log_in().await;
    assert_eq!(home.json()["user"]["email"], ada.email);
}

#[rstest]
#[tokio::test]
async fn after_a_week_the_change_stands(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let (_, undo) = stolen(&app, &ada).await;

    app.advance(Duration::from_hours(7 * 24));

    ada.undoes(&undo).await.assert_problem(Code::InvalidCode);
    app.somebody("squatter").with_email(&ada.email).register().await.assert_status(201);
}

/// Somebody who knows Ada's password moves her account to another address; what she was sent to undo it.
async fn stolen(app: &TestApp, ada: &Person<'_>) -> (Answer, String) {
    let thief = ada.log_in().await;
    ada.changes_email(&thief.access_token(), NEW_EMAIL).await.assert_status(202);
    let token = app.mail(NEW_EMAIL, CONFIRM_NEW).await.token();
    ada.verifies(&token).await.assert_status(204);
    (thief, app.mail(&ada.email, ABOUT_TO_CHANGE).await.token())
}

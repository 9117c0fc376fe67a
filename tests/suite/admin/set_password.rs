//! A password that an operator sets: whatever was begun with the one before, or to replace it, is over.

use countersign::admin::users::create;
use countersign::audit::By;
use countersign::config::Config;
use countersign::domain::{NewPassword, Owner, Password, UserId};
use countersign::problem::Code;
use rstest::rstest;

use super::signed_in;
use crate::support::mail::{CONFIRM_NEW, RESET};
use crate::support::{Engine, TestApp};

const SET: &str = "an entirely different sentence";

async fn set(app: &TestApp, id: UserId) -> u64 {
    let password = NewPassword::parse(Password::presented(SET.to_owned()), Owner::default()).expect("a password");
    let handles = app.handles();
    create::set_password(handles.into(), &handles.hasher, (id, &password), By::cli()).await.expect("it is set")
}

/// Nobody is limited by address alone.
fn by_failures_alone(config: &mut Config) {
    config.limits.logins_per_minute = 0;
}

#[rstest]
#[tokio::test]
async fn whose_password_is_set_signs_in_at_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, by_failures_alone).await;
    let ada = signed_in(&app, "ada").await;
    let guesser = app.somebody("ada").with_password("not the right one");
    for _ in 0..5 {
        guesser.log_in().await.assert_problem(Code::InvalidCredentials);
    }
    guesser.log_in().await.assert_problem(Code::TooManyAttempts);

    assert_eq!(set(&app, ada.user_id()).await, 2, "the sessions of the registration and of the sign-in");

    ada.get("/auth/me").await.assert_refused_token(Code::SessionEnded);
    app.somebody("ada").with_password(SET).log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn no_letter_that_was_sent_before_takes_the_account_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (signed_in(&app, "ada").await, signed_in(&app, "bob").await);
    ada.person.changes_email(&ada.token, "thief@example.com").await.assert_status(202);
    let moves = app.mail("thief@example.com", CONFIRM_NEW).await.token();
    bob.person.forgets().await.assert_status(202);
    let resets = app.mail(&bob.person.email, RESET).await.token();

    for user in [&ada, &bob] {
        set(&app, user.user_id()).await;
    }

    ada.person.verifies(&moves).await.assert_problem(Code::InvalidCode);
    bob.person.resets(&resets, "the sentence of a thief").await.assert_problem(Code::InvalidCode);
    for name in ["ada", "bob"] {
        app.somebody(name).with_password(SET).log_in().await.assert_status(200);
    }
}

//! Where accounts are concealed, only the mail tells.

use countersign::problem::Code;
use rstest::rstest;

use crate::support::mail::{ALREADY, CONFIRM, CONFIRM_NEW, RESET, USERNAME_TAKEN};
use crate::support::{Answer, Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn every_application_gets_the_same_answer(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = concealing(engine).await;
    let ada = app.somebody("ada");

    let free = ada.register().await;
    let token = app.mail(&ada.email, CONFIRM).await.token();
    let unconfirmed = app.somebody("other").with_email(&ada.email).register().await;
    let reset = app.mail(&ada.email, RESET).await;
    ada.verifies(&token).await.assert_problem(Code::InvalidCode);
    ada.resets(&reset.token(), NEW).await.assert_status(204);
    let taken = app.somebody("another").with_email(&ada.email).register().await;
    let name_taken = app.somebody("ada").with_email("grace@example.com").register().await;

    for answer in [&free, &unconfirmed, &taken, &name_taken] {
        answer.assert_status(202);
        assert_eq!((&answer.text, names(answer)), (&free.text, names(&free)));
    }
    let told = app.subjects_to(&ada.email).await;
    assert_eq!(told.iter().filter(|subject| *subject == ALREADY).count(), 1, "{told:?}");
    assert_eq!(app.subjects_to("grace@example.com").await, [USERNAME_TAKEN]);
}

#[rstest]
#[tokio::test]
async fn nobody_learns_from_login_whether_they_could_register_an_address(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = concealing(engine).await;
    let ada = app.somebody("ada");
    ada.register().await.assert_status(202);
    let token = app.mail(&ada.email, CONFIRM).await.token();

    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    ada.verifies(&token).await.assert_status(204);

    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn nobody_learns_from_being_held_back_whose_name_an_application_took(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = concealing(engine).await;
    let ada = app.somebody("ada");
    ada.register().await.assert_status(202);
    app.mail(&ada.email, CONFIRM).await;
    let guesser = app.somebody("ada").with_password("a wrong guess");

    while guesser.log_in_by_username().await.status == 401 {}

    // The name is held back; the address is not, as if they were nobody's.
    guesser.log_in_by_username().await.assert_problem(Code::TooManyAttempts);
    guesser.log_in().await.assert_problem(Code::InvalidCredentials);
}

#[rstest]
#[tokio::test]
async fn a_change_of_address_tells_nothing_either(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = concealing(engine).await;
    for name in ["ada", "bob"] {
        let person = app.somebody(name);
        person.register().await;
        person.verifies(&app.mail(&person.email, CONFIRM).await.token()).await.assert_status(204);
    }
    let ada = app.somebody("ada");
    let access_token = ada.log_in().await.access_token();

    let taken = ada.changes_email(&access_token, "bob@example.com").await;
    let free = ada.changes_email(&access_token, "ada@example.org").await;

    taken.assert_status(202);
    assert_eq!((&taken.text, names(&taken)), (&free.text, names(&free)));
    assert_eq!(app.subjects_to("bob@example.com").await, [CONFIRM, ALREADY]);
    assert_eq!(app.subjects_to("ada@example.org").await, [CONFIRM_NEW]);
}

#[rstest]
#[tokio::test]
async fn nobody_floods_a_mailbox_with_applications(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = concealing(engine).await;

    for name in ["a-one", "a-two", "a-three", "a-four", "a-five"] {
        app.somebody(name).with_email("ada@example.com").register().await.assert_status(202);
    }

    assert_eq!(app.subjects_to("ada@example.com").await.len(), 3);
}

async fn concealing(engine: Engine) -> TestApp {
    TestApp::with(engine, |config| config.registration.conceal_accounts = true).await
}

fn names(answer: &Answer) -> Vec<String> {
    answer.headers.keys().map(|name| name.as_str().to_owned()).collect()
}

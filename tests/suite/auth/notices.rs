//! Notices: people hear of what they may not have done; operators may switch each off.

use countersign::config::Config;
use countersign::problem::Code;
use rstest::rstest;

use crate::support::mail::{ABOUT_TO_CHANGE, CONFIRM, CONFIRM_NEW, NEW_SIGN_IN, PASSWORD_CHANGED, RESET};
use crate::support::{Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn a_sign_in_from_elsewhere_is_told_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, behind_a_proxy).await;
    let home = app.somebody("ada").at("192.0.2.1");
    home.register().await.assert_status(201);
    let abroad = app.somebody("ada").at("198.51.100.7");

    home.log_in().await.assert_status(200);
    assert_eq!(app.subjects_to(&home.email).await, [CONFIRM], "nothing is new about the address of the registration");
    abroad.log_in().await.assert_status(200);
    abroad.log_in().await.assert_status(200);

    assert_eq!(app.subjects_to(&home.email).await, [CONFIRM, NEW_SIGN_IN]);
    assert!(app.mail(&home.email, NEW_SIGN_IN).await.text.contains("198.51.100.7"));
}

#[rstest]
#[tokio::test]
async fn a_wrong_password_from_elsewhere_is_no_sign_in(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, behind_a_proxy).await;
    let home = app.somebody("ada").at("192.0.2.1");
    home.register().await.assert_status(201);

    let guesser = app.somebody("ada").at("198.51.100.7").with_password("a wrong guess");
    guesser.log_in().await.assert_problem(Code::InvalidCredentials);

    assert_eq!(app.subjects_to(&home.email).await, [CONFIRM]);
}

#[rstest]
#[tokio::test]
async fn each_notice_can_be_switched_off_and_what_a_flow_needs_cannot(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let quiet = |config: &mut Config| {
        behind_a_proxy(config);
        config.notices.password_changed = false;
        config.notices.email_changed = false;
        config.notices.new_sign_in = false;
    };
    let app = TestApp::with(engine, quiet).await;
    let ada = app.somebody("ada").at("192.0.2.1");
    let access_token = ada.register().await.access_token();

    let access_token = ada.change_password(&access_token, NEW).await.access_token();
    let ada = app.somebody("ada").at("198.51.100.7").with_password(NEW);
    ada.log_in().await.assert_status(200);
    ada.changes_email(&access_token, "ada@example.org").await.assert_status(202);
    let token = app.mail("ada@example.org", CONFIRM_NEW).await.token();
    ada.verifies(&token).await.assert_status(204);

    assert_eq!(app.subjects_to(&ada.email).await, [CONFIRM, ABOUT_TO_CHANGE]);
}

#[rstest]
#[tokio::test]
async fn a_change_of_the_password_is_told(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();

    ada.change_password(&access_token, NEW).await.assert_status(200);

    assert_eq!(app.subjects_to(&ada.email).await, [CONFIRM, PASSWORD_CHANGED]);
}

#[rstest]
#[tokio::test]
async fn a_reset_lets_the_owner_in_who_was_held_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let guesser = app.somebody("ada").with_password("a wrong guess");
    while guesser.log_in().await.status == 401 {}
    ada.log_in().await.assert_problem(Code::TooManyAttempts);

    ada.forgets().await;
    let token = app.mail(&ada.email, RESET).await.token();
    ada.resets(&token, NEW).await.assert_status(204);

    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
}

fn behind_a_proxy(config: &mut Config) {
    config.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

//! Confirming an address: by who reads its mail, and nobody else.

use countersign::problem::Code;
use rstest::rstest;
use serde_json::json;

use crate::support::mail::{CONFIRM, RESET};
use crate::support::{Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn who_registers_confirms_with_the_link(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let registered = ada.register().await;
    assert_eq!(registered.json()["user"]["email_verified"], false);

    let token = app.mail(&ada.email, CONFIRM).await.token();
    ada.verifies(&token).await.assert_status(204);

    let me = ada.me(&registered.access_token()).await;
    me.assert_status(200);
    assert_eq!(me.json()["email_verified"], true);
    ada.verifies(&token).await.assert_problem(Code::InvalidCode);
}

#[rstest]
#[tokio::test]
async fn who_registers_confirms_with_the_short_code(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let code = app.mail(&ada.email, CONFIRM).await.code();

    let body = json!({"email": ada.email, "code": code});
    app.post("/auth/email/verify", &body).await.assert_status(204);

    assert_eq!(ada.log_in().await.json()["user"]["email_verified"], true);
}

#[rstest]
#[tokio::test]
async fn the_mail_is_sent_again_until_the_address_is_confirmed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    let first = app.mail(&ada.email, CONFIRM).await.token();

    ada.asks_again(&access_token).await.assert_status(202);
    let second = app.mail(&ada.email, CONFIRM).await.token();

    ada.verifies(&first).await.assert_problem(Code::InvalidCode);
    ada.verifies(&second).await.assert_status(204);
    ada.asks_again(&access_token).await.assert_status(202);
    assert_eq!(app.subjects_to(&ada.email).await, [CONFIRM, CONFIRM], "nothing is sent to who has confirmed");
}

#[rstest]
#[tokio::test]
async fn asking_again_needs_a_session_and_has_a_limit(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.limits.mails_per_account_per_hour = 1).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();

    ada.asks_again("nonsense").await.assert_refused_token(Code::InvalidToken);
    ada.asks_again(&access_token).await.assert_status(202);
    let refused = ada.asks_again(&access_token).await;
    refused.assert_problem(Code::RateLimited);
    // Not the quota of the client's address, which the door counted and which lets more through.
    assert_eq!(refused.header("ratelimit-policy"), r#""mail-per-account";q=1;w=3600"#, "{refused:?}");
    assert_eq!(refused.header("ratelimit"), format!(r#""mail-per-account";r=0;t={}"#, refused.header("retry-after")));
}

#[rstest]
#[tokio::test]
async fn where_addresses_must_be_confirmed_nobody_is_signed_in_before(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::with(engine, |config| config.registration.require_verified_email = true).await;
    let ada = app.somebody("ada");

    let registered = ada.register().await;
    registered.assert_status(201);
    assert_eq!(registered.json()["email_verification_required"], true);
    assert_eq!(registered.json()["user"]["email"], ada.email);
    assert!(registered.json().get("access_token").is_none());
    ada.log_in().await.assert_problem(Code::EmailUnverified);
    app.somebody("ada").with_password("a wrong guess").log_in().await.assert_problem(Code::InvalidCredentials);

    let token = app.mail(&ada.email, CONFIRM).await.token();
    ada.verifies(&token).await.assert_status(204);

    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn who_lost_the_first_mail_comes_in_by_a_reset(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.registration.require_verified_email = true).await;
    let ada = app.registered("ada").await;

    ada.forgets().await;
    let token = app.mail(&ada.email, RESET).await.token();
    ada.resets(&token, NEW).await.assert_status(204);

    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
}

// An address that somebody else has registered.

#[rstest]
#[tokio::test]
async fn the_owner_of_an_address_takes_over_an_account_that_a_stranger_opened_with_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let stranger = app.somebody("mallory").with_email("ada@example.com");
    let session = stranger.register().await;
    let token = app.mail("ada@example.com", CONFIRM).await.token();

    let body = json!({"token": token, "new_password": NEW});
    app.post("/auth/email/verify", &body).await.assert_status(204);

    stranger.me(&session.access_token()).await.assert_refused_token(Code::SessionEnded);
    stranger.refresh(&session.refresh_token()).await.assert_problem(Code::SessionEnded);
    stranger.log_in().await.assert_problem(Code::InvalidCredentials);
    let owner = app.somebody("ada").with_password(NEW).log_in().await;
    assert_eq!(owner.json()["user"]["email_verified"], true);
}

#[rstest]
#[tokio::test]
async fn who_asks_for_a_password_of_an_unconfirmed_account_is_the_only_one_who_can_confirm_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let stranger = app.somebody("mallory").with_email("ada@example.com");
    let session = stranger.register().await;
    let first = app.mail("ada@example.com", CONFIRM).await.token();
    // The owner tries to register, learns that there is an account, and asks for its password.
    app.somebody("ada").register().await.assert_problem(Code::EmailTaken);
    app.somebody("ada").forgets().await;
    let reset = app.mail("ada@example.com", RESET).await.token();

    stranger.verifies(&first).await.assert_problem(Code::InvalidCode);
    stranger.resets(&reset, NEW).await.assert_status(204);

    stranger.me(&session.access_token()).await.assert_refused_token(Code::SessionEnded);
    stranger.log_in().await.assert_problem(Code::InvalidCredentials);
}

#[rstest]
#[tokio::test]
async fn once_an_address_is_confirmed_no_code_to_confirm_it_sets_a_password(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    ada.changes_email(&access_token, "ada@example.org").await.assert_status(202);
    let change = app.mail("ada@example.org", crate::support::mail::CONFIRM_NEW).await.token();

    let body = json!({"token": change, "new_password": NEW});

    app.post("/auth/email/verify", &body).await.assert_problem(Code::InvalidCode);
    ada.log_in().await.assert_status(200);
}

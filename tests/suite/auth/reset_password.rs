//! Forgot and reset: whoever reads the mail sets another password, and everybody else is out.

use std::time::Duration;

use countersign::domain::Email;
use countersign::models::petition::{Petition, Wish};
use countersign::problem::Code;
use rstest::rstest;
use serde_json::json;

use crate::support::mail::{PASSWORD_CHANGED, RESET};
use crate::support::{Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn who_reads_the_mail_sets_another_password(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;

    ada.forgets().await.assert_status(202);
    let token = app.mail(&ada.email, RESET).await.token();
    ada.resets(&token, NEW).await.assert_status(204);

    ada.log_in().await.assert_problem(Code::InvalidCredentials);
    let signed_in = app.somebody("ada").with_password(NEW).log_in().await;
    signed_in.assert_status(200);
    assert_eq!(
        signed_in.json()["user"]["email_verified"],
        true,
        "the mail was read there, so the address is confirmed"
    );
    assert!(app.subjects_to(&ada.email).await.contains(&PASSWORD_CHANGED.to_owned()));
}

#[rstest]
#[tokio::test]
async fn a_reset_ends_every_session(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let thief = ada.log_in().await;

    ada.forgets().await;
    let token = app.mail(&ada.email, RESET).await.token();
    ada.resets(&token, NEW).await.assert_status(204);

    ada.me(&thief.access_token()).await.assert_refused_token(Code::SessionEnded);
    ada.refresh(&thief.refresh_token()).await.assert_problem(Code::SessionEnded);
}

#[rstest]
#[tokio::test]
async fn the_short_code_does_what_the_link_does(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    ada.forgets().await;
    let code = app.mail(&ada.email, RESET).await.code().to_lowercase().replace('-', " ");

    let body = json!({"email": "ADA@example.com", "code": code, "new_password": NEW});
    app.post("/auth/password/reset", &body).await.assert_status(204);

    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
    app.post("/auth/password/reset", &body).await.assert_problem(Code::InvalidCode);
}

#[rstest]
#[tokio::test]
async fn a_password_that_breaks_the_rules_does_not_cost_the_code(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    ada.forgets().await;
    let token = app.mail(&ada.email, RESET).await.token();

    for (new, fault) in [("short", "too_short"), ("password1", "too_common"), ("i am ada and so", "contains_username")]
    {
        let refused = ada.resets(&token, new).await;
        refused.assert_problem(Code::ValidationFailed);
        assert_eq!(refused.faults(), [("new_password".to_owned(), fault.to_owned())]);
    }

    ada.resets(&token, NEW).await.assert_status(204);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let app = TestApp::new(Engine::Sqlite).await;

    let nothing = app.post("/auth/password/reset", &json!({})).await;
    let no_address = app.post("/auth/password/reset", &json!({"code": "K7QM-4XRT", "new_password": NEW})).await;
    let no_email = app.post("/auth/password/forgot", &json!({"email": "nobody"})).await;

    let missing = |field: &str| (field.to_owned(), "missing".to_owned());
    nothing.assert_problem(Code::ValidationFailed);
    assert_eq!(nothing.faults(), [missing("new_password"), missing("token")]);
    no_address.assert_problem(Code::ValidationFailed);
    assert_eq!(no_address.faults(), [missing("email")]);
    no_email.assert_problem(Code::ValidationFailed);
}

#[rstest]
#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answer(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, nobody) = (app.registered("ada").await, app.somebody("nobody"));

    let (known, unknown) = (ada.forgets().await, nobody.forgets().await);

    known.assert_status(202);
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let names = |answer: &crate::support::Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
    assert_eq!(app.subjects_to(&nobody.email).await, Vec::<String>::new());
    assert!(app.subjects_to(&ada.email).await.contains(&RESET.to_owned()));
}

#[rstest]
#[tokio::test]
async fn over_the_limit_of_the_account_nothing_is_sent_and_nothing_said(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::with(engine, |config| config.limits.mails_per_account_per_hour = 2).await;
    let ada = app.registered("ada").await;

    for _ in 0..4 {
        ada.forgets().await.assert_status(202);
    }

    let resets = app.subjects_to(&ada.email).await.into_iter().filter(|subject| subject == RESET).count();
    assert_eq!(resets, 2);
}

#[rstest]
#[tokio::test]
async fn an_address_that_asks_for_too_many_mails_has_to_wait(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::with(engine, |config| config.limits.mail_requests_per_hour = 2).await;

    for name in ["ada", "bob"] {
        app.somebody(name).forgets().await.assert_status(202);
    }

    app.somebody("eve").forgets().await.assert_problem(Code::RateLimited);
    app.advance(Duration::from_hours(1));
    app.somebody("eve").forgets().await.assert_status(202);
}

#[rstest]
#[tokio::test]
async fn what_a_node_took_down_before_it_died_is_answered_by_another(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let address = Email::parse(&ada.email).expect("an address");

    // The row that such a node has left behind; nobody here was told of it.
    let handles = app.handles();
    let petition = (&address, &Wish::ResetPassword);
    Petition::insert(&mut handles.database.once(), petition, handles.clock.now()).await.expect("a row");

    let token = app.mail(&ada.email, RESET).await.token();
    ada.resets(&token, NEW).await.assert_status(204);
}

//! The token endpoint of OAuth 2.0: login and refresh as standard clients know them.

use countersign::database::Statement;
use countersign::problem::Code;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Engine, Person, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

async fn ask(app: &TestApp, form: &[(&str, &str)]) -> Answer {
    Answer::to(app.request(Method::POST, "/auth/token").form(form)).await
}

fn password_grant(person: &Person<'_>) -> [(&'static str, String); 3] {
    [("grant_type", "password".into()), ("username", person.email.clone()), ("password", person.password.clone())]
}

/// Asserts a refusal to the letter of RFC 6749 §5.2.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    answer.assert_status(status);
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    let body = answer.json();
    assert_eq!(body["error"], error, "{body}");
    let description = body["error_description"].as_str().expect("a description");
    let is_allowed = |letter: u8| matches!(letter, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(!description.is_empty() && description.bytes().all(is_allowed), "{description}");
    assert_eq!(body.as_object().expect("an object").len(), 2, "{body}");
}

#[rstest]
#[tokio::test]
async fn a_password_is_traded_for_tokens_by_address_or_by_name(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;

    for username in ["ada@example.com", "ADA"] {
        let answer = ask(
            &app,
            &[
                ("grant_type", "password"),
                ("username", username),
                ("password", &ada.password),
                // What documentation pages send besides.
                ("scope", ""),
                ("client_id", ""),
                ("client_secret", ""),
            ],
        )
        .await;

        answer.assert_status(200);
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        let mut body = answer.json();
        body["access_token"] = "…".into();
        body["refresh_token"] = "…".into();
        let expected = json!({"access_token": "…", "token_type": "bearer", "expires_in": 1800, "refresh_token": "…"});
        assert_eq!(body, expected);
        ada.me(&answer.access_token()).await.assert_status(200);
    }
}

#[tokio::test]
async fn client_credentials_are_ignored() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let request = app.request(Method::POST, "/auth/token").form(&password_grant(&ada));

    let answer = Answer::to(request.header(AUTHORIZATION, "Basic c29tZTpib2R5")).await;

    answer.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_refresh_token_is_one_and_the_same_here_and_at_refresh(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let first = ada.log_in().await.refresh_token();

    let second = ask(&app, &[("grant_type", "refresh_token"), ("refresh_token", &first)]).await;
    let third = ada.refresh(&second.refresh_token()).await;
    let replay = ask(&app, &[("grant_type", "refresh_token"), ("refresh_token", &first)]).await;

    ada.me(&second.access_token()).await.assert_status(401);
    third.assert_status(200);
    assert_refused(&replay, 400, "invalid_grant");
    ada.refresh(&third.refresh_token()).await.assert_problem(Code::SessionEnded);
}

#[rstest]
#[case::nothing("", "invalid_request")]
#[case::no_grant("username=ada&password=x", "invalid_request")]
#[case::an_empty_grant("grant_type=&username=ada&password=x", "invalid_request")]
#[case::another_grant("grant_type=client_credentials", "unsupported_grant_type")]
#[case::a_code("grant_type=authorization_code&code=x", "unsupported_grant_type")]
#[case::in_another_case("grant_type=Password&username=ada&password=x", "unsupported_grant_type")]
#[case::no_password("grant_type=password&username=ada", "invalid_request")]
#[case::an_empty_name("grant_type=password&username=&password=x", "invalid_request")]
#[case::twice("grant_type=password&username=ada&username=eve&password=x", "invalid_request")]
#[case::a_grant_twice("grant_type=password&grant_type=password&username=ada&password=x", "invalid_request")]
#[case::no_token("grant_type=refresh_token", "invalid_request")]
#[case::a_wrong_token("grant_type=refresh_token&refresh_token=csr_x", "invalid_grant")]
#[case::a_wrong_password("grant_type=password&username=ada&password=x", "invalid_grant")]
#[case::nobody("grant_type=password&username=n%00body%40example.com&password=x", "invalid_grant")]
#[tokio::test]
async fn what_is_wrong_is_told_in_the_words_of_oauth(#[case] form: &str, #[case] error: &str) {
    let app = TestApp::new(Engine::Sqlite).await;
    app.registered("ada").await;
    let request = app.request(Method::POST, "/auth/token").header(CONTENT_TYPE, FORM).body(form.to_owned());

    assert_refused(&Answer::to(request).await, 400, error);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_an_invalid_request() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let json = json!({"grant_type": "password", "username": ada.email, "password": ada.password});
    let sent = async |content_type: &str, body: String| {
        let request = app.request(Method::POST, "/auth/token").header(CONTENT_TYPE, content_type).body(body);
        Answer::to(request).await
    };

    assert_refused(&sent("application/json", json.to_string()).await, 400, "invalid_request");
    assert_refused(&sent(FORM, "x".repeat(64 * 1024 + 1)).await, 413, "invalid_request");
    assert_refused(&Answer::to(app.request(Method::POST, "/auth/token")).await, 400, "invalid_request");
}

static DISABLE_EVERYBODY: Statement = Statement::new("update users set is_active = false");

#[tokio::test]
async fn a_disabled_user_gets_no_tokens() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.refresh_token();
    app.tamper(&DISABLE_EVERYBODY).await;

    let by_password = Answer::to(app.request(Method::POST, "/auth/token").form(&password_grant(&ada))).await;
    let by_token = ask(&app, &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await;

    assert_refused(&by_password, 400, "invalid_grant");
    assert_refused(&by_token, 400, "invalid_grant");
}

#[tokio::test]
async fn the_password_grant_can_be_switched_off() {
    let app = TestApp::with(Engine::Sqlite, |config| config.tokens.password_grant = Some(false)).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.refresh_token();

    let by_password = Answer::to(app.request(Method::POST, "/auth/token").form(&password_grant(&ada))).await;
    let by_token = ask(&app, &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await;

    assert_refused(&by_password, 400, "unsupported_grant_type");
    by_token.assert_status(200);
}

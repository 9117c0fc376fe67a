//! Being recognised: who the bearer of an access token is, and who is not.

use std::time::Duration;

use countersign::problem::Code;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use rstest::rstest;

use crate::support::{Answer, Engine, TestApp};

#[rstest]
#[tokio::test]
async fn a_token_is_accepted_until_it_expires(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.access_token();

    app.advance(Duration::from_secs(30 * 60 - 1));
    let in_time = ada.me(&token).await;
    app.advance(Duration::from_secs(1 + 30));
    let too_late = ada.me(&token).await;

    in_time.assert_status(200);
    too_late.assert_problem(Code::TokenExpired);
    assert!(too_late.header("www-authenticate").contains(r#"error="invalid_token""#), "{too_late:?}");
}

#[tokio::test]
async fn whoever_shows_no_token_is_asked_for_one() {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = app.get("/auth/me").await;

    answer.assert_problem(Code::MissingToken);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.registered("ada").await.log_in().await.access_token();

    for scheme in ["bearer", "BEARER", "Bearer"] {
        let request = app.request(Method::GET, "/auth/me").header(AUTHORIZATION, format!("{scheme} {token}"));

        Answer::to(request).await.assert_status(200);
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    let token = app.registered("ada").await.log_in().await.access_token();

    let answer = Answer::to(app.request(Method::GET, "/auth/me").bearer_auth(&token).bearer_auth(&token)).await;

    answer.assert_status(401);
}

#[rstest]
#[case::nothing("")]
#[case::a_word("x")]
#[case::no_base64("a.b.c")]
#[case::unsigned("eyJhbGciOiJub25lIn0.e30.")]
#[tokio::test]
async fn what_is_no_token_is_refused(#[case] forged: &str) {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = app.somebody("ada").me(forged).await;

    answer.assert_status(401);
}

#[tokio::test]
async fn no_part_of_a_token_can_be_changed() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.access_token();

    for place in [5, token.len() / 2, token.len() - 5] {
        let other = if &token[place..=place] == "A" { "B" } else { "A" };
        let altered = format!("{}{other}{}", &token[..place], &token[place + 1..]);

        ada.me(&altered).await.assert_problem(Code::InvalidToken);
    }
}

//! Bodies that cannot be read, and how each of them is refused.

use countersign::problem::Code;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use rstest::rstest;

use crate::support::{Answer, Engine, TestApp};

const JSON: &str = "application/json";

async fn sent(content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
    let app = TestApp::new(Engine::Sqlite).await;
    let request = app.request(Method::POST, "/auth/login").body(body.into());
    let request = match content_type {
        Some(content_type) => request.header(CONTENT_TYPE, content_type),
        None => request,
    };
    Answer::to(request).await
}

#[rstest]
#[case::nothing("")]
#[case::half(r#"{"email": "ada@example.com""#)]
#[case::words("email=ada")]
#[case::something_after(r#"{"email": "a@example.com", "password": "b"} {}"#)]
#[case::a_key_twice(r#"{"email": "a@example.com", "email": "b@example.com", "password": "c"}"#)]
#[case::a_lone_surrogate(r#"{"email": "\ud800", "password": "c"}"#)]
#[case::too_deep(&format!(r#"{{"email": {}{}}}"#, "[".repeat(33), "]".repeat(33)))]
#[tokio::test]
async fn what_is_not_well_formed_is_malformed(#[case] body: &str) {
    sent(Some(JSON), body).await.assert_problem(Code::MalformedBody);
}

#[tokio::test]
async fn what_is_not_utf_8_is_malformed() {
    sent(Some(JSON), b"{\"email\": \"\xff\xfe\"}".to_vec()).await.assert_problem(Code::MalformedBody);
}

#[rstest]
#[tokio::test]
async fn json_that_is_no_object_fails_the_rules(#[values("[]", "null", "7", r#""ada""#, "true")] body: &str) {
    sent(Some(JSON), body).await.assert_problem(Code::ValidationFailed);
}

#[rstest]
#[case::form(Some("application/x-www-form-urlencoded"))]
#[case::text(Some("text/plain"))]
#[case::nonsense(Some("json"))]
#[case::missing(None)]
#[tokio::test]
async fn another_content_type_is_unsupported(#[case] content_type: Option<&str>) {
    sent(content_type, "{}").await.assert_problem(Code::UnsupportedMediaType);
}

#[rstest]
#[tokio::test]
async fn json_is_json_with_parameters_and_in_any_case(
    #[values("application/json; charset=utf-8", "Application/JSON")] content_type: &str,
) {
    sent(Some(content_type), "{}").await.assert_problem(Code::ValidationFailed);
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_and_one_at_the_limit_is_not() {
    let padded = |size: usize| format!("{}{{}}", " ".repeat(size - 2));

    let at_the_limit = sent(Some(JSON), padded(64 * 1024)).await;
    let over = sent(Some(JSON), padded(64 * 1024 + 1)).await;

    at_the_limit.assert_problem(Code::ValidationFailed);
    over.assert_problem(Code::BodyTooLarge);
}

#[tokio::test]
async fn a_compressed_body_is_unsupported() {
    let app = TestApp::new(Engine::Sqlite).await;
    let request = app.request(Method::POST, "/auth/login").header(CONTENT_TYPE, JSON);

    let answer = Answer::to(request.header("content-encoding", "gzip").body("{}")).await;

    answer.assert_problem(Code::UnsupportedMediaType);
}

#[rstest]
#[tokio::test]
async fn a_body_that_nobody_reads_may_not_be_larger_either(
    #[values("/auth/logout", "/auth/logout-all", "/auth/me", "/nowhere")] path: &str,
) {
    let app = TestApp::new(Engine::Sqlite).await;
    let over = vec![b' '; 64 * 1024 + 1];

    let answer = Answer::to(app.request(Method::POST, path).body(over)).await;

    answer.assert_problem(Code::BodyTooLarge);
}

#[tokio::test]
async fn the_token_endpoint_refuses_too_much_in_its_own_form() {
    let app = TestApp::new(Engine::Sqlite).await;
    let form = format!("grant_type=password&username={}&password=b", "a".repeat(64 * 1024));
    let request = app.request(Method::POST, "/auth/token");

    let answer = Answer::to(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)).await;

    assert_eq!(answer.assert_status(413).header("content-type"), "application/json");
}

//! The host that a request names, and where it ends: once, or nobody can be sure whom it was for (RFC 9112 §3.2).

use rstest::rstest;

use crate::support::{Engine, TestApp};

#[rstest]
#[case::none("")]
#[case::two("host: auth.example.com\r\nhost: evil.example\r\n")]
#[case::the_same_twice("host: auth.example.com\r\nhost: auth.example.com\r\n")]
#[case::a_list("host: auth.example.com, evil.example\r\n")]
#[case::with_a_name_before_it("host: ada@auth.example.com\r\n")]
#[case::with_a_path("host: auth.example.com/x\r\n")]
#[tokio::test]
async fn a_request_that_names_no_host_or_several_is_refused(#[case] host: &str) {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = app.raw(&format!("GET /health/live HTTP/1.1\r\n{host}connection: close\r\n\r\n")).await;

    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains(r#""code":"malformed_request""#), "{answer}");
}

/// What a proxy in front may have read otherwise: one request must not be two (RFC 9112 §6.3).
#[rstest]
#[case::a_length_and_chunks("content-length: 5\r\ntransfer-encoding: chunked\r\n")]
#[case::two_lengths("content-length: 5\r\ncontent-length: 6\r\n")]
#[case::a_list_of_lengths("content-length: 5, 6\r\n")]
#[case::chunks_that_are_not_last("transfer-encoding: chunked, identity\r\n")]
#[case::an_unknown_coding("transfer-encoding: xchunked\r\n")]
#[case::a_signed_length("content-length: +5\r\n")]
#[tokio::test]
async fn a_body_whose_end_can_be_read_in_two_ways_ends_the_connection(#[case] framing: &str) {
    let app = TestApp::new(Engine::Sqlite).await;
    let smuggled = "0\r\n\r\nGET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";

    let answer = app
        .raw(&format!(
            "POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{framing}\r\n{smuggled}"
        ))
        .await;

    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
    assert!(!answer.contains(r#""status":"ok""#), "{answer}");
}

#[rstest]
#[case::a_name("HTTP/1.1", "host: auth.example.com\r\n")]
#[case::a_port("HTTP/1.1", "host: 127.0.0.1:8000\r\n")]
#[case::an_address_in_brackets("HTTP/1.1", "host: [::1]:8000\r\n")]
#[case::an_empty_one("HTTP/1.1", "host:\r\n")]
#[case::none_in_a_version_that_had_none("HTTP/1.0", "")]
#[tokio::test]
async fn a_request_that_names_one_host_is_answered(#[case] version: &str, #[case] host: &str) {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = app.raw(&format!("GET /health/live {version}\r\n{host}connection: close\r\n\r\n")).await;

    assert!(answer.starts_with(&format!("{version} 200 ")), "{answer}");
}

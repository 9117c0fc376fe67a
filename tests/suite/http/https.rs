//! Requests in the clear to a service that is known by an https address.

use countersign::config::{Config, PublicUrl};
use countersign::problem::Code;
use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp};

fn behind_a_proxy(config: &mut Config) {
    config.service.public_url = PublicUrl::parse("https://auth.example.com");
    config.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

async fn proxied() -> TestApp {
    TestApp::with(Engine::Sqlite, behind_a_proxy).await
}

fn in_the_clear(request: RequestBuilder) -> RequestBuilder {
    request.header("x-forwarded-proto", "http")
}

#[rstest]
#[case("/", "https://auth.example.com/")]
#[case("/docs?x=1&y=%20", "https://auth.example.com/docs?x=1&y=%20")]
#[case("/problems/not_found", "https://auth.example.com/problems/not_found")]
#[case("//evil.example/", "https://auth.example.com//evil.example/")]
#[tokio::test]
async fn a_reader_is_sent_to_the_https_address(#[case] path: &str, #[case] address: &str) {
    let app = proxied().await;

    for method in [Method::GET, Method::HEAD] {
        // What the client calls us does not lead anybody anywhere.
        let request = app.request(method, path).header("host", "evil.example");
        let answer = Answer::to(in_the_clear(request).header("x-forwarded-host", "evil.example")).await;

        assert_eq!(answer.assert_status(308).header("location"), address);
        assert_eq!(answer.header("strict-transport-security"), "", "nobody believes it in the clear");
    }
}

#[tokio::test]
async fn an_address_in_the_first_line_leads_nobody_elsewhere() {
    let app = proxied().await;

    let answer = app
        .raw(
            "GET http://evil.example/docs HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-proto: http\r\n\
             connection: close\r\n\r\n",
        )
        .await;

    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains("\r\nlocation: https://auth.example.com/docs\r\n"), "{answer}");
}

#[tokio::test]
async fn whatever_carries_a_secret_or_changes_something_is_refused() {
    let app = proxied().await;
    let login = json!({"email": "ada@example.com", "password": "correct horse battery staple"});

    for request in [
        app.request(Method::POST, "/auth/login").json(&login),
        app.request(Method::POST, "/auth/logout").bearer_auth("a token"),
        app.request(Method::DELETE, "/auth/me"),
        app.request(Method::OPTIONS, "/auth/login"),
        app.request(Method::POST, "/nowhere"),
        app.request(Method::GET, "/auth/me").bearer_auth("a token"),
        app.request(Method::GET, "/docs").header("cookie", "a=b"),
    ] {
        Answer::to(in_the_clear(request)).await.assert_problem(Code::HttpsRequired);
    }
}

#[rstest]
#[tokio::test]
async fn a_balancer_may_ask_for_health_in_the_clear(#[values("/health", "/health/live", "/health/ready")] path: &str) {
    let app = proxied().await;

    Answer::to(in_the_clear(app.request(Method::GET, path))).await.assert_status(200);
}

#[rstest]
#[case::says_so(&["https"], 404)]
#[case::in_any_case(&["HTTPS"], 404)]
#[case::says_nothing(&[], 404)]
#[case::http(&["http"], 308)]
#[case::nonsense(&["gopher"], 308)]
#[case::the_nearest_counts(&["https, http"], 308)]
#[case::in_the_last_field(&["http", "https"], 404)]
#[tokio::test]
async fn a_trusted_proxy_is_believed_about_the_scheme(#[case] said: &[&str], #[case] status: u16) {
    let app = proxied().await;
    let request = app.request(Method::GET, "/nowhere");
    let request = said.iter().fold(request, |request, scheme| request.header("x-forwarded-proto", *scheme));

    Answer::to(request).await.assert_status(status);
}

#[tokio::test]
async fn anybody_else_is_not() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        behind_a_proxy(config);
        config.http.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()];
    })
    .await;

    for scheme in ["http", "https"] {
        let answer = Answer::to(app.request(Method::GET, "/nowhere").header("x-forwarded-proto", scheme)).await;

        answer.assert_problem(Code::NotFound);
        assert_eq!(answer.header("strict-transport-security"), "");
    }
}

#[tokio::test]
async fn whoever_goes_past_the_proxies_is_refused() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        behind_a_proxy(config);
        config.service.listen = "0.0.0.0:0".parse().unwrap();
        config.http.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()];
    })
    .await;

    let claimed = app.request(Method::GET, "/docs").header("x-forwarded-proto", "https");
    Answer::to(claimed).await.assert_status(308);
    app.post("/auth/login", &json!({})).await.assert_problem(Code::HttpsRequired);
}

#[tokio::test]
async fn where_no_https_is_promised_none_is_asked_for() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;

    Answer::to(in_the_clear(app.request(Method::GET, "/docs"))).await.assert_status(200);
}

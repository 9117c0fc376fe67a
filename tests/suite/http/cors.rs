//! Pages of other origins: those on the list may read what they are answered, whatever it is, and nobody else.

use countersign::config::WebOrigin;
use countersign::database::Statement;
use countersign::problem::Code;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp};

const APP: &str = "https://app.example.com";
const EXPOSED: &str = "ETag, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id";

async fn open(engine: Engine) -> TestApp {
    TestApp::with(engine, |config| {
        let origins = ["http://localhost:5173", APP].map(WebOrigin::parse);
        config.http.cors_origins = origins.into_iter().flatten().collect();
    })
    .await
}

fn preflight(app: &TestApp, path: &str, method: &str) -> RequestBuilder {
    let asked = app.request(Method::OPTIONS, path).header("access-control-request-method", method);
    asked.header("access-control-request-headers", "authorization,content-type")
}

/// The names of the fields that CORS has.
fn fields(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("access-control-")).collect()
}

fn vary(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all("vary").iter().map(|value| value.to_str().expect("a header in ASCII"));
    values.flat_map(|value| value.split(", ")).collect()
}

#[track_caller]
fn assert_readable(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), APP, "{answer:?}");
    assert_eq!(answer.header("access-control-expose-headers"), EXPOSED, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), "", "{answer:?}");
    assert!(vary(answer).contains(&"Origin"), "{answer:?}");
}

#[rstest]
#[tokio::test]
async fn without_a_list_no_answer_has_a_field_of_it(
    #[values("/auth/me", "/.well-known/jwks.json", "/docs", "/nowhere")] path: &str,
) {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = Answer::to(app.request(Method::GET, path).header("origin", APP)).await;
    let asked = Answer::to(preflight(&app, path, "GET").header("origin", APP)).await;

    for answer in [answer, asked] {
        assert_eq!(fields(&answer.headers), Vec::<&str>::new(), "{answer:?}");
        assert_eq!(vary(&answer), Vec::<&str>::new(), "{answer:?}");
        assert!(answer.status != 204);
    }
}

#[rstest]
#[tokio::test]
async fn a_page_on_the_list_reads_every_answer(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static LOSE_THE_USERS: Statement = Statement::new("alter table users rename to lost");
    let app = open(engine).await;
    let ada = app.registered("ada").await;
    let login = json!({"email": ada.email, "password": ada.password});
    let wrong = json!({"email": ada.email, "password": "not the password at all"});
    let from_app = |method, path: &str| app.request(method, path).header("origin", APP);

    let answers = [
        (200, from_app(Method::POST, "/auth/login").json(&login)),
        (401, from_app(Method::POST, "/auth/login").json(&wrong)),
        (401, from_app(Method::GET, "/auth/me")),
        (404, from_app(Method::GET, "/nowhere")),
        (405, from_app(Method::GET, "/auth/login")),
        (413, from_app(Method::POST, "/auth/login").body(vec![b' '; 70_000])),
        (415, from_app(Method::POST, "/auth/login").body("login")),
        (422, from_app(Method::POST, "/auth/login").json(&json!({}))),
    ];
    for (status, request) in answers {
        assert_readable(Answer::to(request).await.assert_status(status));
    }
    app.tamper(&LOSE_THE_USERS).await;
    assert_readable(Answer::to(from_app(Method::POST, "/auth/login").json(&login)).await.assert_status(500));
    app.handles().stopping.begin();
    assert_readable(Answer::to(from_app(Method::GET, "/health/ready")).await.assert_status(503));
}

#[rstest]
#[case("/auth/login", "POST", "POST")]
#[case("/auth/me", "PATCH", "GET,HEAD,PATCH,DELETE")]
#[case("/auth/sessions/018f0000-0000-7000-8000-000000000000", "DELETE", "DELETE")]
#[tokio::test]
async fn a_browser_is_told_what_the_route_takes(#[case] path: &str, #[case] method: &str, #[case] methods: &str) {
    let app = open(Engine::Sqlite).await;

    let answer = Answer::to(preflight(&app, path, method).header("origin", APP)).await;

    answer.assert_status(204);
    assert_readable(&answer);
    let sorted = |methods: &str| {
        let mut methods: Vec<_> = methods.split(',').map(str::to_owned).collect();
        methods.sort();
        methods
    };
    assert_eq!(sorted(answer.header("access-control-allow-methods")), sorted(methods));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "Authorization, Content-Type, If-Match, Traceparent, X-Request-Id"
    );
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert!(vary(&answer).contains(&"Access-Control-Request-Method"), "{answer:?}");
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", ""));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.header("x-request-id").is_empty());
}

#[rstest]
#[case::another("https://evil.example")]
#[case::in_the_clear("http://app.example.com")]
#[case::another_port("https://app.example.com:8443")]
#[case::below_it("https://x.app.example.com")]
#[case::longer("https://app.example.com.evil.example")]
#[case::with_a_slash("https://app.example.com/")]
#[case::another_case("https://APP.example.com")]
#[case::null("null")]
#[case::star("*")]
#[case::a_list("https://app.example.com, http://localhost:5173")]
#[tokio::test]
async fn a_page_that_is_not_on_the_list_reads_nothing(#[case] origin: &str) {
    let app = open(Engine::Sqlite).await;

    let answer = Answer::to(app.request(Method::GET, "/auth/me").header("origin", origin)).await;
    let asked = Answer::to(preflight(&app, "/auth/login", "POST").header("origin", origin)).await;

    asked.assert_problem(Code::MethodNotAllowed);
    for answer in [answer, asked] {
        assert_eq!(fields(&answer.headers), Vec::<&str>::new(), "{answer:?}");
        assert_eq!(vary(&answer), ["Origin"], "{answer:?}");
    }
}

#[tokio::test]
async fn two_origins_are_none() {
    let app = open(Engine::Sqlite).await;

    let answer = Answer::to(app.request(Method::GET, "/auth/me").header("origin", APP).header("origin", APP)).await;

    assert_eq!(fields(&answer.headers), Vec::<&str>::new(), "{answer:?}");
}

#[tokio::test]
async fn caches_keep_the_answers_apart_also_when_nobody_names_an_origin() {
    let app = open(Engine::Sqlite).await;

    assert_eq!(vary(&app.get("/.well-known/jwks.json").await), ["Origin"]);
}

#[tokio::test]
async fn a_question_about_a_path_that_does_not_exist_is_answered_so() {
    let app = open(Engine::Sqlite).await;

    let answer = Answer::to(preflight(&app, "/nowhere", "GET").header("origin", APP)).await;

    answer.assert_problem(Code::NotFound);
}

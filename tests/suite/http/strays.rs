//! Requests that lead nowhere, and what every answer carries.

use countersign::problem::Code;
use reqwest::Method;
use rstest::rstest;

use crate::support::{Answer, Engine, TestApp};

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let app = TestApp::new(Engine::Sqlite).await;

    for path in ["/nowhere", "/auth", "/auth/login/", "/%00", "/%ff", "/problems/%ff", "/docs/%ff", "/docs/nowhere.js"]
    {
        app.get(path).await.assert_problem(Code::NotFound);
    }
}

#[rstest]
#[case(Method::GET, "/auth/login", "POST")]
#[case(Method::DELETE, "/auth/register", "POST")]
#[case(Method::POST, "/health", "GET,HEAD")]
#[case(Method::TRACE, "/health", "GET,HEAD")]
#[case(Method::TRACE, "/auth/login", "POST")]
#[tokio::test]
async fn a_wrong_method_is_told_the_right_one(#[case] method: Method, #[case] path: &str, #[case] allowed: &str) {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = Answer::to(app.request(method, path)).await;

    answer.assert_problem(Code::MethodNotAllowed);
    assert_eq!(answer.header("allow"), allowed);
}

#[tokio::test]
async fn every_problem_has_a_page_that_explains_it() {
    let app = TestApp::new(Engine::Sqlite).await;

    for code in Code::ALL {
        let page = app.get(&format!("/problems/{}", code.entry().code)).await;

        page.assert_status(200);
        assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
        assert!(page.text.contains(code.entry().code), "{page:?}");
    }
    app.get("/problems/no_such_code").await.assert_problem(Code::NotFound);
}

#[rstest]
#[case::kept("keep.me_1-2", true)]
#[case::too_long(&"x".repeat(129), false)]
#[case::with_a_space("a b", false)]
#[case::empty("", false)]
#[tokio::test]
async fn a_request_id_is_kept_if_it_is_well_formed(#[case] id: &str, #[case] kept: bool) {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = Answer::to(app.request(Method::GET, "/health/live").header("x-request-id", id)).await;

    answer.assert_status(200);
    assert_eq!(answer.header("x-request-id") == id, kept);
    assert!((1..=128).contains(&answer.header("x-request-id").len()));
}

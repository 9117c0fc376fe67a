//! What every answer of every route tells browsers to keep from doing.

use countersign::config::PublicUrl;
use reqwest::Method;

use crate::support::{Answer, Engine, TestApp};

const POLICY_OF_DATA: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Routes that are no operations, and so not in the document.
const UNDOCUMENTED: [&str; 7] =
    ["/", "/nowhere", "/docs", "/docs/", "/docs/swagger-ui.css", "/openapi.json", "/static/countersign.css"];

/// Every method of every route.
async fn routes(app: &TestApp) -> Vec<(Method, String)> {
    let document = app.get("/openapi.json").await.json();
    let documented = document["paths"].as_object().expect("an object").iter().flat_map(|(path, operations)| {
        let path = path.replace("{code}", "not_found").replace("{id}", "nobody");
        let methods = operations.as_object().expect("an object").keys().map(|method| method.to_uppercase());
        methods.map(move |method| (method.parse().expect("a method"), path.clone())).collect::<Vec<_>>()
    });
    let others = UNDOCUMENTED.iter().map(|path| (Method::GET, (*path).to_owned()));
    let wrong = [(Method::OPTIONS, "/auth/login".to_owned()), (Method::PUT, "/health".to_owned())];
    documented.chain(others).chain(wrong).collect()
}

#[tokio::test]
async fn every_answer_of_every_route_carries_the_headers_of_its_class() {
    let app = TestApp::new(Engine::Sqlite).await;
    let routes = routes(&app).await;
    assert!(routes.len() > 25, "{routes:?}");

    for (method, path) in routes {
        let answer = Answer::to(app.request(method.clone(), &path)).await;

        let is_page = answer.header("content-type").starts_with("text/html");
        let policy = answer.header("content-security-policy");
        let here = format!("{method} {path}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{here}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{here}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{here}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{here}");
        assert_eq!(answer.header("cross-origin-opener-policy"), if is_page { "same-origin" } else { "" }, "{here}");
        assert_eq!(answer.header("strict-transport-security"), "", "only over HTTPS: {here}");
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{here}");
        assert!(is_page || policy == POLICY_OF_DATA, "{here}");
        assert!(!policy.contains("script-src") || !policy.contains("script-src 'unsafe"), "{here}");
        let is_open = answer.header("cache-control").starts_with("public, max-age=");
        assert!(is_open || answer.header("cache-control") == "no-store", "{here}");
        assert!(!is_open || answer.status == 200, "nothing but what is the same for everyone is cached: {here}");
        assert_eq!(answer.header("server"), "", "nobody needs to know what answers: {here}");
    }
}

#[tokio::test]
async fn over_https_every_answer_asks_for_https_for_a_year() {
    for (is_wide, expected) in [(true, "max-age=31536000; includeSubDomains"), (false, "max-age=31536000")] {
        let app = TestApp::with(Engine::Sqlite, |config| {
            config.service.public_url = PublicUrl::parse("https://auth.example.com");
            config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
            config.http.hsts_include_subdomains = is_wide;
        })
        .await;

        for (method, path) in routes(&app).await {
            let answer = Answer::to(app.request(method, &path).header("x-forwarded-proto", "https")).await;

            assert_eq!(answer.header("strict-transport-security"), expected, "{path}");
        }
    }
}

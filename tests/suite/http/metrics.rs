//! The listener for metrics, and what they say of what people did.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign::metrics::catalogue;
use reqwest::{Method, header};
use rstest::rstest;
use serde_json::json;

use crate::support::{Engine, TestApp};

/// A service whose metrics can be read.
async fn measured(engine: Engine) -> TestApp {
    let listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    TestApp::with(engine, |config| config.metrics.listen = listen).await
}

async fn scrape(app: &TestApp) -> String {
    let answer = app.request_metrics(Method::GET, "/metrics").send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.expect("a text")
}

/// The value of a sample.
#[track_caller]
fn value(scraped: &str, sample: &str) -> f64 {
    let values: Vec<&str> = scraped.lines().filter_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')).collect();
    let [value] = values.as_slice() else { panic!("{sample} is there {} times:\n{scraped}", values.len()) };
    value.parse().expect("a number")
}

/// The names of all series, without their values.
fn series(scraped: &str) -> Vec<&str> {
    let samples = scraped.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').expect("a sample").0).collect()
}

#[rstest]
#[tokio::test]
async fn every_metric_of_the_catalogue_is_in_a_scrape_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = measured(engine).await;

    let scraped = scrape(&app).await;

    let told: Vec<String> = scraped.lines().filter(|line| line.starts_with("# ")).map(str::to_owned).collect();
    let declared: Vec<String> = catalogue::ALL
        .iter()
        .flat_map(|metric| {
            let name = metric.name;
            [format!("# HELP {name} {}", metric.help), format!("# TYPE {name} {}", metric.kind.as_str())]
        })
        .collect();
    assert_eq!(told, declared);
    let mut all = series(&scraped);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "no series is there twice");
    assert!(all.iter().all(|series| catalogue::ALL.iter().any(|metric| series.starts_with(metric.name))));
}

#[tokio::test]
async fn what_people_do_is_counted_by_its_outcome() {
    let app = measured(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    app.post("/auth/login", &json!({"email": "nobody@example.com", "password": "not a password"})).await;
    let first = ada.log_in().await;
    let refresh = |token: &str| json!({"refresh_token": token});
    let spent = first.refresh_token();
    app.post("/auth/refresh", &refresh(&spent)).await.assert_status(200);
    app.advance(Duration::from_mins(1));
    app.post("/auth/refresh", &refresh(&spent)).await.assert_status(401);
    app.post("/auth/refresh", &refresh("csr_nonsense")).await.assert_status(401);

    let scraped = scrape(&app).await;

    for (sample, count) in [
        (r#"countersign_registrations_total{outcome="registered"}"#, 1.0),
        (r#"countersign_logins_total{outcome="signed_in"}"#, 1.0),
        (r#"countersign_logins_total{outcome="wrong_credentials"}"#, 1.0),
        (r#"countersign_logins_total{outcome="disabled"}"#, 0.0),
        (r#"countersign_sessions_opened_total{by="login"}"#, 1.0),
        (r#"countersign_sessions_opened_total{by="registration"}"#, 1.0),
        (r#"countersign_refreshes_total{outcome="refreshed"}"#, 1.0),
        (r#"countersign_refreshes_total{outcome="reused"}"#, 1.0),
        (r#"countersign_refreshes_total{outcome="invalid"}"#, 1.0),
        (r#"countersign_sessions_ended_total{by="token_reused"}"#, 1.0),
        (r#"countersign_hashes_total{outcome="hashed"}"#, 3.0),
        ("countersign_hashing_wait_seconds_count", 3.0),
        ("countersign_hashing_queue_length", 0.0),
        (r#"countersign_http_requests_total{route="/auth/login",method="POST",status="200"}"#, 1.0),
        (r#"countersign_http_requests_total{route="/auth/login",method="POST",status="401"}"#, 1.0),
        (r#"countersign_http_request_duration_seconds_count{route="/auth/login",method="POST"}"#, 2.0),
        (r#"countersign_http_request_duration_seconds_bucket{route="/auth/login",method="POST",le="+Inf"}"#, 2.0),
        ("countersign_http_requests_in_flight", 0.0),
        (r#"countersign_breaker_state{dependency="database",state="closed"}"#, 1.0),
        ("countersign_stopping", 0.0),
    ] {
        assert!((value(&scraped, sample) - count).abs() < f64::EPSILON, "{sample}\n{scraped}");
    }
    assert!(value(&scraped, r#"countersign_database_calls_total{outcome="done"}"#) > 5.0);
    assert!(value(&scraped, r#"countersign_dependency_calls_total{dependency="database",outcome="succeeded"}"#) > 5.0);
    assert!(value(&scraped, "countersign_hashing_rate_per_second") > 0.0);
    assert!(value(&scraped, "countersign_signing_key_activated_timestamp_seconds") > 1e9);
}

#[tokio::test]
async fn strangers_make_no_series_of_their_own() {
    let app = measured(Engine::Sqlite).await;
    app.get("/nowhere").await;
    app.get("/problems/nothing").await;
    let brew = Method::from_bytes(b"BREW").expect("a method");
    app.request(brew, "/nowhere").send().await.expect("an answer");
    app.get("/health/live").await;
    let before = scrape(&app).await;

    for number in 0..20 {
        app.get(&format!("/nowhere/{number}?email=ada@example.com")).await;
        app.get(&format!("/problems/{number}")).await;
        let method = Method::from_bytes(format!("BREW{number}").as_bytes()).expect("a method");
        app.request(method, &format!("/{number}")).send().await.expect("an answer");
    }
    let after = scrape(&app).await;

    // Others are made as time passes, by the first success of a job.
    let of_requests = |scraped| series(scraped).into_iter().filter(|series| series.starts_with("countersign_http_"));
    assert!(of_requests(&after).eq(of_requests(&before)), "{after}");
    let unmatched = r#"countersign_http_requests_total{route="unmatched",method="GET",status="404"}"#;
    assert!((value(&after, unmatched) - 21.0).abs() < f64::EPSILON, "{after}");
}

#[tokio::test]
async fn the_listener_knows_one_path_and_the_service_does_not_know_it() {
    let app = measured(Engine::Sqlite).await;
    let status = async |method, path| app.request_metrics(method, path).send().await.expect("an answer").status();

    assert_eq!(status(Method::HEAD, "/metrics").await, 200);
    assert_eq!(status(Method::GET, "/metrics?name=a").await, 200);
    let posted = app.request_metrics(Method::POST, "/metrics").body("a").send().await.expect("an answer");
    assert_eq!((posted.status().as_u16(), &posted.headers()[header::ALLOW]), (405, &"GET, HEAD".parse().unwrap()));
    for path in ["/", "/metrics/", "/health/live", "/auth/me"] {
        assert_eq!(status(Method::GET, path).await, 404, "{path}");
    }
    app.get("/metrics").await.assert_status(404);
}

//! Traces tell what was done and nothing of what was said, and whoever collects them is waited for by nobody.
//!
//! `TRACED_REQUESTS` says how many are made while the collector is gone (12000 unless it is set).

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use countersign::database::Engine;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use reqwest::{Client, Method};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::collector::{Collector, Manner, attributes};
use crate::home::{Home, PASSWORD};
use crate::process::Service;
use crate::setting;
use crate::smtp_sink::{self, Sink};

/// What must not be found in any byte that leaves.
const MARKER: &str = "marker-of-something-that-a-client-said";
const KEY: &str = "Bearer key-of-the-collector";

fn traced(home: Home, collector: &str) -> Home {
    home.with("COUNTERSIGN_TRACES__ENDPOINT", collector)
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_told_from_its_route_to_its_statements(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let collector = Collector::new(Manner::Takes).await;
    let mail = Sink::new(smtp_sink::Manner::Takes).await;
    let home = traced(Home::new(engine), collector.url())
        .with("COUNTERSIGN_TRACES__HEADERS", &format!("x-key={KEY}"))
        .with("COUNTERSIGN_MAIL__SMTP_URL", &mail.url());
    let service = home.start();
    let visitor = service.visitor();

    assert_eq!(visitor.register("ada").await.unwrap().status, 201);
    let tokens = visitor.log_in("ada@example.com", PASSWORD, "192.0.2.7").await.unwrap();
    assert_eq!(visitor.me(tokens.text("access_token")).await.unwrap().status, 200);
    assert_eq!(visitor.refresh(tokens.text("refresh_token")).await.unwrap().status, 200);

    let expected = [
        ("POST /auth/register", "201", "insert users"),
        ("POST /auth/login", "200", "insert sessions"),
        ("GET /auth/me", "200", "select sessions"),
        ("POST /auth/refresh", "200", "update sessions"),
    ];
    let hoped: Vec<_> = expected.iter().map(|(route, ..)| (*route, 1)).chain([("deliver a letter", 1)]).collect();
    let spans = collector.received(&hoped).await;
    for (route, status, statement) in expected {
        let request = named(&spans, route);
        let (method, path) = route.split_once(' ').unwrap();
        let expected = [
            ("http.request.method", method),
            ("http.response.status_code", status),
            ("http.route", path),
            ("url.path", path),
            ("url.scheme", "http"),
        ];
        assert_eq!(told(request), expected.map(|(name, value)| (name, value.to_owned())).into(), "{route}");
        assert_eq!((request.kind(), request.parent_span_id.len()), (SpanKind::Server, 0), "{route}");
        assert_eq!(told(named(&below(&spans, request), statement)), of_database(engine, statement));
    }
    let login = below(&spans, named(&spans, "POST /auth/login"));
    let [wait, hash] = ["wait for a hashing lane", "hash the password"].map(|name| named(&login, name));
    assert!(wait.end_time_unix_nano <= hash.start_time_unix_nano, "first one waits");
    assert!(took(hash) > 1_000_000, "a hash takes more than a millisecond: {hash:?}");
    assert_eq!(told(named(&login, "commit")), of_database(engine, "commit"));
    assert_eq!(told(named(&login, "select users")), of_database(engine, "select users"));
    let letter = below(&spans, named(&spans, "deliver a letter"));
    assert!(names(&letter).is_superset(&["send over SMTP", "delete jobs"].into()), "{:?}", names(&letter));

    for post in collector.posts() {
        assert_eq!(post.path, "/v1/traces");
        assert_eq!(post.headers["content-type"], "application/x-protobuf");
        assert_eq!(post.headers["x-key"], KEY);
        for resource in post.read().resource_spans {
            let resource = resource.resource.unwrap();
            let about = attributes(&resource.attributes);
            assert_eq!(about["service.name"], "countersign");
            assert_eq!(about["service.version"], env!("CARGO_PKG_VERSION"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_proxy_of_the_environment_sees_a_trace() {
    let (collector, proxy) = (Collector::new(Manner::Takes).await, Collector::new(Manner::Takes).await);
    let home = traced(Home::new(Engine::Sqlite), collector.url()).with("NO_PROXY", "").with("no_proxy", "");
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let home = variables.iter().fold(home, |home, variable| home.with(variable, proxy.url()));
    let service = home.start();

    service.visitor().register("ada").await.unwrap();

    collector.received(&[("POST /auth/register", 1)]).await;
    assert_eq!(proxy.posts().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_client_says_is_in_a_trace() {
    let collector = Collector::new(Manner::Takes).await;
    let mail = Sink::new(smtp_sink::Manner::Takes).await;
    let home = traced(Home::new(Engine::Sqlite), collector.url()).with("COUNTERSIGN_MAIL__SMTP_URL", &mail.url());
    let service = home.start();
    let visitor = service.visitor();

    visitor.register("ada").await.unwrap();
    let tokens = visitor.log_in("ada@example.com", PASSWORD, "192.0.2.7").await.unwrap();
    let again = visitor.refresh(tokens.text("refresh_token")).await.unwrap();
    visitor.log_in("ada@example.com", MARKER, "192.0.2.7").await.unwrap();
    for path in ["/auth/verify-email?token=", "/auth/me?", "/nowhere/", "/auth/sessions/", "/problems/"] {
        let path = format!("{path}{MARKER}");
        visitor.ask(Method::GET, &path, Some(tokens.text("access_token")), None).await.unwrap();
        visitor.ask(Method::DELETE, &path, Some(MARKER), None).await.unwrap();
    }
    let odd = Method::from_bytes(b"MARKER-OF-SOMETHING").unwrap();
    let asked = Client::new().request(odd, format!("http://{}/auth/me", service.address));
    let fields = ["user-agent", "x-request-id", "referer", "cookie", "baggage", "tracestate"];
    let asked = fields.iter().fold(asked, |asked, field| asked.header(*field, MARKER));
    asked.send().await.unwrap();
    visitor.log_out(again.text("access_token")).await.unwrap();

    let spans = collector.received(&[("HTTP /auth/me", 1), ("POST /auth/logout", 1), ("deliver a letter", 1)]).await;
    let said = [
        PASSWORD,
        MARKER,
        "MARKER-OF",
        "ada",
        "example.com",
        "192.0.2.7",
        tokens.text("access_token"),
        tokens.text("refresh_token"),
        again.text("access_token"),
        again.text("refresh_token"),
        // The parts of a token are as good as the whole.
        tokens.text("refresh_token").split_once('_').unwrap().1,
        tokens.text("access_token").rsplit('.').next().unwrap(),
    ];
    let bodies: Vec<u8> = collector.posts().iter().flat_map(|post| post.body.to_vec()).collect();
    for word in said {
        assert!(word.len() > 2, "there is something to look for: {word}");
        assert!(!bodies.windows(word.len()).any(|bytes| bytes == word.as_bytes()), "{word} is in a trace");
    }
    assert!(spans.len() > 30, "there was something to look in: {}", spans.len());
    assert_eq!(told(named(&spans, "HTTP /auth/me"))["http.request.method"], "_OTHER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_caller_says_which_trace_and_whether_there_is_one() {
    let collector = Collector::new(Manner::Takes).await;
    let service = traced(Home::new(Engine::Sqlite), collector.url()).start();

    let traced = ask(&service, "/health/live", &format!("00-{TRACE}-{PARENT}-01")).await;
    ask(&service, "/health", &format!("00-{TRACE}-{PARENT}-00")).await;
    ask(&service, "/docs", &format!("00-{TRACE}-{PARENT}")).await;
    let spans = collector.received(&[("GET /health/live", 1), ("GET /docs", 1)]).await;

    let continued = named(&spans, "GET /health/live");
    assert_eq!(
        (hex::encode(&continued.trace_id).as_str(), hex::encode(&continued.parent_span_id).as_str()),
        (TRACE, PARENT)
    );
    assert_eq!(traced, 200);
    assert!(!names(&spans).contains("GET /health"), "it was not to be traced");
    let begun = named(&spans, "GET /docs");
    assert!(begun.parent_span_id.is_empty() && hex::encode(&begun.trace_id) != TRACE, "malformed is none");
    service.process.says("/docs");
    let logged: BTreeMap<_, _> = access_log(&service);
    assert_eq!(logged["/health/live"], TRACE);
    assert_eq!(logged["/health"], TRACE);
    assert_eq!(logged["/docs"], hex::encode(&begun.trace_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_neither_asks_for_traces_nor_hides_from_them() {
    let collector = Collector::new(Manner::Takes).await;
    let home = |ratio: &str| {
        traced(Home::new(Engine::Sqlite), collector.url())
            .with("COUNTERSIGN_HTTP__TRUSTED_PROXIES", "10.0.0.0/8")
            .with("COUNTERSIGN_TRACES__SAMPLE_RATIO", ratio)
    };
    let (none, all) = (home("0").start(), home("1").start());

    ask(&none, "/health/live", &format!("00-{TRACE}-{PARENT}-01")).await;
    none.process.signal(Signal::TERM);
    none.process.ended();
    ask(&all, "/docs", &format!("00-{TRACE}-{PARENT}-00")).await;
    let spans = collector.received(&[("GET /docs", 1)]).await;

    assert_eq!(spans.len(), 1, "{:?}", names(&spans));
    assert_eq!((hex::encode(&spans[0].trace_id), hex::encode(&spans[0].parent_span_id)), (TRACE.into(), PARENT.into()));
}

#[rstest]
#[case::gone(None)]
#[case::hanging(Some(Manner::Hangs))]
#[case::failing(Some(Manner::Refuses))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_collect_costs_no_answer_and_no_memory(#[case] manner: Option<Manner>) {
    const MOST_MIB: u64 = 24;
    let requests = setting("TRACED_REQUESTS", 12_000);
    let collector = match manner {
        Some(manner) => Some(Collector::new(manner).await),
        None => None,
    };
    let url = collector.as_ref().map_or_else(nowhere, |collector| collector.url().to_owned());
    let home = traced(Home::new(Engine::Sqlite), &url)
        .with("COUNTERSIGN_TRACES__TIMEOUT_SECONDS", "1")
        .with("COUNTERSIGN_METRICS__LISTEN", "127.0.0.1:0");
    let people = home.people(1).await;
    let service = home.start();
    ask_often(&service, &people[0].access_token, requests / 10).await;
    let before = service.resident_kib();

    ask_often(&service, &people[0].access_token, requests).await;
    let after = service.resident_kib();
    service.process.says("circuit opened: calls are refused");

    assert!(after < before + MOST_MIB * 1024, "{before} KiB became {after} KiB");
    let scraped = service.scrape().await;
    let count = |outcome: &str| -> u64 {
        let sample = format!("countersign_spans_total{{outcome=\"{outcome}\"}} ");
        scraped.lines().find_map(|line| line.strip_prefix(&sample)).unwrap().parse().unwrap()
    };
    assert_eq!(count("sent"), 0);
    assert!(count("lost") > 0, "{scraped}");
    let warnings = service.process.said().matches("did not take a batch").count();
    assert!((3..20).contains(&warnings), "told of, and not for each request: {warnings}");
    let given_up = count("lost") + count("dropped");
    println!("{manner:?}: {requests} requests, {given_up} spans given up, {before} KiB became {after} KiB");
    service.process.signal(Signal::TERM);
    let (status, said) = service.process.ended();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collector_refuses_of_a_batch_is_counted() {
    let collector = Collector::new(Manner::TakesAllButOne).await;
    let home = traced(Home::new(Engine::Sqlite), collector.url()).with("COUNTERSIGN_METRICS__LISTEN", "127.0.0.1:0");
    let service = home.start();

    ask(&service, "/health/live", "").await;
    ask(&service, "/docs", "").await;
    collector.received(&[("GET /docs", 1), ("GET /health/live", 1)]).await;
    let spans = collector.spans().len();
    let batches = collector.posts().len();

    // The answer to the last batch may be under way.
    let hoped = format!("countersign_spans_total{{outcome=\"refused\"}} {batches}\n");
    while !service.scrape().await.contains(&hoped) {
        tokio::task::yield_now().await;
    }
    let sent = format!("countersign_spans_total{{outcome=\"sent\"}} {}\n", spans - batches);
    assert!(service.scrape().await.contains(&sent), "{spans} spans in {batches} batches");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_spans_are_sent_before_the_end() {
    let collector = Collector::new(Manner::Takes).await;
    let service = traced(Home::new(Engine::Sqlite), collector.url()).start();
    service.process.signal(Signal::TERM);
    service.process.says("not ready for more");

    let last = ask(&service, "/health/live", "").await;
    let (status, said) = service.process.ended();

    assert_eq!((last, status.code()), (200, Some(0)), "{said}");
    assert!(names(&collector.spans()).contains("GET /health/live"), "{:?}", names(&collector.spans()));
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

async fn ask(service: &Service, path: &str, traceparent: &str) -> u16 {
    let request = Client::new().get(format!("http://{}{path}", service.address)).header("traceparent", traceparent);
    request.send().await.unwrap().status().as_u16()
}

/// Asks who somebody is, over and over, a few at a time.
async fn ask_often(service: &Service, access_token: &str, times: usize) {
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let (visitor, token) = (service.visitor(), access_token.to_owned());
        asking.spawn(async move {
            for _ in 0..times / 8 {
                assert_eq!(visitor.me(&token).await.unwrap().status, 200);
            }
        });
    }
    asking.join_all().await;
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The trace of each path, as the access log has it.
fn access_log(service: &Service) -> BTreeMap<String, String> {
    let said = service.process.said();
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let access = lines.filter(|line| line["target"] == json!("countersign::access"));
    access.map(|line| (line["path"].as_str().unwrap().into(), line["trace_id"].as_str().unwrap().into())).collect()
}

#[track_caller]
fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {:?}", names(spans)))
}

fn names(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// The spans directly below another, which lie within its time and went well.
fn below(spans: &[Span], parent: &Span) -> Vec<Span> {
    let below: Vec<_> = spans.iter().filter(|span| span.parent_span_id == parent.span_id).cloned().collect();
    for span in &below {
        assert_eq!(span.trace_id, parent.trace_id);
        assert!(span.start_time_unix_nano >= parent.start_time_unix_nano, "{span:?}");
        assert!(span.end_time_unix_nano <= parent.end_time_unix_nano, "{span:?}\n{parent:?}");
        assert!(span.status.as_ref().is_none_or(|status| status.code() != StatusCode::Error), "{span:?}");
    }
    below
}

fn told(span: &Span) -> BTreeMap<&str, String> {
    attributes(&span.attributes)
}

fn of_database(engine: Engine, summary: &str) -> BTreeMap<&'static str, String> {
    let system = match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgresql",
    };
    [("db.query.summary", summary.to_owned()), ("db.system.name", system.to_owned())].into()
}

/// In nanoseconds.
fn took(span: &Span) -> u64 {
    span.end_time_unix_nano - span.start_time_unix_nano
}

//! Breached passwords: a list is asked for five digits, and nobody waits for one that does not answer.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::get;
use countersign::config::PublicUrl;
use countersign::problem::Code;
use rstest::rstest;
use tokio::net::TcpListener;

use crate::nobody::Nobody;
use crate::support::mail::RESET;
use crate::support::{Engine, TestApp};

/// `printf 'hunter2 hunter2 hunter2' | sha1sum`, in two parts.
const PASSWORD: &str = "hunter2 hunter2 hunter2";
const PREFIX: &str = "BB085";
const SUFFIX: &str = "5D2A073B34AE2581598E7F4D69C9549388A";

#[rstest]
#[tokio::test]
async fn a_breached_password_is_refused_wherever_one_is_chosen(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let list = List::serve(format!("{}\r\n{SUFFIX}:7\r\n", padding())).await;
    let app = list.used_by(engine).await;
    let ada = app.somebody("ada");

    let registering = app.somebody("bob").with_password(PASSWORD).register().await;
    registering.assert_problem(Code::ValidationFailed);
    assert_eq!(registering.faults(), [("password".to_owned(), "breached".to_owned())]);

    let access_token = ada.register().await.access_token();
    let changing = ada.change_password(&access_token, PASSWORD).await;
    assert_eq!(changing.faults(), [("new_password".to_owned(), "breached".to_owned())]);

    ada.forgets().await;
    let token = app.mail(&ada.email, RESET).await.token();
    let resetting = ada.resets(&token, PASSWORD).await;
    assert_eq!(resetting.faults(), [("new_password".to_owned(), "breached".to_owned())]);
    ada.resets(&token, "an entirely different sentence").await.assert_status(204);

    let asked = list.asked();
    assert!(asked.iter().filter(|(prefix, _)| prefix == PREFIX).count() == 3, "{asked:?}");
    assert!(asked.iter().all(|(prefix, padded)| prefix.len() == 5 && padded == "true"), "{asked:?}");
}

#[rstest]
#[case::counts_nothing(format!("{SUFFIX}:0"))]
#[case::is_about_others(padding())]
#[case::is_no_list("<html>".to_owned())]
#[tokio::test]
async fn a_password_that_the_list_does_not_name_is_accepted(#[case] body: String) {
    let list = List::serve(body).await;
    let app = list.used_by(Engine::Sqlite).await;

    app.somebody("ada").with_password(PASSWORD).register().await.assert_status(201);

    assert_eq!(list.asked().len(), 1);
}

#[tokio::test]
async fn a_list_that_fails_or_is_not_there_keeps_nobody_from_registering() {
    let list = List::serve("x".repeat(300_000)).await;
    let nobody = Nobody::new();
    let gone = format!("http://{}/range", nobody.address());

    for url in [list.url.clone(), list.url.replace("/range", "/nowhere"), gone] {
        let app = using(Engine::Sqlite, &url).await;
        for name in ["ada", "bob", "eve"] {
            app.somebody(name).with_password(PASSWORD).register().await.assert_status(201);
        }
    }
}

#[tokio::test]
async fn a_list_that_leads_elsewhere_is_not_followed() {
    let elsewhere = List::serve(format!("{SUFFIX}:7\r\n")).await;
    let target = format!("{}/{PREFIX}", elsewhere.url);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/range", listener.local_addr().expect("an address"));
    let routes = Router::new().route("/range/{prefix}", get(async move || Redirect::temporary(&target)));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let app = using(Engine::Sqlite, &url).await;

    app.somebody("ada").with_password(PASSWORD).register().await.assert_status(201);

    assert_eq!(elsewhere.asked(), []);
}

#[tokio::test]
async fn a_list_that_hangs_is_not_waited_for() {
    // It takes connections and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/range", hanging.local_addr().expect("an address"));
    let app = using(Engine::Sqlite, &url).await;

    for number in 0..12 {
        app.somebody(&format!("ada{number}")).with_password(PASSWORD).register().await.assert_status(201);
    }

    // After seven failures in a row nobody asks any more.
    let mut asked = 0;
    while let Ok(Ok(_)) = tokio::time::timeout(std::time::Duration::from_millis(50), hanging.accept()).await {
        asked += 1;
    }
    assert_eq!(asked, 7);
}

#[tokio::test]
async fn how_soon_a_list_is_given_up_is_a_setting() {
    let nobody = Nobody::new();
    let address = nobody.address();
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.passwords.breach_check_url = PublicUrl::parse(&format!("http://{address}/range"));
        config.breach_check_breaker.failures_in_a_row = 1;
    })
    .await;
    app.somebody("ada").with_password(PASSWORD).register().await.assert_status(201);

    // It is there now, and nobody asks: one failure was enough.
    drop(nobody);
    let listener = TcpListener::bind(address).await.expect("the port");
    app.somebody("bob").with_password(PASSWORD).register().await.assert_status(201);

    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await.is_err());
}

/// A list of breached passwords, served over HTTP.
struct List {
    url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl List {
    async fn serve(body: String) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/range", listener.local_addr().expect("an address"));
        let routes = Router::new().route("/range/{prefix}", get(answer)).with_state((Arc::clone(&asked), body));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, asked }
    }

    async fn used_by(&self, engine: Engine) -> TestApp {
        using(engine, &self.url).await
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().expect("the list").clone()
    }
}

type Notes = (Arc<Mutex<Vec<(String, String)>>>, String);

async fn answer(
    State((asked, body)): State<Notes>,
    Path(prefix): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let padded = headers.get("add-padding").map_or("", |value| value.to_str().unwrap_or_default());
    let is_ours = prefix == PREFIX;
    asked.lock().expect("the list").push((prefix, padded.to_owned()));
    (StatusCode::OK, if is_ours { body } else { padding() })
}

async fn using(engine: Engine, url: &str) -> TestApp {
    TestApp::with(engine, |config| config.passwords.breach_check_url = PublicUrl::parse(url)).await
}

fn padding() -> String {
    let lines: Vec<String> = (0..800).map(|number| format!("{number:035X}:0\r\n")).collect();
    lines.concat()
}

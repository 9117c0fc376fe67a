//! The development mailbox: what anybody can try without a mail server.

use std::time::Duration;

use countersign::config::{Config, PublicUrl};
use reqwest::Method;
use rstest::rstest;
use serde_json::Value;

use super::delivery::{jobs_until, nothing_left};
use super::{SECRET, by_way_of, post};
use crate::smtp_sink::{Manner, Sink};
use crate::support::{Answer, Engine, TestApp};

#[rstest]
#[tokio::test]
async fn letters_can_be_read_where_no_mail_server_is_configured(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    post(&app, "ada").await;
    post(&app, "bob").await;
    nothing_left(&app).await;

    let mails = app.get("/dev/mail.json").await.json()["mails"].clone();
    let by_accept = Answer::to(app.request(Method::GET, "/dev/mail").header("accept", "application/json")).await;
    let page = Answer::to(app.request(Method::GET, "/dev/mail").header("accept", "text/html,*/*")).await;

    assert_eq!((mails.as_array().unwrap().len(), &by_accept.json()["mails"]), (2, &mails));
    let ada = mails.as_array().unwrap().iter().find(|mail| mail["to"] == "ada@example.com").unwrap();
    let link = format!("{}/reset-password?token={SECRET}", app.public_url());
    assert!(ada["text"].as_str().unwrap().contains(&link) && ada["html"].as_str().unwrap().contains(&link), "{ada}");
    assert!(page.text.contains("ada@example.com") && page.text.contains("Set a new password"), "{}", page.text);
}

#[rstest]
#[tokio::test]
async fn a_letter_is_shown_in_a_frame_that_runs_nothing(#[values(Engine::Sqlite)] engine: Engine) {
    let app = TestApp::new(engine).await;
    post(&app, "ada").await;
    nothing_left(&app).await;
    let id = app.get("/dev/mail.json").await.json()["mails"][0]["id"].as_str().unwrap().to_owned();

    let page = app.get(&format!("/dev/mail/{id}")).await;
    let part = app.get(&format!("/dev/mail/{id}/html")).await;

    assert!(page.text.contains("sandbox=\"allow-popups") && page.text.contains(&format!("/dev/mail/{id}/html")));
    assert!(part.header("content-security-policy").contains("default-src 'none'"));
    assert!(part.header("content-security-policy").contains("sandbox"));
    assert!(part.text.contains(SECRET));
    assert_eq!(page.header("cache-control"), "no-store");
    app.get("/dev/mail/1.2@localhost").await.assert_status(404);
}

#[rstest]
#[case::this_machine("127.0.0.1:8000", 200)]
#[case::in_ipv6("[::1]", 200)]
#[case::by_name("LOCALHOST:8000", 200)]
#[case::a_public_name("auth.example.com", 404)]
#[case::a_page_whose_name_leads_here("evil.example:8000", 404)]
#[case::a_name_that_begins_alike("localhost.evil.example", 404)]
#[case::another_machine("192.168.1.2", 404)]
#[case::nobody("", 404)]
#[tokio::test]
async fn the_mailbox_is_there_by_the_names_of_this_machine_alone(#[case] host: &str, #[case] status: u16) {
    let app = TestApp::new(Engine::Sqlite).await;
    post(&app, "ada").await;
    nothing_left(&app).await;

    for path in ["/dev/mail", "/dev/mail.json"] {
        let answer = app.raw(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).await;

        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(answer.contains("ada@example.com"), status == 200, "{host}");
    }
}

#[rstest]
#[tokio::test]
async fn nobody_reads_the_mailbox_through_a_proxy(
    #[values("forwarded: for=192.0.2.1", "via: 1.1 proxy", "x-forwarded-for: 192.0.2.1", "x-real-ip: 192.0.2.1")]
    added: &str,
) {
    let app = TestApp::new(Engine::Sqlite).await;

    for path in ["/dev/mail", "/dev/mail.json"] {
        for request in [
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{added}\r\nconnection: close\r\n\r\n"),
            format!("GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n"),
        ] {
            let answer = app.raw(&request).await;

            assert!(answer.lines().next().unwrap().contains(" 404 "), "{request}: {answer}");
        }
    }
}

/// Behind a proxy on the same machine the service listens on loopback as well, and `/dev/mail` would be everybody's.
#[rstest]
#[case::by_a_public_address(|config: &mut Config| config.service.public_url = PublicUrl::parse("https://auth.example.com"))]
#[case::by_a_socket_that_was_handed_over(|config: &mut Config| config.was_handed_a_socket = true)]
#[tokio::test]
async fn a_service_that_others_reach_has_no_mailbox(#[case] reached: fn(&mut Config)) {
    let app = TestApp::with(Engine::Sqlite, reached).await;
    post(&app, "ada").await;

    let waiting = jobs_until(&app, |jobs| jobs.len() == 1).await;

    assert_eq!(waiting[0].attempts, 0);
    for path in ["/dev/mail", "/dev/mail.json", "/dev/mail/1", "/dev/mail/1/html"] {
        app.get(path).await.assert_status(404);
    }
}

#[rstest]
#[tokio::test]
async fn the_last_hundred_letters_are_kept(#[values(Engine::Sqlite)] engine: Engine) {
    let app = TestApp::new(engine).await;

    for number in 0..103 {
        post(&app, &format!("ada-{number}")).await;
    }
    nothing_left(&app).await;

    assert_eq!(app.get("/dev/mail.json").await.json()["mails"].as_array().map(Vec::len), Some(100));
}

#[rstest]
#[tokio::test]
async fn there_is_no_mailbox_where_there_is_a_mail_server(#[values(Engine::Sqlite)] engine: Engine) {
    let sink = Sink::new(Manner::Takes).await;
    let app = TestApp::with(engine, by_way_of(sink.url())).await;

    for path in ["/dev/mail", "/dev/mail.json", "/dev/mail/1", "/dev/mail/1/html"] {
        app.get(path).await.assert_status(404);
    }
}

#[rstest]
#[tokio::test]
async fn off_loopback_letters_wait_for_a_mail_server(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.service.listen = "0.0.0.0:0".parse().unwrap()).await;
    post(&app, "ada").await;

    app.get("/dev/mail").await.assert_status(404);
    assert_eq!(app.get("/health/ready").await.json()["checks"].get("mail"), None::<&Value>);
    let waiting = jobs_until(&app, |jobs| jobs.len() == 1).await;
    assert_eq!(waiting[0].attempts, 0);

    let sink = Sink::new(Manner::Takes).await;
    let app = app.restarted_with(by_way_of(sink.url())).await;
    app.advance(Duration::from_secs(1));

    sink.received(1).await;
}

//! TLS of its own: both versions of HTTP, a certificate that is renewed under load, and handshakes that lead nowhere.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::clock::Clock;
use reqwest::{Version, tls};
use tokio::task::JoinSet;

use crate::certificates::{YEAR_2020, YEAR_2021, YEAR_2099, YEAR_2100};
use crate::home::Home;
use crate::process::{PATIENCE, Service};
use crate::secured::Secured;
use crate::visitor::Visitor;

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_both_versions_of_tls() {
    let secured = Secured::new();
    let service = secured.home.start();

    for (client, version) in [
        (secured.client(&service), Version::HTTP_2),
        (secured.client(&service).http1_only(), Version::HTTP_11),
        (secured.client(&service).tls_version_max(tls::Version::TLS_1_2), Version::HTTP_2),
        (secured.client(&service).tls_version_max(tls::Version::TLS_1_2).http1_only(), Version::HTTP_11),
    ] {
        let client = client.build().unwrap();
        for path in ["/health/ready", "/docs/swagger-ui-bundle.js"] {
            let answer = client.get(Secured::url(&service, path)).send().await.unwrap();

            assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
            assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000; includeSubDomains");
            assert!(!answer.headers().contains_key("connection"));
            assert!(!answer.bytes().await.unwrap().is_empty());
        }
    }
    let visitor = Visitor::with(secured.client(&service), Secured::url(&service, ""));
    let registered = visitor.register("ada").await.unwrap();
    let me = visitor.me(registered.text("access_token")).await.unwrap();
    assert_eq!((registered.status, me.status, me.text("username")), (201, 200, "ada"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_under_load_and_no_handshake_fails() {
    const RENEWALS: usize = 3;
    let secured = Secured::new();
    let service = secured.home.start();
    let (certificate, key) = (secured.home.path("tls.crt"), secured.home.path("tls.key"));
    let (ended, shaken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = JoinSet::new();
    for version in [tls::Version::TLS_1_2, tls::Version::TLS_1_3, tls::Version::TLS_1_3] {
        let (ended, shaken, url) = (ended.clone(), shaken.clone(), Secured::url(&service, "/health/live"));
        // A connection, and so a handshake, for each request.
        let client = secured.client(&service).pool_max_idle_per_host(0).tls_version_max(version).build().unwrap();
        load.spawn(async move {
            let mut failed = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                match client.get(&url).send().await {
                    Ok(answer) if answer.status() == 200 => drop(shaken.fetch_add(1, Ordering::Relaxed)),
                    other => failed.push(format!("{other:?}")),
                }
            }
            failed
        });
    }

    for _ in 0..RENEWALS {
        let renewed = secured.authority.renew(&certificate, &key);
        shown(&secured, &service, &renewed).await;
    }
    let last = secured.authority.renew(&certificate, &key);
    shown(&secured, &service, &last).await;
    fs::write(&key, "no key").unwrap();
    service.process.says("the new certificate cannot be used");
    shown(&secured, &service, &last).await;
    ended.store(true, Ordering::Relaxed);
    let failed: Vec<_> = load.join_all().await.into_iter().flatten().collect();

    let shaken = shaken.load(Ordering::Relaxed);
    assert_eq!(failed, Vec::<String>::new(), "of {shaken}");
    assert!(shaken > 100, "{shaken}");
    let said = service.process.said();
    assert_eq!(said.matches("the new certificate cannot be used").count(), 1, "it is told once: {said}");
    assert_eq!(said.matches("the certificate was renewed").count(), RENEWALS + 1, "{said}");
    println!("{} renewals under load: {shaken} handshakes, 0 failed", RENEWALS + 1);
}

/// Waits until this certificate is shown.
async fn shown(secured: &Secured, service: &Service, certificate: &[u8]) {
    let until = Instant::now() + PATIENCE;
    loop {
        let client = secured.client(service).build().unwrap();
        let answer = client.get(Secured::url(service, "/health/live")).send().await.unwrap();
        let info = answer.extensions().get::<tls::TlsInfo>().unwrap();
        if info.peer_certificate() == Some(certificate) {
            return;
        }
        assert!(Instant::now() < until, "it is never shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn older_versions_and_plain_http_get_no_answer() {
    let secured = Secured::new();
    let service = secured.home.start();
    // An alert of level fatal: protocol_version (RFC 8446 §6).
    let refused = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 70];

    for version in [[0x03, 0x00], [0x03, 0x01], [0x03, 0x02]] {
        let answer = sent(&service, &client_hello(version));
        assert_eq!((answer[0], &answer[3..]), (refused[0], &refused[3..]), "{version:?}: {answer:?}");
    }
    let answer = sent(&service, &client_hello([0x03, 0x03]));
    assert_eq!(answer[0], 0x16, "the same with TLS 1.2 is shaken hands with: {answer:?}");
    let answer = sent(&service, b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

/// Sends this and answers the beginning of what comes back.
fn sent(service: &Service, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = vec![0; 7];
    match stream.read(&mut answer) {
        Ok(length) => answer.truncate(length),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    answer
}

/// The first message of a client that speaks no newer version than this (RFC 5246 §7.4.1.2).
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let extensions = [
        // supported_groups: P-256; signature_algorithms: ECDSA with SHA-256 and P-256.
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17][..],
        &[0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03],
    ]
    .concat();
    let body = [
        &version[..],
        &[7; 32],
        // No session; TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 and the one of CBC and SHA-1; no compression.
        &[0x00, 0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x09, 0x01, 0x00],
        &[0x00, u8::try_from(extensions.len()).unwrap()],
        &extensions,
    ]
    .concat();
    let length = |extra: usize| u8::try_from(body.len() + extra).unwrap();
    [&[0x16, 0x03, 0x01, 0x00, length(4), 0x01, 0x00, 0x00, length(0)], &body[..]].concat()
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_cut_off() {
    let secured = Secured::impatient();
    let service = secured.home.start();
    let client = secured.client(&service).build().unwrap();
    let begun = Instant::now();

    let mut silent = TcpStream::connect(service.address).unwrap();
    let mut halfway = TcpStream::connect(service.address).unwrap();
    halfway.write_all(&client_hello([0x03, 0x03])[..40]).unwrap();
    let meanwhile = client.get(Secured::url(&service, "/health/live")).send().await.unwrap();
    for stream in [&mut silent, &mut halfway] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it is hung up on");
    }

    assert!(begun.elapsed() >= Duration::from_millis(900), "they were given their second");
    assert_eq!(meanwhile.status(), 200);
}

#[test]
fn its_health_can_be_asked_for_over_tls() {
    let secured = Secured::new();
    let service = secured.home.start();

    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let outcome = command.env_clear().args(["health", &format!("https://{}", service.address)]).output().unwrap();

    assert_eq!((outcome.status.code(), outcome.stdout.as_slice()), (Some(0), &b"ready\n"[..]), "{outcome:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_in_one_line_with_its_remedy() {
    let secured = Secured::new();
    let (certificate, key) = (secured.home.path("tls.crt"), secured.home.path("tls.key"));
    let (good, good_key) = secured.authority.issue(YEAR_2020, YEAR_2100);
    let (expired, expired_key) = secured.authority.issue(YEAR_2020, YEAR_2021);
    let (early, early_key) = secured.authority.issue(YEAR_2099, YEAR_2100);
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n";

    for (certificate_pem, key_pem, fault) in [
        (&good, &expired_key, "is not the key of the certificate in"),
        (&expired, &expired_key, "expired at 2021-01-01T00:00:00Z: renew it"),
        (&early, &early_key, "is not valid before 2099-01-01T00:00:00Z: check the clock"),
        (&"nothing".to_owned(), &good_key, "holds no certificate that can be read"),
        (&good_key, &good_key, "holds no certificate that can be read"),
        (&good, &good, "holds no private key that can be read"),
        (&good, &locked.to_owned(), "no passphrase"),
    ] {
        fs::write(&certificate, certificate_pem).unwrap();
        fs::write(&key, key_pem).unwrap();

        let line = refusal(&secured.home);

        assert!(line.contains(fault) && line.contains("tls."), "{line}");
        assert!(!line.contains("BEGIN"), "{line}");
    }
    fs::remove_file(&key).unwrap();
    let line = refusal(&secured.home);
    assert!(line.contains("tls.key") && line.contains("Let this user read it"), "{line}");
}

#[test]
fn a_certificate_that_nobody_renews_is_warned_about() {
    let secured = Secured::new();
    let in_two_days = Clock::system().now().as_unix_seconds() + 2 * 24 * 60 * 60;
    let (certificate, key) = secured.authority.issue(YEAR_2020, u64::try_from(in_two_days).unwrap());
    fs::write(secured.home.path("tls.crt"), certificate).unwrap();
    fs::write(secured.home.path("tls.key"), key).unwrap();
    let service = secured.home.start();

    service.process.says("the certificate expires and nobody has renewed it");
    secured.authority.renew(&secured.home.path("tls.crt"), &secured.home.path("tls.key"));
    service.process.says("the certificate was renewed");

    assert_eq!(service.process.said().matches("nobody has renewed it").count(), 1);
}

/// The line that says why it does not start.
#[track_caller]
fn refusal(home: &Home) -> String {
    let (status, said) = home.launch().ended();
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!((status.code(), lines.len()), (Some(2), 1), "{said}");
    lines[0].to_owned()
}

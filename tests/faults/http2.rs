//! HTTP/2: how a connection ends, and how much one client may keep busy.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, Version};
use rstest::rstest;
use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use tokio::task::JoinSet;

use crate::certificates::NAME;
use crate::home::PASSWORD;
use crate::process::{PATIENCE, Service};
use crate::rounds;
use crate::secured::Secured;
use crate::visitor::{Reply, Visitor};

#[tokio::test]
async fn a_body_that_is_not_read_does_not_end_a_connection_of_http_2() {
    let secured = Secured::new();
    let service = secured.home.start();
    let client = secured.client(&service).build().unwrap();

    for _ in 0..3 {
        let answer = client.post(Secured::url(&service, "/auth/logout")).body(vec![b' '; 70_000]).send().await.unwrap();

        assert_eq!((answer.status().as_u16(), answer.version()), (413, Version::HTTP_2));
        assert!(!answer.headers().contains_key("connection"));
    }
}

#[tokio::test]
async fn an_idle_connection_of_http_2_is_closed_and_the_next_request_is_served() {
    let Secured { home, authority } = Secured::impatient();
    let secured = Secured { home: home.with("COUNTERSIGN_HTTP__IDLE_TIMEOUT_SECONDS", "1"), authority };
    let service = secured.home.start();
    let files = service.open_files();
    let client = secured.client(&service).build().unwrap();

    assert_eq!(client.get(Secured::url(&service, "/health/live")).send().await.unwrap().status(), 200);
    let until = Instant::now() + PATIENCE;
    while service.open_files() > files {
        assert!(Instant::now() < until, "it stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.get(Secured::url(&service, "/health/live")).send().await.unwrap().status(), 200);
}

#[rstest]
#[case::nothing(&[])]
#[case::half_a_preface(&PREFACE[..10])]
#[case::no_request(PREFACE)]
#[case::a_head_without_its_end(&[PREFACE, &frame(HEADERS, 0x01, 1, &[0x82, 0x87, 0x84])].concat())]
#[tokio::test]
async fn a_first_head_of_http_2_has_to_be_there_soon(#[case] sent: &[u8]) {
    let secured = Secured::impatient();
    let service = secured.home.start();
    let mut connection = connected(&secured, &service);
    connection.write_all(sent).unwrap();
    connection.flush().unwrap();

    let mut said = Vec::new();
    let ended = connection.read_to_end(&mut said);

    // Longer than the patience of the test it may rest between two requests.
    assert!(ended.as_ref().map_or_else(is_end, |_| true), "{ended:?}");
}

/// Whether the other side has closed, however abruptly, and not gone on saying nothing.
fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

// The client has to answer while the test waits for the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_open_connections_ends_when_it_is_told_to() {
    let secured = Secured::new();
    let service = secured.home.start();
    let client = secured.client(&service).build().unwrap();
    assert_eq!(client.get(Secured::url(&service, "/health/live")).send().await.unwrap().version(), Version::HTTP_2);

    service.process.signal(Signal::TERM);
    let (status, said) = service.process.ended();

    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("all requests are answered"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_when_a_busy_service_ends() {
    let secured = Secured::new();
    let people = secured.home.people(4).await;
    let mut answered = 0;

    for _ in 0..rounds() {
        let service = secured.home.start();
        let mut load = JoinSet::new();
        for person in &people {
            let visitor = Visitor::with(secured.client(&service), Secured::url(&service, ""));
            let token = person.access_token.clone();
            load.spawn(until_refused(move || {
                let (visitor, token) = (visitor.clone(), token.clone());
                async move { visitor.me(&token).await }
            }));
        }
        // A login hashes, so one is always in flight.
        let visitor = Visitor::with(secured.client(&service), Secured::url(&service, ""));
        let login = json!({"email": people[0].email, "password": PASSWORD});
        load.spawn(until_refused(move || {
            let (visitor, login) = (visitor.clone(), login.clone());
            async move { visitor.ask(Method::POST, "/auth/login", None, Some(&login)).await }
        }));
        service.process.says("/auth/login");
        service.process.says("/auth/me");

        service.process.signal(Signal::TERM);
        answered += load.join_all().await.into_iter().sum::<usize>();
        let (status, said) = service.process.ended();

        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("all requests are answered"), "{said}");
    }
    println!("{} rounds over HTTP/2: {answered} answered, 0 lost", rounds());
}

/// Asks until nobody takes a connection any more; answers how often it was answered.
async fn until_refused<F: Future<Output = Result<Reply, reqwest::Error>>>(ask: impl Fn() -> F) -> usize {
    let mut answered = 0;
    loop {
        match ask().await {
            Ok(reply) => {
                assert!(matches!(reply.status, 200 | 503), "{reply:?}");
                answered += 1;
            }
            Err(error) if error.is_connect() => return answered,
            Err(error) => panic!("lost after {answered}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_opens_and_resets_without_end_is_sent_away() {
    let secured = Secured::new();
    let service = secured.home.start();
    let mut connection = connected(&secured, &service);
    let mut flood = PREFACE.to_vec();
    // As many as fit one record, so that they arrive together.
    for number in 0..400_u32 {
        let stream = 2 * number + 1;
        // The indexed fields `:method: GET`, `:scheme: https`, `:path: /`, and `:authority: a` (RFC 7541 §6).
        flood.extend(frame(HEADERS, 0x05, stream, &[0x82, 0x87, 0x84, 0x01, 0x01, b'a']));
        flood.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }

    connection.write_all(&flood).unwrap();
    let first = read_frame(&mut connection);
    let last = std::iter::repeat_with(|| read_frame(&mut connection)).find(|frame| frame.kind == GOAWAY).unwrap();
    let others = secured.client(&service).build().unwrap();

    assert_eq!(first.kind, SETTINGS);
    assert_eq!((first.setting(3), first.setting(6)), (Some(100), Some(16 * 1024)), "streams and size of a head");
    assert_eq!(last.payload[4..8], 11_u32.to_be_bytes(), "ENHANCE_YOUR_CALM (RFC 9113 §7)");
    assert_eq!(others.get(Secured::url(&service, "/health/live")).send().await.unwrap().status(), 200);
}

/// What a client of HTTP/2 sends first: the preface and empty settings (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

type Connection = StreamOwned<ClientConnection, TcpStream>;

/// A connection that speaks HTTP/2, without a client of it.
fn connected(secured: &Secured, service: &Service) -> Connection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(secured.authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(NAME).unwrap()).unwrap();
    let stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(connection, stream)
}

/// A frame as it is written (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

struct Frame {
    kind: u8,
    payload: Vec<u8>,
}

impl Frame {
    /// The value of a setting (RFC 9113 §6.5.1).
    fn setting(&self, id: u16) -> Option<u32> {
        let mut settings = self.payload.chunks_exact(6);
        let found = settings.find(|setting| setting[..2] == id.to_be_bytes())?;
        Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
    }
}

fn read_frame(connection: &mut Connection) -> Frame {
    let mut head = [0; 9];
    connection.read_exact(&mut head).unwrap();
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut payload = vec![0; length];
    connection.read_exact(&mut payload).unwrap();
    Frame { kind: head[3], payload }
}

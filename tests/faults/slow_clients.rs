//! Clients that dribble, idle, or take every socket there is. They are cut off, and everybody else is served meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::home::Home;
use crate::process::{PATIENCE, Service};

/// Sockets that are opened and left alone.
const IDLE: usize = 2000;
/// What an idle socket may cost in memory, in KiB: hyper's buffers and a task.
const IDLE_KIB: u64 = 32;

fn impatient() -> Home {
    Home::new(Engine::Sqlite)
        .with("COUNTERSIGN_HTTP__HEADER_TIMEOUT_SECONDS", "1")
        .with("COUNTERSIGN_HTTP__BODY_TIMEOUT_SECONDS", "1")
}

#[tokio::test]
async fn a_head_that_dribbles_in_is_cut_off() {
    let service = impatient().start();

    let (answer, took) = dribble(service.address, "GET /health/live HTTP/1.1\r\nhost: a\r\nx-slow: ");

    assert_eq!(answer, "", "there is no request that could be answered");
    assert!(took >= Duration::from_millis(900), "it was given its second: {took:?}");
    assert_eq!(service.visitor().get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_body_that_dribbles_in_is_cut_off() {
    let service = impatient().start();
    let head =
        "POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n";

    let (answer, _) = dribble(service.address, head);

    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
    assert_eq!(service.visitor().get("/health/live").await.status, 200);
}

/// Sends the beginning at once and then a byte now and again, until the other end hangs up. Answers what it said, and
/// when it hung up.
fn dribble(address: SocketAddr, beginning: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reading = stream.try_clone().unwrap();
    reading.set_read_timeout(Some(PATIENCE)).unwrap();
    let begun = Instant::now();
    stream.write_all(beginning.as_bytes()).unwrap();
    let reader = thread::spawn(move || {
        let mut answer = Vec::new();
        // It ends with a reset if a byte of ours was on its way when the other end closed.
        let _ = reading.read_to_end(&mut answer);
        (String::from_utf8(answer).unwrap(), begun.elapsed())
    });
    while !reader.is_finished() {
        // Nobody may be there any more.
        let _ = stream.write_all(b"a");
        thread::park_timeout(Duration::from_millis(50));
        assert!(begun.elapsed() < PATIENCE, "it is not cut off");
    }
    reader.join().unwrap()
}

#[tokio::test]
async fn a_body_that_is_not_read_ends_the_connection_and_the_answer_says_so() {
    let service = impatient().start();
    let requests = [
        ("413", "POST /auth/login HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n"),
        ("415", "POST /auth/login HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: 9999\r\n"),
        ("404", "POST /nowhere HTTP/1.1\r\ntransfer-encoding: chunked\r\n"),
        ("401", "PATCH /auth/me HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n"),
    ];

    for (status, head) in requests {
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{head}host: a\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();

        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn idle_sockets_cost_nothing_but_sockets() {
    allow_files(2 * IDLE + 200);
    let home = Home::new(Engine::Sqlite);
    let people = home.people(1).await;
    let service = home.start();
    let visitor = service.visitor();
    assert_eq!(visitor.me(&people[0].access_token).await.unwrap().status, 200);
    let (memory, files) = (service.resident_kib(), service.open_files());

    let address = service.address;
    let hoarding = thread::spawn(move || hoard(address));
    let mut served = 0;
    let mut most = (0, 0);
    while !hoarding.is_finished() || served < 50 {
        assert_eq!(visitor.me(&people[0].access_token).await.unwrap().status, 200);
        most = (most.0.max(service.open_files()), most.1.max(service.resident_kib()));
        served += 1;
    }
    let mut idle: Vec<TcpStream> = hoarding.join().unwrap();
    let cost = most.1.saturating_sub(memory) / u64::try_from(IDLE).unwrap();
    for stream in &mut idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it is hung up on after its five seconds");
    }
    eventually_open(&service, files + 10);

    assert!(most.0 > files + IDLE / 2, "they were open at the same time: {}", most.0);
    assert!(cost < IDLE_KIB, "{cost} KiB a socket");
    println!("{IDLE} idle sockets: {served} requests served meanwhile, {} files, {cost} KiB a socket, all cut", most.0);
}

#[tokio::test]
async fn a_service_without_file_descriptors_serves_again_when_there_are_some() {
    let home = impatient().after("ulimit -n 64");
    let people = home.people(1).await;
    let service = home.start();

    // More than it can take; each that it takes is cut off after a second, and the next one comes in.
    let hoard: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(service.address).unwrap()).collect();
    service.process.says("a connection could not be taken");
    let during = service.visitor().me(&people[0].access_token).await.unwrap();
    drop(hoard);
    let after = service.visitor().refresh(&people[0].refresh_token).await.unwrap();

    assert!(during.status == 200 || during.is_unavailable(), "it came to its turn: {during:?}");
    assert_eq!(after.status, 200, "{after:?}");
    let said = service.process.said();
    assert!(!said.contains("panicked"), "{said}");
    println!("64 file descriptors, 150 sockets: served after {:?}", during.took);
}

#[test]
fn a_connection_may_rest_between_requests_and_a_head_that_has_begun_may_not() {
    let service = impatient().with("COUNTERSIGN_HTTP__IDLE_TIMEOUT_SECONDS", "3").start();
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();

    live(&mut stream);
    thread::park_timeout(Duration::from_secs(2));
    live(&mut stream);
    stream.write_all(b"GET /health/live HTTP/1.1\r\n").unwrap();
    let (head, rest) = (until_cut(&mut stream), {
        let mut stream = TcpStream::connect(service.address).unwrap();
        live(&mut stream);
        until_cut(&mut stream)
    });

    assert!(head >= Duration::from_millis(900) && head < Duration::from_millis(2500), "{head:?}");
    assert!(rest >= Duration::from_millis(2900), "{rest:?}");
    println!("with a header timeout of 1 s and an idle one of 3 s: cut after {head:?} and {rest:?}");
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
    let service = impatient().with("COUNTERSIGN_HTTP__IDLE_TIMEOUT_SECONDS", "1").start();
    let files = service.open_files();
    // More than the buffers of both ends hold.
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n".repeat(20);
    let greedy: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(service.address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();

    service.process.says("/docs/swagger-ui-bundle.js");
    eventually_open(&service, files);

    drop(greedy);
}

/// Asks and takes the answer.
fn live(stream: &mut TcpStream) {
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
}

/// How long it takes until the service hangs up.
fn until_cut(stream: &mut TcpStream) -> Duration {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let begun = Instant::now();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    begun.elapsed()
}

/// Opens sockets in portions that fit the queue before the door: what does not is tried again by the kernel, seconds
/// later, when the first have been cut off.
fn hoard(address: SocketAddr) -> Vec<TcpStream> {
    let mut sockets = Vec::with_capacity(IDLE);
    while sockets.len() < IDLE {
        sockets.extend((0..100).map(|_| TcpStream::connect(address).unwrap()));
        thread::park_timeout(Duration::from_millis(20));
    }
    sockets
}

/// Sockets that are hung up on are closed.
fn eventually_open(service: &Service, files: usize) {
    let until = Instant::now() + PATIENCE;
    while service.open_files() > files {
        assert!(Instant::now() < until, "{} files are open", service.open_files());
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Lets this process, and those that it starts, open so many files.
fn allow_files(count: usize) {
    let count = u64::try_from(count).unwrap();
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return;
    }
    let raised = Rlimit { current: Some(count), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("a limit on open files (ulimit -Hn) of some thousands");
}

//! The service is told to end: idle, under load, twice, and when it cannot wait any longer.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::home::{Home, PASSWORD, Person};
use crate::metrics::{measured, until, value};
use crate::process::{PATIENCE, Service};
use crate::rounds;
use crate::visitor::another_address;

/// What is promised from the signal to the end.
const LONGEST_END: Duration = Duration::from_secs(15);
/// A login whose second half the client keeps for itself until the test says otherwise.
const LOGIN: &str = r#"{"email": "nobody@example.com", "password": "not a password of anybody"}"#;

#[tokio::test]
async fn an_idle_service_ends_when_it_is_told_to() {
    let home = Home::new(Engine::Sqlite);
    let service = home.start();
    let visitor = service.visitor();
    assert_eq!(visitor.get("/health/ready").await.status, 200);
    let _idle = TcpStream::connect(service.address).unwrap();

    let told = Instant::now();
    service.process.signal(Signal::TERM);
    let (status, said) = service.process.ended();

    assert_eq!(status.code(), Some(0), "{said}");
    assert!(told.elapsed() < LONGEST_END);
    assert!(said.contains("all requests are answered") && said.contains("\"ended\""), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_when_a_busy_service_ends() {
    let home = Home::new(Engine::Sqlite);
    let people = home.people(8).await;
    let (mut answered, mut announced, mut longest) = (0, 0, Duration::ZERO);

    for _ in 0..rounds() {
        let service = home.start();
        let (address, people) = (service.address, people.clone());
        let load = thread::spawn(move || keep_busy(address, &people));
        // The load asks for it once it is well under way.
        service.process.says("/.well-known/jwks.json");
        service.process.says("/auth/login");

        let told = Instant::now();
        service.process.signal(Signal::TERM);
        let tally = load.join().unwrap();
        let (status, said) = service.process.ended();

        assert_eq!(tally.lost, Vec::<String>::new(), "of {}", tally.answered);
        assert!(tally.not_ready > 0, "readiness is withdrawn while connections are still taken: {tally:?}");
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("all requests are answered"), "{said}");
        assert!(told.elapsed() < LONGEST_END);
        answered += tally.answered;
        announced += tally.not_ready;
        longest = longest.max(told.elapsed());
    }
    println!("{} rounds: {answered} answered, 0 lost, {announced} told not ready, longest end {longest:?}", rounds());
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_door_is_shut() {
    let home = Home::new(Engine::Sqlite);
    let service = home.start();
    let mut stream = half_a_login(&service);

    service.process.signal(Signal::TERM);
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(service.address).is_ok() {
        assert!(Instant::now() < until, "it goes on taking connections");
        thread::park_timeout(Duration::from_millis(20));
    }
    stream.get_mut().write_all(&LOGIN.as_bytes()[10..]).unwrap();
    let answer = read_answer(&mut stream).unwrap();

    assert_eq!((answer.status, answer.closes), (401, true));
    assert_eq!(service.process.ended().0.code(), Some(0));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_when_the_grace_is_over() {
    let home = Home::new(Engine::Sqlite).with("COUNTERSIGN_HTTP__SHUTDOWN_GRACE_SECONDS", "1");
    let service = home.start();
    let _stream = half_a_login(&service);

    service.process.signal(Signal::TERM);
    let (status, said) = service.process.ended();

    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("requests in flight were cut off"), "{said}");
}

#[tokio::test]
async fn whoever_waits_for_a_hash_is_told_before_the_grace_is_over() {
    // Of the highest cost there is: one thread checks a password by this in seconds, and eight in ten.
    const SLOW: &str = "$2b$16$NaTAFq9JEvLzCBrG6onU4uN4.58UoiGPUr2QikoozFvnR3s6XnQSu";
    let home = measured(Home::new(Engine::Sqlite))
        .with("COUNTERSIGN_PASSWORDS__HASHING_THREADS", "1")
        .with("COUNTERSIGN_HTTP__SHUTDOWN_GRACE_SECONDS", "1");
    let people = home.people(8).await;
    home.store_hash(SLOW).await;
    let service = home.start();
    let mut logins = JoinSet::new();
    for person in people {
        let visitor = service.visitor();
        logins.spawn(async move { visitor.log_in(&person.email, PASSWORD, &another_address()).await.unwrap() });
    }
    until(&service, |scraped| value(scraped, "countersign_hashing_lanes_busy") > 3.0).await;

    service.process.signal(Signal::TERM);
    let answers = logins.join_all().await;
    let (status, said) = service.process.ended();

    let told = answers.iter().filter(|answer| answer.status == 503 && answer.text("code") == "overloaded").count();
    let checked = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(told > 0 && told + checked == 8, "{answers:?}");
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("all requests are answered"), "{said}");
}

#[tokio::test]
async fn whoever_asks_twice_does_not_wait() {
    let home = Home::new(Engine::Sqlite);
    let service = home.start();
    let _stream = half_a_login(&service);

    service.process.signal(Signal::TERM);
    service.process.says("asked to end");
    service.process.signal(Signal::INT);
    let (status, said) = service.process.ended();

    assert_eq!(status.code(), Some(130), "{said}");
    assert!(!said.contains("cut off"), "it did not wait for the grace to be over: {said}");
}

/// A login that the service has begun to read.
fn half_a_login(service: &Service) -> BufReader<TcpStream> {
    let mut stream = connect(service.address).unwrap();
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        LOGIN.len()
    );
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    // The service says this when it wants the body.
    assert_eq!(read_answer(&mut stream).unwrap().status, 100);
    stream.get_mut().write_all(&LOGIN.as_bytes()[..10]).unwrap();
    stream
}

/// What the clients of a service that is told to end have seen.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    /// Connections that were taken and broke before their request was answered.
    lost: Vec<String>,
    not_ready: usize,
}

enum Seen {
    Answer(u16),
    Lost(String),
}

/// Sends requests of every kind, on connections of every kind, until nobody takes them any more.
fn keep_busy(address: SocketAddr, people: &[Person]) -> Tally {
    let (seen, sight) = channel();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for person in people {
            let me =
                format!("GET /auth/me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", person.access_token);
            let (seen, ended) = (seen.clone(), &ended);
            scope.spawn(move || ask_until_refused(address, &me, &seen, ended));
        }
        for _ in 0..2 {
            let keys = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            let (seen, ended) = (seen.clone(), &ended);
            scope.spawn(move || ask_until_refused(address, keys, &seen, ended));
        }
        let ready = "GET /health/ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let login = login(&people[0]);
        let (others, ended) = (seen.clone(), &ended);
        scope.spawn(move || ask_until_refused(address, ready, &others, ended));
        scope.spawn(move || ask_until_refused(address, &login, &seen, ended));

        let mut tally = Tally::default();
        for seen in sight {
            match seen {
                Seen::Answer(status) => {
                    assert!(matches!(status, 200 | 503), "{status}");
                    tally.answered += 1;
                    tally.not_ready += usize::from(status == 503);
                }
                Seen::Lost(how) => tally.lost.push(how),
            }
        }
        tally
    })
}

/// A login hashes, so some are always in flight.
fn login(person: &Person) -> String {
    let body = format!(r#"{{"email": "{}", "password": "{PASSWORD}"}}"#, person.email);
    format!(
        "POST /auth/login HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.1\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ask_until_refused(address: SocketAddr, request: &str, seen: &Sender<Seen>, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let mut stream = match connect(address) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                ended.store(true, Ordering::Relaxed);
                return;
            }
            Err(error) => return seen.send(Seen::Lost(format!("connecting: {error}"))).unwrap(),
        };
        let mut on_this_connection = 0;
        loop {
            let answer = stream.get_mut().write_all(request.as_bytes()).and_then(|()| read_answer(&mut stream));
            match answer {
                Ok(answer) => {
                    seen.send(Seen::Answer(answer.status)).unwrap();
                    on_this_connection += 1;
                    if answer.closes {
                        break;
                    }
                }
                Err(error) => {
                    let name = request.lines().next().unwrap();
                    seen.send(Seen::Lost(format!("{name}, after {on_this_connection}: {error}"))).unwrap();
                    break;
                }
            }
        }
    }
}

fn connect(address: SocketAddr) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

struct RawAnswer {
    status: u16,
    /// Whether it says that the connection ends with it.
    closes: bool,
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<RawAnswer> {
    let broken = || std::io::Error::from(ErrorKind::UnexpectedEof);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(broken());
        }
    }
    let head = head.to_ascii_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    stream.read_exact(&mut vec![0; length])?;
    Ok(RawAnswer { status, closes: header("connection") == Some("close") })
}

//! A service manager: it hands over a socket, hears when the service is ready and when it ends, and wants signs of life.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign::database::Engine;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::home::Home;
use crate::nobody::Nobody;
use crate::process::{PATIENCE, Process};

/// Hands the standard input over as the first socket, as `sd_listen_fds(3)` has it: the number of the process that it is
/// for is known only there.
const HAND_OVER: &str = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$";

fn home() -> Home {
    Home::new(Engine::Sqlite).after(HAND_OVER)
}

fn activated(home: &Home, listener: &TcpListener) -> Process {
    home.launch_with(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())))
}

#[test]
fn a_socket_that_is_handed_over_takes_the_place_of_binding() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = Nobody::new();
    let home = home().with("COUNTERSIGN_LISTEN", &elsewhere.address().to_string());

    let service = activated(&home, &listener).listening();

    assert_eq!(service.address, listener.local_addr().unwrap());
    assert!(live(service.address).starts_with("HTTP/1.1 200 "));
    assert!(TcpStream::connect(elsewhere.address()).is_err(), "nothing else is listened on");
}

#[test]
fn whoever_connects_while_the_service_starts_again_is_served() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let home = home();
    let service = activated(&home, &listener).listening();
    assert!(live(address).starts_with("HTTP/1.1 200 "));

    service.process.signal(Signal::TERM);
    let (status, said) = service.process.ended();
    let mut between = ask(address);
    let _next = activated(&home, &listener).listening();

    assert_eq!(status.code(), Some(0), "{said}");
    assert!(answer(&mut between).starts_with("HTTP/1.1 200 "), "it waited for the next process");
    assert!(live(address).starts_with("HTTP/1.1 200 "), "nothing was done to the socket");
}

#[test]
fn a_socket_is_held_to_the_same_rules_as_an_address_in_the_settings() {
    let public = TcpListener::bind("0.0.0.0:0").unwrap();
    let home = home().with("COUNTERSIGN_LISTEN", "127.0.0.1:0");

    let (status, said) = activated(&home, &public).ended();

    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("no loopback address") && said.contains("https://"), "{said}");
}

#[test]
fn what_is_no_tcp_listener_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (unix, _other_end) = UnixStream::pair().unwrap();

    for (socket, remedy) in [(OwnedFd::from(connection), "Accept=no"), (OwnedFd::from(unix), "ListenStream=")] {
        let home = home();
        let (status, said) = home.launch_with(Stdio::from(socket)).ended();

        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains(remedy) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn it_is_told_when_the_service_is_ready_and_when_it_ends() {
    let manager = Manager::new();
    let service = manager.home().start();

    assert_eq!(manager.hears(), "READY=1\n");
    assert!(live(service.address).starts_with("HTTP/1.1 200 "));
    service.process.signal(Signal::TERM);
    let told = Instant::now();
    assert_eq!(manager.hears(), "STOPPING=1\n");
    assert!(told.elapsed() < Duration::from_secs(1), "before readiness is withdrawn for a second");
    assert_eq!(service.process.ended().0.code(), Some(0));
}

#[test]
fn signs_of_life_come_as_often_as_they_are_asked_for_and_stop_when_the_service_hangs() {
    let manager = Manager::new();
    let service = manager.home().with("WATCHDOG_USEC", "400000").start();

    assert_eq!(heard(&manager, 6).iter().filter(|word| *word == "WATCHDOG=1\n").count(), 5);
    service.process.signal(Signal::STOP);
    // What it sent before it was stopped.
    while manager.hears_within(Duration::from_millis(50)).is_some() {}
    assert_eq!(manager.hears_within(Duration::from_secs(1)), None);
    service.process.signal(Signal::CONT);
    assert_eq!(manager.hears(), "WATCHDOG=1\n");
}

#[test]
fn signs_of_life_are_for_the_process_that_they_are_asked_of() {
    let manager = Manager::new();
    let service = manager.home().with("WATCHDOG_USEC", "100000").with("WATCHDOG_PID", "1").start();

    assert_eq!(manager.hears(), "READY=1\n");
    assert_eq!(manager.hears_within(Duration::from_millis(500)), None);
    drop(service);
}

/// The first words that are heard.
fn heard(manager: &Manager, count: usize) -> Vec<String> {
    (0..count).map(|_| manager.hears()).collect()
}

/// Whoever listens at `NOTIFY_SOCKET`.
struct Manager {
    ear: UnixDatagram,
    directory: TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let ear = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        Self { ear, directory }
    }

    fn home(&self) -> Home {
        Home::new(Engine::Sqlite).with("NOTIFY_SOCKET", self.directory.path().join("notify").to_str().unwrap())
    }

    #[track_caller]
    fn hears(&self) -> String {
        self.hears_within(PATIENCE).expect("a word")
    }

    fn hears_within(&self, time: Duration) -> Option<String> {
        self.ear.set_read_timeout(Some(time)).unwrap();
        let mut word = [0; 256];
        let length = self.ear.recv(&mut word).ok()?;
        Some(String::from_utf8(word[..length].to_vec()).unwrap())
    }
}

fn live(address: SocketAddr) -> String {
    answer(&mut ask(address))
}

fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

//! The commands that need no running server, and the one that asks for one.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::Machine;

#[test]
fn a_generated_secret_is_accepted_and_never_twice_the_same() {
    let first = Machine::new().types("generate secret").succeeded().trim().to_owned();
    let second = Machine::new().types("generate secret").succeeded().trim().to_owned();

    assert_ne!(first, second);
    assert_eq!(first.len(), 43, "32 bytes in base64url: {first}");
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", format!("{first},{second}"));
    assert_eq!(machine.setting("secret_key", "").0, "(hidden)");
}

#[test]
fn the_version_names_the_commit() {
    let version = Machine::new().types("--version").succeeded().to_owned();

    let (number, commit) = version.trim().split_once(' ').and_then(|(_, rest)| rest.split_once(' ')).unwrap();
    assert_eq!(number, env!("CARGO_PKG_VERSION"));
    assert!(commit.starts_with('(') && commit.ends_with(')') && commit.len() > 2, "{version}");
}

#[test]
fn every_command_explains_itself_with_an_example() {
    for command in [
        "",
        "config show",
        "config check",
        "generate secret",
        "print config",
        "health",
        "completions",
        "keys list",
        "keys rotate",
        "keys retire",
        "user create",
        "user list",
        "user show",
        "user disable",
        "user enable",
        "user set-password",
        "user set-roles",
        "user delete",
        "user sessions",
        "user logout",
        "audit list",
        "audit verify",
        "audit export",
    ] {
        let outcome = Machine::new().types(&format!("{command} --help"));

        assert!(outcome.succeeded().contains("Example"), "{command}: {}", outcome.answer);
    }
    assert!(Machine::new().types("--help").succeeded().contains("Exit codes:"));
}

#[test]
fn a_schema_can_be_made_before_the_first_start() {
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", "0123456789abcdef0123456789abcdef");

    let applied = machine.types("migrate").succeeded().to_owned();

    assert!(applied.starts_with("applied 0001_users\n"), "{applied}");
    assert_eq!(machine.types("migrate").succeeded(), "The schema is up to date.\n");
}

#[test]
fn shells_and_manual_readers_are_told_of_every_command() {
    for words in ["completions bash", "completions zsh", "completions fish", "man"] {
        let outcome = Machine::new().types(words);

        assert!(outcome.succeeded().contains("health"), "{words}");
    }
}

#[test]
fn health_tells_by_its_exit_code_whether_the_server_is_ready() {
    assert_eq!(asking_a_server_that_answers("200 OK"), Some(0));
    assert_eq!(asking_a_server_that_answers("503 Service Unavailable"), Some(1));
}

#[test]
fn health_is_no_where_nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let outcome = Machine::new().types(&format!("health --listen {free}"));

    assert_eq!(outcome.code, Some(1), "{}", outcome.complaint);
    assert!(
        outcome.complaint.contains(&format!("http://{free}/health/ready does not answer")),
        "{}",
        outcome.complaint
    );
}

#[test]
fn health_cannot_ask_a_port_that_is_not_known() {
    let outcome = Machine::new().types("health --listen 127.0.0.1:0");

    assert!(outcome.refused_in_one_line().contains("say which server to ask"), "{}", outcome.complaint);
}

/// Asks for the health of a peer that gives every request the same status; returns the exit code.
fn asking_a_server_that_answers(status: &'static str) -> Option<i32> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).unwrap();
        String::from_utf8_lossy(request.get(..length).unwrap()).into_owned()
    });

    let outcome = Machine::new().types(&format!("health --set listen={address}"));

    let request = peer.join().unwrap();
    assert!(request.starts_with("GET /health/ready HTTP/1.1\r\n"), "{request}");
    outcome.code
}

//! The commands that need no running server, and the one that asks for one.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::nobody::Nobody;
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
fn the_exit_codes_are_explained() {
    assert!(Machine::new().types("--help").succeeded().contains("Exit codes:\n  0  done\n  1  "));
}

#[test]
fn a_command_that_is_misspelt_is_guessed() {
    for (words, guess) in [("usr list", "'user'"), ("user lst", "'list'"), ("import --from djang -", "'django'")] {
        let outcome = Machine::new().types(words);

        assert_eq!((outcome.code, outcome.answer.as_str()), (Some(2), ""), "{words}");
        assert!(outcome.complaint.contains("tip: ") && outcome.complaint.contains(guess), "{}", outcome.complaint);
    }
}

#[test]
fn documents_are_printed_as_they_are_committed() {
    for (words, file) in [
        ("print openapi", "openapi.json"),
        ("print schema", "artifacts/auth/schema.md"),
        ("print problems", "docs/problems.md"),
        ("print config", "countersign.default.toml"),
        ("print config --markdown", "docs/configuration.md"),
    ] {
        let committed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();

        assert!(Machine::new().types(words).succeeded() == committed, "{words} is not {file}: run scripts/generate");
    }
}

#[test]
fn the_manual_has_a_chapter_for_every_command_and_leads_to_no_other_page() {
    let page = Machine::new().types("man").succeeded().to_owned();

    for chapter in
        [".SS countersign serve\n", ".SS countersign user set\\-password\n", ".SS countersign migrate status\n"]
    {
        assert!(page.contains(chapter), "{page}");
    }
    assert!(page.contains("\n  countersign user create \\-\\-email ada@example.com"), "{page}");
    assert!(!page.contains("countersign\\-serve(1)"), "{page}");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let machine = Machine::new();
    machine.types("keys rotate").succeeded();
    for words in ["man", "print openapi", "config show", "keys list", "audit list", "audit export", "export"] {
        let mut child = machine.starts(words);
        drop(child.stdout.take());

        assert_eq!(child.wait().unwrap().code(), Some(0), "{words}");
    }
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
    let nobody = Nobody::new();
    let there = nobody.address();

    let outcome = Machine::new().types(&format!("health --listen {there}"));

    assert_eq!(outcome.code, Some(1), "{}", outcome.complaint);
    assert!(
        outcome.complaint.contains(&format!("http://{there}/health/ready does not answer")),
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

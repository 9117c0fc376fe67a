//! What keeps the service from starting is told in one line, ends it with exit code 2, and changes nothing.

use std::fs;
use std::net::TcpListener;

use countersign::database::Engine;
use rstest::rstest;
use rusqlite::Connection;
use rustix::process::Signal;

use crate::home::Home;

/// Runs a service that cannot start; answers the line that says why.
#[track_caller]
fn refused(home: &Home) -> String {
    let (status, said) = home.launch().ended();

    assert_eq!(status.code(), Some(2), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "{said}");
    let line = lines[0].strip_prefix("countersign: ").unwrap();
    let last = line.rsplit(": ").next().unwrap();
    assert_eq!(line.matches(last).count(), 1, "nothing is said twice: {line}");
    line.to_owned()
}

#[test]
fn a_port_in_use_is_named_with_the_way_round() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let line = refused(&Home::new(Engine::Sqlite).with("COUNTERSIGN_LISTEN", &address));

    assert!(line.contains(&address) && line.contains("COUNTERSIGN_LISTEN"), "{line}");
}

#[test]
fn a_port_for_metrics_in_use_is_named_with_the_way_round() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let line = refused(&Home::new(Engine::Sqlite).with("COUNTERSIGN_METRICS__LISTEN", &address));

    assert!(line.contains(&address) && line.contains("COUNTERSIGN_METRICS__LISTEN"), "{line}");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let line = refused(&Home::new(Engine::Sqlite).with("COUNTERSIGN_DATA_DIR", "/dev/null/countersign"));

    assert!(line.contains("/dev/null/countersign"), "{line}");
}

#[test]
fn a_directory_that_may_only_be_read_is_named() {
    let home = Home::new(Engine::Sqlite).read_only();

    let line = refused(&home);

    assert!(line.contains(home.file().to_str().unwrap()) && line.contains("Let this user write"), "{line}");
    assert!(!home.file().exists());
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_refused() {
    let home = Home::new(Engine::Sqlite);
    home.people(1).await;
    let before = fs::read(home.file()).unwrap();

    let home = home.read_only();
    let line = refused(&home);

    assert!(line.contains("only be read"), "{line}");
    assert_eq!(fs::read(home.file()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let home = Home::new(Engine::Sqlite);
    let letter = "Dear Ada, this is not a database. ".repeat(100);
    fs::write(home.file(), &letter).unwrap();

    let line = refused(&home);

    assert!(line.contains("not a database") && line.contains("Restore a backup"), "{line}");
    assert_eq!(fs::read_to_string(home.file()).unwrap(), letter);
}

#[rstest]
#[tokio::test]
async fn a_wrong_root_secret_changes_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let home = Home::new(engine);
    home.people(1).await;
    let before = (engine == Engine::Sqlite).then(|| fs::read(home.file()).unwrap());

    let home = home.with("COUNTERSIGN_SECRET_KEY", "another root secret than the one that was given");
    let line = refused(&home);

    assert!(line.contains("COUNTERSIGN_SECRET_KEY") && line.contains("new,old"), "{line}");
    if let Some(before) = before {
        assert_eq!(fs::read(home.file()).unwrap(), before);
    }
}

#[tokio::test]
async fn a_schema_from_a_newer_release_is_refused() {
    let home = Home::new(Engine::Sqlite);
    home.people(1).await;
    let newer = "insert into schema_migrations (version, name, checksum, applied_at) values (9999, 'later', '', 0)";
    Connection::open(home.file()).unwrap().execute_batch(newer).unwrap();

    let line = refused(&home);

    assert!(line.contains("9999") && line.contains("newer release"), "{line}");
}

#[test]
fn a_server_that_nobody_finds_is_given_up_after_the_time_that_is_set() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("postgres://ada:s3cret@{}/countersign", silent.local_addr().unwrap());

    for url in ["postgres://ada:s3cret@127.0.0.1:1/countersign", silent.as_str()] {
        let home = Home::new(Engine::Sqlite)
            .with("DATABASE_URL", url)
            .with("COUNTERSIGN_DATABASE__CONNECT_TIMEOUT_SECONDS", "1");

        let line = refused(&home);

        assert!(line.contains("cannot be opened") && line.ends_with("or name another one with DATABASE_URL"), "{line}");
        assert!(!line.contains("s3cret"), "{line}");
    }
}

#[test]
fn a_database_that_does_not_exist_is_told_without_waiting_for_it() {
    let home = Home::new(Engine::Postgres);
    let url = format!("{}_not", home.url());

    let line = refused(&home.with("DATABASE_URL", &url));

    assert!(line.contains("_not"), "{line}");
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let home = Home::with_own_server();
    home.server().stop();

    let process = home.launch();
    process.says("waiting for the database");
    home.server().restart();
    let service = process.listening();

    assert_eq!(service.visitor().get("/health/ready").await.status, 200);
}

#[test]
fn a_service_that_waits_for_its_database_can_be_told_to_end() {
    let home = Home::new(Engine::Sqlite).with("DATABASE_URL", "postgres://ada@127.0.0.1:1/countersign");

    let process = home.launch();
    process.says("waiting for the database");
    process.signal(Signal::TERM);
    let (status, said) = process.ended();

    assert_eq!(status.code(), Some(0), "{said}");
}

//! `countersign doctor`: on a healthy set-up, and on broken ones.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::nobody::Nobody;
use crate::support::Machine;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A machine on which a server could have run: keys are made, and its files are its own.
fn healthy() -> Machine {
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", SECRET);
    machine.types("keys rotate").succeeded();
    machine
}

/// What it finds, and whether it ends well.
fn findings(machine: &Machine, words: &str) -> (Vec<Value>, Option<i32>) {
    // One thread is measured sooner, and says as much.
    let outcome = machine.types(&format!("doctor --json --set passwords.hashing_threads=1 {words}"));
    assert_eq!(outcome.complaint, "");
    (serde_json::from_str(&outcome.answer).unwrap(), outcome.code)
}

/// The one finding that is bad, and what it advises.
#[track_caller]
fn only_bad(machine: &Machine, words: &str) -> (String, String) {
    let (findings, code) = findings(machine, words);
    let bad: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "bad").collect();
    assert_eq!((bad.len(), code), (1, Some(1)), "{findings:#?}");
    let word = |key: &str| bad[0][key].as_str().unwrap().to_owned();
    (format!("{}: {}", word("check"), word("says")), word("advice"))
}

#[track_caller]
fn assert_bad(machine: &Machine, words: &str, (says, advice): (&str, &str)) {
    let found = only_bad(machine, words);
    assert!(found.0.contains(says) && found.1.contains(advice), "{found:#?}");
}

#[test]
fn a_healthy_set_up_is_called_so_and_told_how_many_logins_to_expect() {
    let (findings, code) = findings(&healthy(), "");

    assert_eq!(code, Some(0), "{findings:#?}");
    let says = |check: &str| {
        let found = findings.iter().filter(|finding| finding["check"] == check);
        found.map(|finding| finding["says"].as_str().unwrap()).collect::<Vec<_>>().join("; ")
    };
    assert!(says("hashing").starts_with("about ") && says("hashing").contains(" logins a second ("), "{findings:#?}");
    assert!(says("settings").contains("in order"), "{findings:#?}");
    assert!(says("database").contains("sqlite answers in ") && !says("database").contains("0.0"), "{findings:#?}");
    assert!(says("database").contains("schema is up to date"));
    assert_eq!(says("root secret"), "it opens what is sealed in the database");
    assert!(says("disk").contains("MiB free"), "{findings:#?}");
    assert!(findings.iter().all(|finding| finding["verdict"] != "good" || finding.get("advice").is_none()));
    assert!(findings.iter().all(|finding| finding["verdict"] == "good" || finding["advice"].is_string()));
}

#[test]
fn it_makes_nothing_where_no_server_has_run() {
    let machine = Machine::new();

    let outcome = machine.types("doctor --set passwords.hashing_threads=1");

    assert_eq!(outcome.code, Some(0), "{}", outcome.answer);
    assert!(outcome.answer.contains("there is no database at "), "{}", outcome.answer);
    assert!(outcome.answer.ends_with("\nNothing is bad.\n"), "{}", outcome.answer);
    assert_eq!(fs::read_dir(machine.path(".")).unwrap().count(), 0);
}

#[test]
fn settings_that_no_server_would_start_with() {
    let machine = Machine::new().with("COUNTERSIGN_LISTEN", "0.0.0.0:8000");
    assert_bad(&machine, "", ("settings: 0.0.0.0:8000 is no loopback address", "correct it"));
}

#[test]
fn files_that_others_can_read() {
    let machine = healthy();
    let database = machine.path("countersign-data/countersign.db");
    fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    assert_bad(&machine, "", ("countersign.db (mode 0644)", "chmod 0600 "));
}

#[test]
fn a_root_secret_that_others_can_read() {
    // One that the server made, and refuses to start with.
    let made = Machine::new();
    made.types("user create --email ada@example.com --username ada").refused_in_one_line();
    let secret = made.path("countersign-data/secret_key");
    fs::set_permissions(&secret, Permissions::from_mode(0o640)).unwrap();
    assert_bad(&made, "", ("secret_key (mode 0640)", "chmod 0600 ./countersign-data/secret_key"));

    // One that was handed out to it, which it takes.
    let given = healthy();
    let file = given.path("secret");
    fs::write(&file, SECRET).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let given = given.with("COUNTERSIGN_SECRET_KEY", "").with("COUNTERSIGN_SECRET_KEY_FILE", file.to_str().unwrap());
    let (findings, code) = findings(&given, "");
    let notice = findings.iter().find(|finding| finding["advice"] == format!("chmod 0600 {}", file.display()));
    assert_eq!((&notice.unwrap()["check"], code), (&"root secret".into(), Some(0)), "{findings:#?}");
    assert_eq!(notice.unwrap()["verdict"], "notice");
}

#[test]
fn another_root_secret_than_the_databases() {
    let machine = healthy().with("COUNTERSIGN_SECRET_KEY", "another secret that is long enough");
    let says = "root secret: the root secret does not open this database";
    assert_bad(&machine, "", (says, "give the one that the database was made with"));
}

#[test]
fn a_database_of_a_newer_release() {
    let machine = healthy();
    let connection = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    connection.execute_batch("insert into schema_migrations values (9999, 'later', 'x', 0)").unwrap();
    drop(connection);
    assert_bad(&machine, "", ("database: the database has schema 9999", "start the release that wrote it"));
}

#[test]
fn a_database_server_that_is_not_there() {
    let nobody = Nobody::new();
    let machine = Machine::new().with("DATABASE_URL", format!("postgres://ada:s3cret@{}/main", nobody.address()));
    let (says, advice) = only_bad(&machine, "");
    assert!(says.starts_with("database: postgres://127.0.0.1:") && says.contains("cannot be used"), "{says}");
    assert!(advice.contains("DATABASE_URL") && !says.contains("s3cret"), "{advice}");
}

#[test]
fn a_database_server_elsewhere_that_is_spoken_with_in_the_clear() {
    // No loopback address, and yet nothing leaves this machine: Linux takes it for itself.
    let nobody = Nobody::new();
    let url = format!("postgres://ada:s3cret@0.0.0.0:{}/main", nobody.address().port());
    let is_told = |url: &str| {
        let (findings, _) = findings(&Machine::new().with("DATABASE_URL", url), "");
        let told = findings.into_iter().find(|finding| finding["says"].as_str().unwrap().contains("in the clear"));
        told.inspect(|told| {
            assert_eq!((&told["check"], &told["verdict"]), (&"database".into(), &"notice".into()));
            let advice = told["advice"].as_str().unwrap();
            assert!(advice.contains("?sslmode=verify-full") && advice.contains("&sslrootcert=/"), "{told}");
            assert!(!told.to_string().contains("s3cret"), "{told}");
        })
        .is_some()
    };

    assert!(is_told(&url));
    assert!(!is_told(&format!("{url}?sslmode=disable")));

    let machine = Machine::new().with("DATABASE_URL", url).with("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    let warnings = |machine: &Machine| {
        let served = machine.types("serve --set database.connect_timeout_seconds=1 --set logs.format=json");
        assert_eq!(served.code, Some(2), "{}", served.complaint);
        let lines = served.answer.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_this = |line: &Value| line["level"] == "WARN" && line.to_string().contains("in the clear");
        lines.filter(of_this).collect::<Vec<_>>()
    };
    let told = warnings(&machine);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0]["database"].as_str().unwrap().starts_with("postgres://0.0.0.0/"), "{told:#?}");
}

#[test]
fn a_mail_server_that_is_not_there() {
    let nobody = Nobody::new();
    let machine = healthy().with("COUNTERSIGN_MAIL__SMTP_URL", format!("smtp://{}", nobody.address()));
    assert_bad(&machine, "", ("Connection refused", "correct COUNTERSIGN_MAIL__SMTP_URL"));
}

#[test]
fn a_certificate_that_goes_with_another_key() {
    let machine = healthy().with("COUNTERSIGN_HTTP__TLS_CERT", "one.crt").with("COUNTERSIGN_HTTP__TLS_KEY", "two.key");
    for name in ["one", "two"] {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90"])
            .args(["-subj", "/CN=auth.example.com", "-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")])
            .current_dir(machine.path("."))
            .output()
            .unwrap();
        assert!(made.status.success());
        fs::set_permissions(machine.path(&format!("{name}.key")), Permissions::from_mode(0o600)).unwrap();
    }
    assert_bad(&machine, "", ("tls: ", "COUNTERSIGN_HTTP__TLS_CERT"));

    let machine = machine.with("COUNTERSIGN_HTTP__TLS_KEY", "one.key");
    let (findings, code) = findings(&machine, "");
    assert_eq!(code, Some(0), "{findings:#?}");
    assert!(findings.iter().any(|finding| finding["says"].as_str().unwrap().contains("(89 days)")), "{findings:#?}");
}

#[test]
fn a_public_address_that_leads_nowhere_or_to_somebody_else() {
    let nobody = Nobody::new();
    let url = format!("--url http://{}", nobody.address());
    assert_bad(&healthy(), &url, ("public: error sending request", "see that name, port, certificate and proxy"));

    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("--url http://{}", stranger.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut visitor, _) = stranger.accept().unwrap();
        let _head = visitor.read(&mut [0; 4096]).unwrap();
        visitor.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
    });
    assert_bad(&healthy(), &url, ("answers 200 OK and not as the server does", "let the proxy pass everything"));

    let outcome = healthy().types("doctor --url nonsense");
    assert_eq!(outcome.refused_in_one_line(), "--url must be an address such as https://auth.example.com");
}

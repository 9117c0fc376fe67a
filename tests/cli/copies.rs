//! `countersign backup`, `restore` and `move`: what was there is there again, and nothing is taken for a copy that is
//! none.

use std::fs;

use crate::postgres::TestDatabase;
use crate::support::Machine;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "correct horse battery staple";

fn machine() -> Machine {
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", SECRET);
    create(&machine, "ada");
    machine
}

fn create(machine: &Machine, name: &str) {
    let words = format!("user create --email {name}@example.com --username {name} --password-stdin");
    machine.types_and_pipes(&words, PASSWORD).succeeded();
}

fn names(machine: &Machine) -> Vec<String> {
    let users = machine.types("user list --json");
    let users: Vec<serde_json::Value> = serde_json::from_str(users.succeeded()).unwrap();
    users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_beside_a_server_is_restored_once_the_server_has_ended() {
    let machine = machine();
    let server = machine.serves();
    assert_eq!(server.log_in("ada@example.com", PASSWORD).0, 200);

    let made = machine.types("backup copy.db");
    assert!(made.answer.starts_with("copy.db: ") && made.answer.ends_with(" bytes, examined and in order\n"));
    create(&machine, "bob");
    let again = machine.types("backup copy.db");
    assert_eq!(again.refused_in_one_line(), "copy.db is there already; choose another name");
    let refusal = machine.types("restore copy.db").refused_in_one_line().to_owned();
    assert!(refusal.starts_with("copy.db is not restored: /") && refusal.contains("is in use: stop the server first"));
    drop(server);
    let restored = machine.types("restore copy.db").succeeded().to_owned();

    assert!(restored.contains("countersign.db restored; what was there is /"), "{restored}");
    assert_eq!(names(&machine), ["ada"]);
    let events = machine.types("audit list --json");
    let events: Vec<serde_json::Value> = serde_json::from_str(events.succeeded()).unwrap();
    assert_eq!((&events[0]["kind"], &events[0]["actor"]["kind"]), (&"restored".into(), &"cli".into()), "{events:#?}");
    machine.types("audit verify").succeeded();
    assert_eq!(machine.serves().log_in("ada@example.com", PASSWORD).0, 200);
    let sessions = machine.types("user sessions ada --json");
    let sessions: Vec<serde_json::Value> = serde_json::from_str(sessions.succeeded()).unwrap();
    assert_eq!(sessions.len(), 2, "the one from before the backup goes on");
}

#[test]
fn a_restore_that_cannot_be_written_down_is_told_and_stands() {
    let machine = machine();
    machine.types("backup copy.db").succeeded();
    create(&machine, "bob");
    let stranger = machine.with("COUNTERSIGN_SECRET_KEY", "another secret that is long enough");

    let restored = stranger.types("restore copy.db");

    assert_eq!(restored.code, Some(0), "{}", restored.complaint);
    let told = "countersign: the restore is not in the audit log: the root secret does not open this database";
    assert!(restored.complaint.starts_with(told), "{}", restored.complaint);
    assert_eq!(names(&stranger.with("COUNTERSIGN_SECRET_KEY", SECRET)), ["ada"]);
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let machine = machine().with_file("notes.txt", "nothing of ours");
    machine.types("backup copy.db").succeeded();
    let copy = fs::read(machine.path("copy.db")).unwrap();
    fs::write(machine.path("half.db"), copy.get(..copy.len() / 2).unwrap()).unwrap();

    for (file, reason) in
        [("notes.txt", "file is not a database"), ("half.db", "malformed"), ("missing.db", "No such file")]
    {
        let outcome = machine.types(&format!("restore {file}"));
        let refusal = outcome.refused_in_one_line();
        assert!(refusal.starts_with(&format!("{file} is not restored: ")) && refusal.contains(reason), "{refusal}");
    }
    assert_eq!(names(&machine), ["ada"]);
}

#[test]
fn a_directory_that_a_backup_should_go_to_and_that_is_missing_is_named() {
    let refused = machine().types("backup elsewhere/daily/copy.db");

    let expected = "there is no directory elsewhere/daily; make it, or name another";
    assert_eq!(refused.refused_in_one_line(), expected);
}

#[test]
fn what_a_broken_off_copy_left_behind_is_named() {
    let machine = machine().with_file("copy.db.incomplete", "");

    let outcome = machine.types("backup copy.db");

    let expected = "copy.db.incomplete is left of a copy that was broken off: remove it, unless that copy is still \
                    being made";
    assert_eq!(outcome.refused_in_one_line(), expected);
}

#[test]
fn a_move_to_postgres_waits_for_the_server_to_end_and_takes_sessions_along() {
    let machine = machine();
    let target = TestDatabase::new();
    let words = format!("move --to {}", target.url());
    let server = machine.serves();
    assert_eq!(server.log_in("ada@example.com", PASSWORD).0, 200);

    let refused = machine.types(&words);
    assert!(refused.refused_in_one_line().contains("in use: stop the server first"), "{}", refused.complaint);
    drop(server);
    let moved = machine.types(&words).succeeded().to_owned();

    let rows = |table: &str| {
        let line = moved.lines().find(|line| line.starts_with(&format!("{table} "))).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!((rows("users"), rows("sessions")), ("1".to_owned(), "1".to_owned()), "{moved}");
    assert!(moved.ends_with("read back and the same. Start the server with it.\n"), "{moved}");
    let again = machine.types(&words);
    assert!(again.refused_in_one_line().starts_with("the PostgreSQL database is not empty"), "{}", again.complaint);
    let machine = machine.with("DATABASE_URL", target.url());
    assert_eq!(machine.types("user sessions ada").succeeded().lines().count(), 2);
    assert_eq!(machine.serves().log_in("ada@example.com", PASSWORD).0, 200);
    machine.types("audit verify").succeeded();
}

//! `countersign user` and `countersign audit`, typed on a machine without a server.

use crate::support::{Machine, Outcome};

const PASSWORD: &str = "correct horse battery staple\n";

fn machine() -> Machine {
    Machine::new().with("COUNTERSIGN_SECRET_KEY", "0123456789abcdef0123456789abcdef")
}

/// A machine with two users: ada, who may administer, and bob.
fn with_users() -> Machine {
    let machine = machine();
    create(&machine, "ada", "--role admin").succeeded();
    create(&machine, "bob", "").succeeded();
    machine
}

fn create(machine: &Machine, name: &str, more: &str) -> Outcome {
    let words = format!("user create --email {name}@example.com --username {name} --password-stdin {more}");
    machine.types_and_pipes(&words, PASSWORD)
}

fn json(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(outcome.succeeded()).unwrap()
}

/// The kinds of the events that were written down, the oldest first.
fn events(machine: &Machine) -> Vec<String> {
    let events = json(&machine.types("audit list --json"));
    events.as_array().unwrap().iter().rev().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_first_administrator_is_made_by_an_operator() {
    let machine = machine();

    let made = create(&machine, "ada", "--role admin --role support --json");

    let mut user = json(&made);
    assert_eq!(user["created_at"].take(), user["updated_at"].take());
    assert_eq!(
        user,
        serde_json::json!({
            "id": 1, "email": "ada@example.com", "username": "ada", "is_active": true, "email_verified": true,
            "roles": ["admin", "support"], "created_at": null, "updated_at": null
        })
    );
    assert_eq!(json(&machine.types("user show ada --json"))["id"], 1);
    assert_eq!(events(&machine), ["user_created"]);
}

#[test]
fn whom_the_rules_refuse_is_not_made() {
    let machine = with_users();
    for (words, password, reason) in [
        ("--email ada@example.com --username eve", PASSWORD, "the address is taken"),
        ("--email eve@example.com --username ADA", PASSWORD, "the username is taken"),
        ("--email eve@example.com --username eve", "short\n", "a password has at least 8 characters"),
        ("--email eve@example.com --username eve", "", "a password has at least 8 characters"),
        (
            "--email eve@example.com --username evelyn",
            "my name is evelyn\n",
            "a password may not contain your username",
        ),
    ] {
        let refused = machine.types_and_pipes(&format!("user create --password-stdin {words}"), password);
        assert_eq!(refused.refused_by_answer(), reason, "{words}");
    }
    for words in
        ["--email eve --username eve", "--email e@example.com --username e", "--email e@e.com --username eve --role A"]
    {
        machine.types_and_pipes(&format!("user create --password-stdin {words}"), PASSWORD).refused_in_one_line();
    }
    assert_eq!(json(&machine.types("user list --json")).as_array().unwrap().len(), 2);
}

#[test]
fn who_cannot_be_made_is_told_before_a_password_is_asked_for() {
    let machine = with_users();
    for (words, reason) in [
        ("--email ada@example.com --username eve", "the address is taken"),
        ("--email eve@example.com --username ADA", "the username is taken"),
    ] {
        // There is no terminal to ask at, so that asking would be the refusal.
        let refused = machine.types(&format!("user create {words}"));
        assert_eq!(refused.refused_by_answer(), reason, "{words}");
    }
}

#[test]
fn without_a_terminal_a_password_has_to_be_piped() {
    let outcome = machine().types("user create --email ada@example.com --username ada");

    assert!(outcome.refused_in_one_line().starts_with("there is no terminal to type a password at"));
}

#[test]
fn users_are_listed_and_found_by_address_name_and_number() {
    let machine = with_users();
    create(&machine, "7up", "").succeeded();
    create(&machine, "111", "").succeeded();

    let table = machine.types("user list").succeeded().to_owned();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "EMAIL", "USERNAME", "ACTIVE", "VERIFIED", "ROLES", "CREATED"]);
    assert_eq!(lines[1][..6], ["1", "ada@example.com", "ada", "yes", "yes", "admin"]);
    assert_eq!(lines.len(), 5, "{table}");
    assert_eq!(json(&machine.types("user list bo --json"))[0]["username"], "bob");
    assert_eq!(machine.types("user list zz").succeeded(), "no users\n");
    assert!(machine.types("user list --limit 1").succeeded().ends_with("give a higher --limit\n"));

    for who in ["bob@example.com", "BOB", "2"] {
        assert_eq!(json(&machine.types(&format!("user show {who} --json")))["username"], "bob");
    }
    for who in ["eve", "eve@example.com", "99", "0", "%"] {
        let reason = machine.types(&format!("user show {who}")).refused_by_answer().to_owned();
        assert_eq!(reason, format!("there is no user {who}"));
    }
}

#[test]
fn a_list_has_room_for_one_at_least() {
    let machine = with_users();
    for words in ["user list --limit 0", "audit list --limit 0"] {
        let outcome = machine.types(words);
        assert!(outcome.code == Some(2) && outcome.complaint.contains("--limit"), "{words}: {}", outcome.complaint);
    }
}

#[test]
fn a_number_that_is_also_a_name_is_not_guessed() {
    let machine = with_users();
    create(&machine, "111", "").succeeded();
    assert_eq!(json(&machine.types("user show 111 --json"))["id"], 3);
    let database = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    database.execute("update sqlite_sequence set seq = 110 where name = 'users'", []).unwrap();
    drop(database);
    create(&machine, "eve", "").succeeded();

    let refused = machine.types("user delete 111 --yes");

    assert_eq!(refused.refused_by_answer(), "111 is one user's name and another's number; give an address");
    assert_eq!(json(&machine.types("user list --json")).as_array().unwrap().len(), 4);
}

#[test]
fn a_user_is_disabled_and_enabled() {
    let machine = with_users();

    let disabled = machine.types("user disable bob").succeeded().to_owned();
    assert_eq!(disabled, "bob <bob@example.com> is disabled and signed out everywhere\n");
    assert_eq!(json(&machine.types("user show bob --json"))["is_active"], false);
    machine.types("user enable bob").succeeded();

    assert_eq!(json(&machine.types("user show bob --json"))["is_active"], true);
    assert_eq!(events(&machine)[2..], ["disabled", "enabled"]);
    machine.types("user disable eve").refused_by_answer();
}

#[test]
fn roles_are_set_and_the_last_administrator_stays() {
    let machine = with_users();

    let last = "this is the last administrator who can sign in: make another one first";
    for words in ["user set-roles ada support", "user set-roles ada", "user disable ada", "user delete ada --yes"] {
        assert_eq!(machine.types(words).refused_by_answer(), last, "{words}");
    }
    machine.types("user set-roles bob support admin").succeeded();
    assert_eq!(machine.types("user set-roles ada").succeeded(), "ada <ada@example.com> has no roles\n");

    assert_eq!(json(&machine.types("user show bob --json"))["roles"], serde_json::json!(["admin", "support"]));
    assert!(machine.types("user set-roles bob Admin").refused_in_one_line().starts_with("a role is named"));
}

#[test]
fn a_password_is_set() {
    let machine = with_users();
    let set = |password: &str| machine.types_and_pipes("user set-password bob --password-stdin", password);

    assert_eq!(set("bob").refused_by_answer(), "a password has at least 8 characters");
    let done = set("an entirely different sentence\r\n");

    assert_eq!(done.succeeded(), "bob <bob@example.com> has another password; sessions ended: 0\n");
    assert_eq!(events(&machine)[2..], ["password_set"]);
    machine.types_and_pipes("user set-password eve --password-stdin", PASSWORD).refused_by_answer();
}

#[test]
fn an_address_is_set_beside_a_server_and_what_was_mailed_to_the_old_one_is_worth_nothing() {
    let machine = with_users();
    let server = machine.serves();
    assert_eq!(server.log_in("bob@example.com", PASSWORD.trim_end()).0, 200);
    let database = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    assert_eq!(server.asks_for_a_reset("bob@example.com"), 202);
    let codes = || -> i64 { database.query_row("select count(*) from one_time_codes", [], |row| row.get(0)).unwrap() };
    // The letter is written after the answer.
    while codes() == 0 {
        std::thread::yield_now();
    }
    // The link with which an old address takes the account back.
    let undo = "insert into one_time_codes select user_id, 'undo_email_change', sent_to, randomblob(32), null, created_at, \
                expires_at from one_time_codes";
    database.execute(undo, []).unwrap();

    let set = machine.types("user set-email bob Bob@Example.org");

    assert_eq!(set.succeeded(), "bob <bob@example.org> signs in with that address\n");
    assert_eq!(codes(), 0);
    assert_eq!(server.log_in("Bob@example.org", PASSWORD.trim_end()).0, 200);
    assert_eq!(server.log_in("bob@example.com", PASSWORD.trim_end()).0, 401);
    assert_eq!(json(&machine.types("user sessions bob --json")).as_array().unwrap().len(), 2, "sessions go on");
    let events = json(&machine.types("audit list --kind email_changed --json"));
    assert_eq!((&events[0]["actor"]["kind"], &events[0]["user_id"]), (&"cli".into(), &2.into()), "{events}");
}

#[test]
fn an_address_that_cannot_be_set() {
    let machine = with_users();
    machine.types("user set-email bob bob@example.com").succeeded();
    assert_eq!(events(&machine).len(), 2, "it was theirs already");

    assert_eq!(machine.types("user set-email bob ada@example.com").refused_by_answer(), "the address is taken");
    machine.types("user set-email bob nonsense").refused_in_one_line();
    machine.types("user set-email eve eve@example.com").refused_by_answer();
    machine.types("user disable bob").succeeded();
    let refused = machine.types("user set-email bob bob@example.org");

    assert_eq!(refused.refused_by_answer(), "the user is disabled: enable them first");
    assert_eq!(json(&machine.types("user show bob --json"))["email"], "bob@example.com");
}

#[test]
fn a_password_that_is_set_beside_a_server_counts_at_once() {
    let machine = with_users();
    let server = machine.serves();
    assert_eq!(server.log_in("bob@example.com", PASSWORD.trim_end()).0, 200);

    let set = machine.types_and_pipes("user set-password bob --password-stdin", "an entirely different sentence");

    assert_eq!(set.succeeded(), "bob <bob@example.com> has another password; sessions ended: 1\n");
    assert_eq!(server.log_in("bob@example.com", "an entirely different sentence").0, 200);
    assert_eq!(server.log_in("bob@example.com", PASSWORD.trim_end()).0, 401);
}

#[test]
fn open_sessions_are_listed_and_ended() {
    let machine = with_users();
    let server = machine.serves();
    for _ in 0..2 {
        assert_eq!(server.log_in("bob@example.com", PASSWORD.trim_end()).0, 200);
    }

    let table = machine.types("user sessions bob").succeeded().to_owned();
    assert!(table.starts_with("SESSION") && table.lines().count() == 3 && table.contains("127.0.0.1"), "{table}");
    assert_eq!(json(&machine.types("user sessions bob --json")).as_array().unwrap().len(), 2);
    let ended = machine.types("user logout bob").succeeded().to_owned();

    assert_eq!(ended, "bob <bob@example.com> is signed out; sessions ended: 2\n");
    assert_eq!(machine.types("user sessions bob").succeeded(), "no open sessions\n");
}

#[test]
fn a_user_is_deleted_by_whoever_means_it() {
    let machine = with_users();

    let asked = machine.types("user delete bob").refused_in_one_line().to_owned();
    assert_eq!(asked, "there is nobody to ask whether that is meant; say --yes");
    machine.types("user show bob").succeeded();
    assert_eq!(machine.types("user delete bob --yes").succeeded(), "bob <bob@example.com> is deleted\n");

    machine.types("user show bob").refused_by_answer();
    machine.types("user delete bob --yes").refused_by_answer();
    assert_eq!(events(&machine)[2..], ["deleted"]);
}

#[test]
fn a_user_without_sessions_has_none_to_end() {
    let machine = with_users();

    assert_eq!(machine.types("user sessions bob").succeeded(), "no open sessions\n");
    assert_eq!(json(&machine.types("user sessions bob --json")), serde_json::json!([]));
    assert_eq!(
        machine.types("user logout bob").succeeded(),
        "bob <bob@example.com> is signed out; sessions ended: 0\n"
    );
    machine.types("user sessions eve").refused_by_answer();
    machine.types("user logout eve").refused_by_answer();
}

#[test]
fn the_audit_log_is_listed_verified_and_exported() {
    let machine = with_users();
    machine.types("user disable bob").succeeded();

    let table = machine.types("audit list --kind disabled").succeeded().to_owned();
    assert!(table.starts_with("AT") && table.lines().count() == 2 && table.contains("cli"), "{table}");
    assert_eq!(json(&machine.types("audit list --user 2 --limit 1 --json"))[0]["kind"], "disabled");
    assert_eq!(json(&machine.types("audit list --user bob --limit 1 --json"))[0]["kind"], "disabled");
    assert_eq!(machine.types("audit list --user eve").refused_by_answer(), "there is no user eve");
    let cut = machine.types("audit list --limit 1").succeeded().to_owned();
    assert!(cut.lines().count() == 3 && cut.ends_with("give a higher --limit\n"), "{cut}");
    assert_eq!(machine.types("audit list --since 2100-01-01T00:00:00Z").succeeded(), "no events\n");
    assert_eq!(json(&machine.types("audit list --since 2100-01-01T00:00:00Z --json")), serde_json::json!([]));
    assert_eq!(json(&machine.types("audit list --until 2000-01-01T00:00:00Z --json")), serde_json::json!([]));
    let refused = machine.types("audit list --kind nonsense");
    assert!(refused.code == Some(2) && refused.complaint.contains("roles_changed"), "{}", refused.complaint);

    // What waits for its place is chained before it is judged.
    let verified = json(&machine.types("audit verify --json"));
    assert_eq!((&verified["verified"], &verified["faults"]), (&3.into(), &serde_json::json!([])));
    let head = verified["head"].as_str().unwrap();
    machine.types(&format!("audit verify --head {head}")).succeeded();
    let other = format!("3:{}", "0".repeat(64));
    let outcome = machine.types(&format!("audit verify --head {other}"));
    assert_eq!(outcome.code, Some(1), "{}", outcome.answer);
    assert!(outcome.answer.starts_with("place 3 is not what it was when the head was kept"), "{}", outcome.answer);

    let cut_off = machine.types(&format!("audit verify --head {}", other.split_at(40).0));
    assert!(cut_off.code == Some(2) && cut_off.complaint.contains("a head is a place"), "{}", cut_off.complaint);

    let lines: Vec<serde_json::Value> =
        machine.types("audit export").succeeded().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["user_created", "user_created", "disabled"]);
    assert_eq!(format!("3:{}", lines[2]["link"].as_str().unwrap()), head);
    assert_eq!(machine.types("audit export --after 2").succeeded().lines().count(), 1);
}

#[test]
fn a_date_is_its_midnight_in_utc() {
    let machine = with_users();
    let database = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    // 2026-11-22T00:00:00Z and the last instant before it.
    database.execute("update audit_events set occurred_at = 1795305600000 - (2 - user_id)", []).unwrap();
    drop(database);
    let about = |words: &str| {
        let events = json(&machine.types(&format!("audit list --json {words}")));
        events.as_array().unwrap().iter().map(|event| event["user_id"].as_i64().unwrap()).collect::<Vec<_>>()
    };

    assert_eq!(about("--since 2026-11-22"), [2]);
    assert_eq!(about("--until 2026-11-22"), [1]);
    assert_eq!(about("--since 2026-11-21 --until 2026-11-22T00:00:00.001Z"), [2, 1]);
    for text in ["2026-11", "2026-02-30", "yesterday", "2026-11-22T12"] {
        let refused = machine.types(&format!("audit list --since {text}"));
        let is_told = refused.complaint.contains("or 2026-11-22 for midnight in UTC");
        assert!(refused.code == Some(2) && is_told, "{text}: {}", refused.complaint);
    }
}

#[test]
fn an_altered_audit_log_is_found() {
    let machine = with_users();
    machine.types("audit verify").succeeded();
    let database = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    database.execute("update audit_events set user_id = 1 where place = 2", []).unwrap();
    drop(database);

    let outcome = machine.types("audit verify");

    assert_eq!(outcome.code, Some(1), "{}", outcome.answer);
    assert!(outcome.answer.starts_with("event 2 was altered, or written by somebody else\n"), "{}", outcome.answer);
}

#[test]
fn a_gap_in_the_audit_log_is_found() {
    let machine = with_users();
    create(&machine, "eve", "");
    machine.types("audit verify").succeeded();
    let database = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    database.execute("delete from audit_events where place = 2", []).unwrap();
    drop(database);

    let outcome = machine.types("audit verify");

    assert_eq!(outcome.code, Some(1), "{}", outcome.answer);
    assert!(outcome.answer.starts_with("the event at place 2 was removed\n"), "{}", outcome.answer);
}

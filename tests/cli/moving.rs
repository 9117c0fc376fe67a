//! `countersign import` and `countersign export`: users in, users out, nobody twice.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Machine;

const HASH: &str = "$2b$12$VIxQvS3NE.h7ZxYo.DLv4en9QInsb3J75TisRHFUisMp/1qv47b8W";

/// What `countersign export` writes, by address.
fn users(machine: &Machine) -> Vec<Value> {
    let lines = machine.types("export --with-hashes");
    lines.succeeded().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn user(machine: &Machine, email: &str) -> Value {
    users(machine).into_iter().find(|user| user["email"] == email).unwrap_or_else(|| panic!("{email} is not there"))
}

/// Imports a file and answers the summary.
#[track_caller]
fn import(machine: &Machine, words: &str) -> Value {
    let outcome = machine.types(&format!("import --json {words}"));
    assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.complaint);
    serde_json::from_str(&outcome.answer).unwrap()
}

fn count(summary: &Value, what: &str) -> usize {
    summary[what].as_u64().unwrap().try_into().unwrap()
}

/// Why lines were refused: their numbers and codes.
fn report(machine: &Machine) -> Vec<(u64, String)> {
    let lines = std::fs::read_to_string(machine.path("report.ndjson")).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["line"].as_u64().unwrap(), line["code"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn what_is_exported_is_imported_elsewhere_with_all_it_had() {
    let file = [
        json!({"email": "Ada@Example.com", "username": "Ada", "password_hash": HASH, "roles": ["admin", "support"],
               "email_verified": true, "created_at": "2020-02-29T12:00:00Z"}),
        json!({"email": "bob@example.com", "username": "bob", "is_active": false}),
    ];
    let here = Machine::new().with_file("users.ndjson", &file.map(|user| user.to_string()).join("\n"));
    let summary = import(&here, "users.ndjson");
    assert_eq!((count(&summary, "imported"), count(&summary, "administrators")), (2, 1));

    let exported = here.types("export --with-hashes").succeeded().to_owned();
    let there = Machine::new().with_file("users.ndjson", &exported);
    assert_eq!(count(&import(&there, "users.ndjson"), "imported"), 2);

    let ada = user(&there, "ada@example.com");
    assert_eq!(ada["username"], "Ada");
    assert_eq!(ada["password_hash"], HASH);
    assert_eq!(ada["roles"], json!(["admin", "support"]));
    assert_eq!((&ada["email_verified"], &ada["is_active"]), (&json!(true), &json!(true)));
    assert_eq!(ada["created_at"], "2020-02-29T12:00:00Z");
    let bob = user(&there, "bob@example.com");
    assert_eq!((&bob["is_active"], &bob["password_hash"], &bob["roles"]), (&json!(false), &json!("!"), &json!([])));
}

#[test]
fn an_export_without_hashes_has_none_and_a_file_is_not_written_over() {
    let line = json!({"email": "ada@example.com", "password_hash": HASH}).to_string();
    let machine = Machine::new().with_file("users.ndjson", &line);
    import(&machine, "users.ndjson");

    assert!(!machine.types("export").succeeded().contains("hash"));
    assert_eq!(machine.types("export out.ndjson").succeeded(), "1 users exported\n");

    let again = machine.types("export out.ndjson");
    assert!(again.refused_in_one_line().starts_with("cannot make out.ndjson: File exists"), "{}", again.complaint);
}

#[test]
fn each_line_that_cannot_be_taken_in_is_told_with_its_reason() {
    let lines = [
        json!({"email": "ada@example.com", "username": "ada"}).to_string(),
        "not json".to_owned(),
        json!({"username": "nobody"}).to_string(),
        json!({"email": "ada at example.com"}).to_string(),
        json!({"email": "eve@example.com", "password": "hunter22"}).to_string(),
        json!({"email": "eve@example.com", "password_hash": "hunter22"}).to_string(),
        json!({"email": "eve@example.com", "password_hash": "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}).to_string(),
        json!({"email": "eve@example.com", "username": "a b"}).to_string(),
        json!({"email": "mallory@example.com", "username": "ADA"}).to_string(),
        json!({"email": "eve@example.com", "roles": ["No Role"]}).to_string(),
        json!({"email": "eve@example.com", "created_at": "long ago"}).to_string(),
        json!({"email": "eve@example.com", "is_active": "perhaps"}).to_string(),
        json!({"email": "Ada@example.com", "username": "other"}).to_string(),
        json!({"email": "eve@example.com", "username": "eve"}).to_string(),
    ];
    let machine = Machine::new().with_file("users.ndjson", &lines.join("\n"));

    let outcome = machine.types("import users.ndjson --report report.ndjson");

    assert_eq!(outcome.code, Some(1), "{}", outcome.complaint);
    assert!(
        outcome.answer.starts_with("2 imported (0 of them administrators), 1 already there, 11 refused; "),
        "{}",
        outcome.answer
    );
    let mut refused = report(&machine);
    refused.sort_unstable();
    let expected = [
        (2, "unreadable"),
        (3, "no_email"),
        (4, "invalid_email"),
        (5, "password_in_clear"),
        (6, "invalid_hash"),
        (7, "invalid_hash"),
        (8, "invalid_username"),
        (9, "username_taken"),
        (10, "invalid_roles"),
        (11, "invalid_time"),
        (12, "invalid_flag"),
        (13, "already_there"),
    ];
    assert_eq!(refused, expected.map(|(line, code)| (line, code.to_owned())));
    let written = std::fs::read_to_string(machine.path("report.ndjson")).unwrap();
    assert!(!written.contains("hunter22") && !outcome.complaint.contains("hunter22"), "{written}");
}

#[test]
fn without_a_report_the_first_refusals_are_told_and_passwords_are_not_repeated() {
    let lines = vec![json!({"email": "eve@example.com", "password_hash": "hunter22"}).to_string(); 30].join("\n");
    let machine = Machine::new().with_file("users.ndjson", &lines);

    let outcome = machine.types("import users.ndjson");

    assert_eq!(outcome.complaint.lines().count(), 21, "{}", outcome.complaint);
    let first = outcome.complaint.lines().next().unwrap();
    assert_eq!(first, "countersign: user in line 1 refused: the password hash has an unknown format");
    assert!(outcome.complaint.contains("--report FILE") && !outcome.complaint.contains("hunter22"));
}

#[test]
fn a_rehearsal_changes_nothing_and_a_second_import_nobody() {
    let line = json!({"email": "ada@example.com", "username": "ada", "password_hash": HASH}).to_string();
    let machine = Machine::new().with_file("users.ndjson", &line);

    assert_eq!(count(&import(&machine, "--dry-run users.ndjson"), "imported"), 1);
    assert!(!machine.path("countersign-data").exists(), "nothing was made for it");

    import(&machine, "users.ndjson");
    let machine = machine.with_file("other.ndjson", &json!({"email": "bob@example.com"}).to_string());
    assert_eq!(count(&import(&machine, "--dry-run other.ndjson"), "imported"), 1);
    assert_eq!(users(&machine).len(), 1);
    let changed = json!({"email": "ada@example.com", "username": "mallory", "roles": ["admin"]}).to_string();
    let machine = machine.with_file("changed.ndjson", &changed);
    assert_eq!(count(&import(&machine, "changed.ndjson"), "already_there"), 1);

    let ada = user(&machine, "ada@example.com");
    assert_eq!((&ada["username"], &ada["roles"], &ada["password_hash"]), (&json!("ada"), &json!([]), &json!(HASH)));
}

#[test]
fn where_a_conflict_shall_end_it_nobody_of_the_batch_stays() {
    let line = |name: &str| json!({"email": format!("{name}@example.com"), "username": name}).to_string();
    let machine = Machine::new().with_file("one.ndjson", &line("ada"));
    import(&machine, "one.ndjson");

    let machine = machine.with_file("two.ndjson", &[line("bob"), line("ada")].join("\n"));
    let outcome = machine.types("import --on-conflict fail two.ndjson");

    assert!(outcome.refused_in_one_line().starts_with("user 2 is there already"), "{}", outcome.complaint);
    assert_eq!(users(&machine).len(), 1);
}

#[test]
fn two_who_are_named_alike_elsewhere_are_told_apart_here() {
    let lines =
        ["ada@example.com", "ada@example.org", "ada@example.net"].map(|email| json!({"email": email}).to_string());
    let machine = Machine::new().with_file("users.ndjson", &lines.join("\n"));

    assert_eq!(count(&import(&machine, "users.ndjson"), "imported"), 3);

    let names: Vec<_> = users(&machine).iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names[0], "ada");
    assert!(names[1..].iter().all(|name| name.starts_with("ada-") && name.len() == 14), "{names:?}");
    assert_ne!(names[1], names[2]);
}

#[test]
fn every_source_is_understood_as_it_is_exported() {
    for (source, file, content) in [
        ("fastapi-users", "users.csv", format!("id,email,hashed_password,is_active,is_superuser,is_verified\n9f,ada@example.com,{HASH},t,t,t\n")),
        ("django", "auth_user.csv", format!("id,password,last_login,is_superuser,username,first_name,last_name,email,is_staff,is_active,date_joined\n1,{HASH},,t,ada,,,ada@example.com,t,t,2020-02-29 12:00:00+00\n")),
        ("django", "dump.json", json!([{"model": "auth.user", "pk": 1, "fields": {"password": HASH, "is_superuser": true, "username": "ada", "email": "ada@example.com", "is_active": true, "date_joined": "2020-02-29T12:00:00Z"}}]).to_string()),
        ("supabase", "users.csv", format!("instance_id,id,email,encrypted_password,email_confirmed_at,created_at,banned_until,deleted_at\n0,1,ada@example.com,{HASH},2020-03-01 12:00:00+00,2020-02-29 12:00:00+00,,\n")),
        ("keycloak", "realm.json", json!({"realm": "master", "users": [{"username": "ada", "email": "ada@example.com", "emailVerified": true, "enabled": true, "createdTimestamp": 1_582_977_600_000_i64, "realmRoles": ["default-roles-master", "admin"], "credentials": [{"type": "password", "secretData": "{\"value\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"salt\":\"c2FsdHNhbHQ=\"}", "credentialData": "{\"hashIterations\":5,\"algorithm\":\"argon2\",\"additionalParameters\":{\"hashLength\":[\"32\"],\"memory\":[\"7168\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}"}]}]}).to_string()),
        ("auth0", "users.json", json!({"_id": {"$oid": "1"}, "email": "ada@example.com", "email_verified": true, "passwordHash": HASH, "created_at": "2020-02-29T12:00:00.000Z"}).to_string()),
        ("firebase", "users.json", json!({"users": [{"localId": "1", "email": "ada@example.com", "emailVerified": true, "passwordHash": "lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==", "salt": "42xEC+ixf3L2lw==", "createdAt": "1582977600000", "disabled": false}]}).to_string()),
    ] {
        let config = "base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\nbase64_salt_separator: Bw==,\nrounds: 8,\nmem_cost: 14,\n";
        let machine = Machine::new().with_file(file, &content).with_file("hash_config", config);

        let summary = import(&machine, &format!("--from {source} --firebase-hash-config hash_config {file}"));

        assert_eq!(count(&summary, "imported"), 1, "{source}");
        let ada = user(&machine, "ada@example.com");
        assert_eq!((&ada["username"], &ada["is_active"]), (&json!("ada"), &json!(true)), "{source}");
        assert_eq!(ada["email_verified"], json!(source != "django"), "{source}");
        assert_eq!(ada["roles"] == json!(["admin"]), ["fastapi-users", "django", "keycloak"].contains(&source), "{source}");
        assert_eq!(ada["created_at"] == "2020-02-29T12:00:00Z", source != "fastapi-users", "{source}");
        let hash = ada["password_hash"].as_str().unwrap();
        let begins = match source {
            "keycloak" => "$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ",
            "firebase" => "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8",
            _ => HASH,
        };
        assert!(hash.starts_with(begins), "{source}: {hash}");
    }
}

#[test]
fn an_import_that_was_killed_is_finished_by_running_it_again() {
    let total = how_many();
    let line = |number| json!({"email": format!("user{number}@example.com"), "password_hash": HASH}).to_string();
    let lines: Vec<String> = (0..total).map(line).collect();
    let machine = Machine::new().with_file("users.ndjson", &lines.join("\n"));
    machine.types("keys rotate").succeeded();
    assert!(users(&machine).is_empty());

    // It waits for the second half when it is killed: the pipe stays open.
    let mut child = machine.starts("import -");
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines[..total / 2].join("\n").as_bytes()).unwrap();
    wait_for_users(&machine, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    let before = users(&machine).len();
    assert!((1..total).contains(&before), "{before}");

    let summary = import(&machine, "users.ndjson");

    let (imported, there) = (count(&summary, "imported"), count(&summary, "already_there"));
    assert_eq!((imported + there, there), (total, before));
    let mut emails: Vec<_> = users(&machine).iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect();
    emails.sort();
    emails.dedup();
    assert_eq!(emails.len(), total);
    assert_eq!(users(&machine).len(), total);
}

fn wait_for_users(machine: &Machine, at_least: usize) {
    let until = Instant::now() + Duration::from_mins(1);
    while users(machine).len() < at_least {
        assert!(Instant::now() < until, "nobody was taken in");
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// A million is for a quiet hour: `IMPORT_USERS=1000000`.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn how_many() -> usize {
    std::env::var("IMPORT_USERS").map_or(6_000, |count| count.parse().unwrap())
}

#[test]
fn a_file_that_is_not_there_or_has_no_end_is_told() {
    let machine = Machine::new();
    let outcome = machine.types("import missing.ndjson");
    assert!(
        outcome.refused_in_one_line().starts_with("cannot read missing.ndjson: No such file"),
        "{}",
        outcome.complaint
    );

    let cut = r#"{"users":[{"email":"ada@example.com"},{"email":"bo"#;
    let machine = machine.with_file("users.json", cut);
    let outcome = machine.types("import --format json users.json");
    let complaint = outcome.refused_in_one_line();
    assert!(complaint.contains("cannot be read on after user 1"), "{complaint}");
    assert_eq!(users(&machine).len(), 1, "what was read is there");
}

#[test]
fn a_database_on_a_server_is_left_to_its_own_tools() {
    let machine = Machine::new().with("DATABASE_URL", "postgres://ada:secret@db.example.com/main");

    let backup = machine.types("backup copy.dump");
    let restore = machine.types("restore copy.dump");

    let expected = "this database is on PostgreSQL, whose own tools do this: pg_dump --format=custom --file=copy.dump \
                    'postgres://db.example.com/main'";
    assert_eq!(backup.refused_in_one_line(), expected);
    assert!(restore.refused_in_one_line().contains("pg_restore --clean --if-exists"), "{}", restore.complaint);
}

#[test]
fn a_move_leads_to_a_server() {
    let machine = Machine::new();
    machine.types("migrate").succeeded();

    let outcome = machine.types("move --to sqlite://other.db");

    assert_eq!(outcome.refused_in_one_line(), "--to must be a PostgreSQL database: postgres://USER@HOST/NAME");
}

#[test]
fn a_file_that_holds_no_users_is_no_import_of_nobody() {
    let machine = Machine::new()
        .with_file("lines.json", "{\"email\": \"ada@example.com\"}\n{\"email\": \"bob@example.com\"}\n")
        .with_file("realm.json", "{\"realm\": \"master\"}")
        .with_file("users.db", "SQLite format 3\0 and the rest of it");

    for (words, reason) in [
        ("--from keycloak realm.json", "this is no array of users, and no document with an array `users` in it"),
        ("--from keycloak lines.json", "this is no array of users"),
        ("users.db", "this is an SQLite database; one of ours: countersign restore FILE"),
    ] {
        let outcome = machine.types(&format!("import {words}"));
        assert!(outcome.refused_in_one_line().contains(reason), "{}", outcome.complaint);
    }
}

#[test]
fn a_reader_who_has_seen_enough_of_an_export_is_no_failure() {
    let lines: Vec<_> =
        (0..3_000).map(|number| json!({"email": format!("user{number}@example.com")}).to_string()).collect();
    let machine = Machine::new().with_file("users.ndjson", &lines.join("\n"));
    import(&machine, "users.ndjson");

    let mut child = machine.starts("export");
    drop(child.stdout.take());

    assert_eq!(child.wait().unwrap().code(), Some(0));
}

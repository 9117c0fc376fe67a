//! `countersign import` with files as other programs really export them: who comes, as whom, and who can sign in then.
//!
//! `tests/fixtures/make_exports.py` tells how the files were made.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Machine;

const PASSWORD: &str = "correct horse battery staple";
const FIREBASE: &str = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n";

/// A machine that has imported an export, with its summary, its report and its users by address.
struct Imported {
    machine: Machine,
    summary: Value,
    report: Vec<(String, String)>,
    users: BTreeMap<String, Value>,
}

impl Imported {
    #[track_caller]
    fn from(source: &str, file: &str, words: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/exports").join(file);
        let machine = Machine::new()
            .with("COUNTERSIGN_LIMITS__LOGINS_PER_MINUTE", "0")
            .with_file("hash_config.txt", FIREBASE)
            .with_file(file, &std::fs::read_to_string(path).unwrap());
        let outcome = machine.types(&format!("import --json --from {source} --report report.ndjson {words} {file}"));
        assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.complaint);
        let summary = serde_json::from_str(&outcome.answer).unwrap();
        let report = std::fs::read_to_string(machine.path("report.ndjson")).unwrap();
        let report = report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let report = report.map(|line| (word(&line["email"]), word(&line["code"]))).collect();
        let users = machine.types("export --with-hashes");
        let users = users.succeeded().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let users = users.map(|user| (word(&user["email"]), user)).collect();
        Self { machine, summary, report, users }
    }

    /// Imported, administrators among them, already there, refused, and no users.
    #[track_caller]
    fn counts(&self, expected: [u64; 5]) {
        let names = ["imported", "administrators", "already_there", "refused", "no_users"];
        assert_eq!(names.map(|name| self.summary[name].as_u64().unwrap()), expected, "{:?}", self.report);
    }

    #[track_caller]
    fn tells(&self, expected: &[(&str, &str)]) {
        let mut report: Vec<_> = self.report.iter().map(|(email, code)| (email.as_str(), code.as_str())).collect();
        let mut expected = expected.to_vec();
        report.sort_unstable();
        expected.sort_unstable();
        assert_eq!(report, expected);
    }

    /// Name, whether active, whether confirmed, roles, and when they came.
    #[track_caller]
    fn is(&self, name: &str, expected: &Value) {
        let user = &self.users[&format!("{name}@example.com")];
        let seen = ["username", "is_active", "email_verified", "roles", "created_at"].map(|field| &user[field]);
        assert_eq!(&json!(seen), expected, "{name}");
    }

    /// What becomes of a login of each of them.
    #[track_caller]
    fn log_in(&self, password: &str, expected: &[(&str, u16, &str)]) {
        let service = self.machine.serves();
        for (name, status, code) in expected {
            let answer = service.log_in(&format!("{name}@example.com"), password);
            assert_eq!((answer.0, answer.1.as_str()), (*status, *code), "{name}");
        }
    }
}

const WRONG: (u16, &str) = (401, "invalid_credentials");

#[test]
fn fastapi_users_come_with_what_their_table_says() {
    let imported = Imported::from("fastapi-users", "fastapi_users.csv", "");

    imported.counts([3, 1, 1, 0, 0]);
    imported.tells(&[("Ada@EXAMPLE.com", "already_there")]);
    assert_eq!(imported.users["ada@example.com"]["roles"], json!(["admin"]));
    assert_eq!(imported.users["grace@example.com"]["email_verified"], json!(false));
    imported.log_in(PASSWORD, &[("ada", 200, ""), ("grace", 200, ""), ("banned", 403, "account_disabled")]);
    imported.log_in("another one", &[("ada", WRONG.0, WRONG.1), ("banned", WRONG.0, WRONG.1)]);
}

#[test]
fn django_dumps_come_without_what_is_no_user() {
    let imported = Imported::from("django", "django.json", "");
    let joined = "2020-02-29T12:00:00Z";

    // Sixteen permissions and a group are in the dump, too.
    imported.counts([7, 1, 1, 2, 17]);
    imported.tells(&[
        ("grace@example.com", "already_there"),
        ("space@example.com", "username_changed"),
        ("barbara@example.com", "username_changed"),
        ("", "no_email"),
        ("old@example.com", "invalid_hash"),
    ]);
    imported.is("ada", &json!(["ada", true, false, ["admin"], joined]));
    imported.is("grace", &json!(["grace", true, false, [], joined]));
    imported.is("barbara", &json!(["barbara", true, false, [], joined]));
    imported.is("banned", &json!(["banned", false, false, [], joined]));
    assert_eq!(imported.users["social@example.com"]["password_hash"], "!");
    imported.log_in(
        PASSWORD,
        &[
            ("ada", 200, ""),
            ("grace", 200, ""),
            ("edsger", 200, ""),
            ("barbara", 200, ""),
            ("space", 200, ""),
            ("banned", 403, "account_disabled"),
            ("social", WRONG.0, WRONG.1),
        ],
    );
}

#[test]
fn what_supabases_editor_calls_null_is_nothing() {
    const HASH: &str = "$2b$12$VIxQvS3NE.h7ZxYo.DLv4en9QInsb3J75TisRHFUisMp/1qv47b8W";
    // As its "Download CSV" writes it: texts as they are, objects and null as JSON.
    let csv = format!(
        "id,email,encrypted_password,email_confirmed_at,created_at,banned_until,deleted_at,raw_app_meta_data,phone\n\
         1,ada@example.com,{HASH},2020-03-01 12:00:00.5+00,2020-02-29 12:00:00+00,null,null,\"{{\"\"provider\"\":null}}\",null\n\
         2,grace@example.com,null,null,2020-02-29 12:00:00+00,null,null,null,null\n\
         3,null,null,null,2020-02-29 12:00:00+00,null,null,null,15550100\n"
    );
    let machine = Machine::new().with_file("users.csv", &csv);

    let imported = machine.types("import --from supabase users.csv --report report.ndjson");

    assert_eq!(imported.code, Some(1), "the one without an address is refused: {}", imported.complaint);
    assert_eq!(std::fs::read_to_string(machine.path("report.ndjson")).unwrap().matches("no_email").count(), 1);
    let users = machine.types("user list --json");
    let users: Vec<Value> = serde_json::from_str(users.succeeded()).unwrap();
    let seen = |user: &Value| (user["username"].clone(), user["is_active"].clone(), user["email_verified"].clone());
    let expected = [(json!("ada"), json!(true), json!(true)), (json!("grace"), json!(true), json!(false))];
    assert_eq!(users.iter().map(seen).collect::<Vec<_>>(), expected);
}

#[test]
fn supabase_users_come_from_a_table_and_from_a_dump_alike() {
    let joined = "2020-02-29T12:00:00Z";
    for file in ["supabase.csv", "supabase.sql"] {
        let imported = Imported::from("supabase", file, "");

        imported.counts([4, 0, 1, 2, 0]);
        imported.tells(&[("gone@example.com", "deleted"), ("", "no_email"), ("Ada@Example.com", "already_there")]);
        imported.is("ada", &json!(["ada", true, true, [], joined]));
        // Her telephone was confirmed, and nothing else.
        imported.is("grace", &json!(["grace", true, false, [], joined]));
        imported.is("banned", &json!(["banned", false, true, [], joined]));
        imported.is("social", &json!(["social", true, true, [], joined]));
        let blocked = [("banned", 403, "account_disabled"), ("social", WRONG.0, WRONG.1), ("gone", WRONG.0, WRONG.1)];
        imported.log_in(PASSWORD, &[("ada", 200, ""), ("grace", 200, ""), blocked[0], blocked[1], blocked[2]]);
    }
}

#[test]
fn firebase_users_come_without_their_second_factor_and_their_claims() {
    let imported = Imported::from("firebase", "firebase.json", "--firebase-hash-config hash_config.txt");
    let joined = "2020-02-29T12:00:00Z";

    imported.counts([4, 0, 1, 2, 0]);
    imported.tells(&[
        ("ada@example.com", "second_factor_lost"),
        ("redacted@example.com", "invalid_hash"),
        ("", "no_email"),
        ("Ada@Example.com", "already_there"),
    ]);
    imported.is("ada", &json!(["ada", true, true, [], joined]));
    imported.is("grace", &json!(["grace", true, false, [], joined]));
    imported.is("banned", &json!(["banned", false, true, [], joined]));
    imported.log_in(
        "user1password",
        &[("ada", 200, ""), ("grace", 200, ""), ("banned", 403, "account_disabled"), ("social", WRONG.0, WRONG.1)],
    );
}

#[test]
fn keycloak_realms_come_with_every_way_in_which_they_hash() {
    let imported = Imported::from("keycloak", "keycloak.json", "");
    let joined = "2020-02-29T12:00:00Z";

    // The account of a client is nobody's.
    imported.counts([8, 1, 1, 1, 1]);
    imported.tells(&[
        ("ada@example.com", "second_factor_lost"),
        ("ada@example.com", "roles_dropped"),
        ("new@example.com", "temporary_password"),
        ("mail@example.com", "username_changed"),
        ("", "no_email"),
        ("ADA@example.com", "already_there"),
    ]);
    imported.is("ada", &json!(["ada", true, true, ["admin", "support"], joined]));
    imported.is("grace", &json!(["grace", true, false, [], joined]));
    imported.is("mail", &json!(["mail", true, true, [], joined]));
    imported.is("banned", &json!(["banned", false, true, [], joined]));
    imported.log_in(
        PASSWORD,
        &[
            ("ada", 200, ""),
            ("grace", 200, ""),
            ("edsger", 200, ""),
            ("barbara", 200, ""),
            ("banned", 403, "account_disabled"),
            ("social", WRONG.0, WRONG.1),
            ("new", WRONG.0, WRONG.1),
        ],
    );
}

#[test]
fn keycloak_realms_of_2017_come_as_well() {
    let imported = Imported::from("keycloak", "keycloak-2017.json", "");

    imported.counts([2, 0, 0, 0, 0]);
    imported.tells(&[]);
    imported.log_in(PASSWORD, &[("ada", 200, ""), ("grace", 200, "")]);
    imported.log_in("another one", &[("ada", WRONG.0, WRONG.1)]);
}

#[test]
fn auth0_users_come_wherever_their_address_stands() {
    let imported = Imported::from("auth0", "auth0.ndjson", "");

    imported.counts([5, 0, 1, 1, 0]);
    imported.tells(&[
        ("banned@example.com", "second_factor_lost"),
        ("ADA@example.com", "already_there"),
        ("", "no_email"),
    ]);
    imported.is("ada", &json!(["ada", true, true, [], "2020-02-29T00:06:24Z"]));
    imported.is("grace", &json!(["grace", true, false, [], "2020-02-29T00:06:24Z"]));
    imported.is("edsger", &json!(["edsger", true, true, [], "2020-02-29T00:06:24Z"]));
    imported.is("banned", &json!(["banned", false, true, [], "2020-02-29T12:00:00Z"]));
    imported.log_in(
        PASSWORD,
        &[("ada", 200, ""), ("edsger", 200, ""), ("banned", 403, "account_disabled"), ("social", WRONG.0, WRONG.1)],
    );
}

#[test]
fn whoever_has_a_hash_that_cannot_be_checked_may_come_without_it() {
    let imported = Imported::from("django", "django.json", "--on-unknown-hash drop");

    assert_eq!(imported.users["old@example.com"]["password_hash"], "!");
    assert!(imported.report.contains(&("old@example.com".to_owned(), "hash_dropped".to_owned())));
    imported.log_in(PASSWORD, &[("old", WRONG.0, WRONG.1)]);

    let clear = json!({"email": "eve@example.com", "password": "hunter22"}).to_string();
    let machine = Machine::new().with_file("users.ndjson", &clear);
    let outcome = machine.types("import --on-unknown-hash drop users.ndjson");
    assert_eq!(outcome.code, Some(1), "a password in the clear is refused all the same");
}

#[test]
fn what_is_no_text_is_told_with_the_words_that_make_it_one() {
    for (begins, advice) in [
        (&b"\x1f\x8b\x08\x00"[..], "gunzip -c FILE | countersign import -"),
        (b"PK\x03\x04", "unzip -p FILE | countersign import -"),
        (b"PGDMP\x01", "pg_restore --data-only --file=- FILE | countersign import -"),
        (b"\xff\xfe[\x00", "iconv -f UTF-16 -t UTF-8 FILE | countersign import -"),
    ] {
        let machine = Machine::new();
        std::fs::write(machine.path("users"), begins).unwrap();
        let outcome = machine.types("import users");
        assert!(outcome.refused_in_one_line().ends_with(advice), "{}", outcome.complaint);
    }

    let marked = "\u{feff}{\"email\": \"ada@example.com\"}";
    let machine = Machine::new().with_file("users.ndjson", marked);
    assert!(machine.types("import users.ndjson").succeeded().starts_with("1 imported"));
}

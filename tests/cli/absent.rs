//! Commands typed where no server has begun, or without what the server has: they say so, and make nothing.

use std::fs;

use crate::support::Machine;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn what_looks_at_a_database_or_changes_it_makes_none() {
    for words in [
        "user list",
        "user show ada",
        "user disable ada",
        "user set-password ada --password-stdin",
        "user delete ada --yes",
        "keys list",
        "keys retire some-key",
        "audit list",
        "audit verify",
        "audit export",
        "jobs list",
        "jobs retry --all",
        "jobs delete 1",
        "export",
        "export users.ndjson",
        "backup copy.db",
        "move --to postgres://db.example.com/main",
    ] {
        let machine = Machine::new();

        let outcome = machine.types(words);

        let expected = format!(
            "there is no database at {}; give the settings that the server has: its directory, its environment, \
             --config or --data-dir",
            fs::canonicalize(machine.path(".")).unwrap().join("countersign-data/countersign.db").display()
        );
        assert_eq!(outcome.refused_in_one_line(), expected, "{words}");
        assert_eq!(fs::read_dir(machine.path(".")).unwrap().count(), 0, "{words}");
    }
}

#[test]
fn what_may_not_be_looked_at_is_not_called_absent() {
    for words in ["user list", "backup copy.db", "migrate status"] {
        let machine = Machine::new().with_file("countersign-data", "no directory");

        let outcome = machine.types(words);

        let refusal = outcome.refused_in_one_line();
        assert!(refusal.starts_with("cannot look at /"), "{words}: {refusal}");
        assert!(refusal.ends_with("; run this as the user that the server runs as"), "{words}: {refusal}");
    }
}

#[test]
fn a_schema_is_looked_at_without_being_made() {
    let machine = Machine::new();

    let status = machine.types("migrate status").succeeded().to_owned();
    let plan = machine.types("migrate --dry-run").succeeded().to_owned();

    assert!(status.starts_with("0001_users                missing\n"), "{status}");
    assert_eq!(plan.lines().filter(|line| line.starts_with("would apply ")).count(), status.lines().count());
    assert_eq!(fs::read_dir(machine.path(".")).unwrap().count(), 0);

    machine.types("migrate").succeeded();
    assert!(!machine.types("migrate status").succeeded().contains("missing"));
    assert_eq!(machine.types("migrate --dry-run").succeeded(), "The schema is up to date.\n");
}

#[test]
fn a_database_of_an_older_release_is_left_as_it_is() {
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", SECRET);
    machine.types("migrate").succeeded();
    let database = rusqlite::Connection::open(machine.path("countersign-data/countersign.db")).unwrap();
    database.execute("delete from schema_migrations where version = 7", []).unwrap();

    for words in ["user list", "keys rotate", "user create --email a@example.com --username ada", "import --dry-run -"]
    {
        let outcome = machine.types(words);
        let refusal = outcome.refused_in_one_line();
        assert!(refusal.starts_with("the schema lacks 0007_audit_events; countersign migrate"), "{words}: {refusal}");
    }

    let count: i64 = database.query_row("select count(*) from schema_migrations", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 6);
}

#[test]
fn no_root_secret_is_made_for_a_database_that_has_one() {
    let machine = Machine::new();
    machine.types("keys rotate").succeeded();
    let secret = machine.path("countersign-data/secret_key");
    fs::remove_file(&secret).unwrap();

    for words in ["user list", "keys rotate", "import -", "user create --email a@example.com --username ada"] {
        let outcome = machine.types(words);

        let expected = "there is no root secret here: give COUNTERSIGN_SECRET_KEY the one that the server has";
        assert_eq!(outcome.refused_in_one_line(), expected, "{words}");
        assert!(!secret.exists(), "{words}");
    }
}

//! `countersign keys` without a server: what it makes, and what it refuses.

use crate::support::Machine;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_key_can_be_made_before_the_first_start_and_is_made_once() {
    let machine = Machine::new();

    let first = machine.types("keys rotate").succeeded().to_owned();
    let again = machine.types("keys rotate").succeeded().to_owned();

    let (kid, rest) = first.split_once(' ').unwrap();
    assert!(rest.starts_with("signs from 20") && rest.ends_with("Z on\n"), "{first}");
    assert_eq!(again, first);
    let keys = keys(&machine);
    let (heading, row) = keys.split_once('\n').unwrap();
    assert_eq!(heading.split_whitespace().collect::<Vec<_>>(), ["KEY", "ALGORITHM", "STATE", "FROM", "UNTIL"]);
    assert!(row.starts_with(&format!("{kid}  ES256      next   20")), "{row}");
}

#[test]
fn a_key_that_does_not_exist_is_not_retired() {
    let machine = Machine::new();
    machine.types("keys rotate").succeeded();
    let before = keys(&machine);

    for kid in ["no-such-key", "-nor-this", "-q"] {
        let outcome = machine.types(&format!("keys retire {kid}"));

        assert_eq!(outcome.refused_by_answer(), format!("no key that is in use has the id {kid}"));
    }
    assert_eq!(keys(&machine), before);
}

#[test]
fn a_key_is_retired_once_and_another_signs() {
    let machine = Machine::new();
    let kid = machine.types("keys rotate --now").succeeded().split(' ').next().unwrap().to_owned();

    let retired = machine.types(&format!("keys retire {kid}")).succeeded().to_owned();

    assert_eq!(retired, format!("{kid} is retired; servers refuse its tokens within seconds\n"));
    let keys: Vec<serde_json::Value> = serde_json::from_str(machine.types("keys list --json").succeeded()).unwrap();
    let state = |kid: &str| keys.iter().find(|key| key["kid"] == kid).unwrap()["state"].as_str().unwrap().to_owned();
    assert_eq!(state(&kid), "retired");
    assert_eq!(keys.iter().filter(|key| key["state"] == "active").count(), 1);
    machine.types(&format!("keys retire {kid}")).refused_by_answer();
}

#[test]
fn a_shared_secret_is_not_rotated_here() {
    let machine = Machine::new().with("COUNTERSIGN_TOKENS__ALGORITHM", "HS256").with("JWT_SECRET", SECRET);

    let outcome = machine.types("keys rotate");

    assert_eq!(
        outcome.refused_in_one_line(),
        "HS256 signs with JWT_SECRET, which is changed by hand here and at every service that shares it"
    );
}

#[test]
fn another_root_secret_than_the_databases_makes_no_key() {
    let machine = Machine::new().with("COUNTERSIGN_SECRET_KEY", SECRET);
    machine.types("keys rotate").succeeded();
    let before = keys(&machine);

    let machine = machine.with("COUNTERSIGN_SECRET_KEY", "another secret that is long enough");
    let outcome = machine.types("keys rotate --now");

    let refusal = outcome.refused_in_one_line();
    assert!(refusal.starts_with("the root secret does not open this database: of audit_seed, it was sealed under another root secret than the ones given. "), "{refusal}");
    assert_eq!(keys(&machine), before);
}

fn keys(machine: &Machine) -> String {
    machine.types("keys list").succeeded().to_owned()
}

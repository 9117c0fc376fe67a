//! A flag counts over the environment, which counts over the file, which counts over the default.

use serde_json::json;

use crate::support::Machine;

const FILE: &str = "[tokens]\naudience = \"file\"\naccess_ttl_seconds = 60\n";

#[test]
fn each_layer_counts_over_the_one_before() {
    let bare = Machine::new();
    assert_eq!(bare.setting("tokens.access_ttl_seconds", ""), (json!(1800), "default".into()));

    let machine = Machine::new().with_file("countersign.toml", FILE);
    assert_eq!(machine.setting("tokens.audience", ""), (json!("file"), "countersign.toml:2".into()));
    assert_eq!(machine.setting("tokens.access_ttl_seconds", ""), (json!(60), "countersign.toml:3".into()));

    let machine = machine.with("COUNTERSIGN_TOKENS__AUDIENCE", "variable");
    let expected = (json!("variable"), "COUNTERSIGN_TOKENS__AUDIENCE".into());
    assert_eq!(machine.setting("tokens.audience", ""), expected);
    assert_eq!(machine.setting("tokens.audience", "--set tokens.audience=flag"), (json!("flag"), "--set".into()));
}

#[test]
fn a_named_file_takes_the_place_of_the_one_in_the_working_directory() {
    let machine = Machine::new().with_file("countersign.toml", FILE).with_file(
        "other.toml",
        "tokens.leeway_seconds = 0x1e\nhttp.trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\"]\n",
    );
    let other = "--config other.toml";

    assert_eq!(machine.setting("tokens.leeway_seconds", other), (json!(30), "other.toml:1".into()));
    assert_eq!(machine.setting("tokens.access_ttl_seconds", other), (json!(1800), "default".into()));
    let expected = (json!(["10.0.0.0/8", "192.0.2.7/32"]), "other.toml:2".into());
    assert_eq!(machine.setting("http.trusted_proxies", other), expected);
}

#[test]
fn a_file_that_a_variable_names_is_read_without_its_last_line_break() {
    let machine = Machine::new()
        .with_file("audience", "from a file\n")
        .with("COUNTERSIGN_TOKENS__AUDIENCE", "")
        .with("COUNTERSIGN_TOKENS__AUDIENCE_FILE", "audience");

    let expected = (json!("from a file"), "COUNTERSIGN_TOKENS__AUDIENCE_FILE".into());
    assert_eq!(machine.setting("tokens.audience", ""), expected);
}

#[test]
fn our_own_variable_counts_over_the_one_that_other_programs_share() {
    let machine = Machine::new().with("DATABASE_URL", "sqlite://shared.db");
    assert_eq!(machine.setting("database.url", ""), (json!("sqlite://shared.db"), "DATABASE_URL".into()));

    let machine = machine.with("COUNTERSIGN_DATABASE__URL", "sqlite://ours.db");
    let expected = (json!("sqlite://ours.db"), "COUNTERSIGN_DATABASE__URL".into());
    assert_eq!(machine.setting("database.url", ""), expected);

    let expected = (json!("sqlite://flag.db"), "--database-url".into());
    assert_eq!(machine.setting("database.url", "--database-url sqlite://flag.db"), expected);
}

#[test]
fn what_nobody_set_follows_from_what_was_set() {
    let machine = Machine::new().with("COUNTERSIGN_LISTEN", "[::1]:9000").with("COUNTERSIGN_DATA_DIR", "/srv/data");
    let value = |name: &str, words: &str| machine.setting(name, words).0;

    assert_eq!(value("public_url", ""), "http://[::1]:9000");
    assert_eq!(value("tokens.audience", ""), "http://[::1]:9000");
    assert_eq!(value("database.url", ""), "sqlite:///srv/data/countersign.db");
    assert_eq!(value("tokens.password_grant", ""), true);

    assert_eq!(value("tokens.audience", "--public-url https://auth.example.com/"), "https://auth.example.com");
    assert_eq!(value("tokens.password_grant", "--listen 0.0.0.0:8000"), false);
}

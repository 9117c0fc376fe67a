//! Generated documents are committed, and fresh.

use std::path::Path;

use countersign::config::{self, FileChoice, Sources, reference};
use countersign::{database, openapi, problem, router};

#[test]
fn the_default_configuration_is_what_the_settings_say() {
    assert_fresh("countersign.default.toml", &reference::toml());
}

#[test]
fn the_chapter_on_configuration_is_what_the_settings_say() {
    assert_fresh("docs/configuration.md", &reference::markdown());
}

#[test]
fn the_chapter_on_problems_is_what_the_registry_says() {
    assert_fresh("docs/problems.md", &problem::document());
}

#[test]
fn the_interface_is_what_the_routes_say() {
    assert_fresh("openapi.json", &openapi::text(&router::document()));
}

#[test]
fn the_schema_is_what_the_migrations_say() {
    assert_fresh("artifacts/auth/schema.md", &database::schema_document());
}

#[test]
fn the_default_configuration_can_be_loaded_and_changes_nothing() {
    let file = FileChoice::Required(root().join("countersign.default.toml"));

    let loaded = config::load(&Sources { file, ..Sources::default() }).unwrap();

    let from_file: Vec<_> = loaded.effective().into_iter().map(|setting| (setting.name, setting.value)).collect();
    let built_in = config::load(&Sources::default()).unwrap();
    let built_in: Vec<_> = built_in.effective().into_iter().map(|setting| (setting.name, setting.value)).collect();
    assert_eq!(from_file, built_in);
}

#[track_caller]
fn assert_fresh(path: &str, expected: &str) {
    let committed = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    assert!(committed == expected, "{path} differs from the source: run scripts/generate and commit the result");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

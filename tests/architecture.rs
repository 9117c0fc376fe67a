//! The plan of the house, as tests: who may import whom, and what each floor must not hold.
//!
//! Reads the sources as tokens, so comments and strings cannot trip it and imports inside macros do not escape it.
//! It knows files and paths, not types: a value handed upward through a trait is not its business.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read the sources has failed")]

#[path = "architecture/house.rs"]
mod house;
#[path = "architecture/reader.rs"]
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use house::{floor, name, room};
use reader::Source;

/// An import of one of our modules by another.
struct Import<'a> {
    from: &'a Source,
    to: Vec<String>,
}

#[test]
fn every_module_stands_on_a_floor() {
    let homeless: Vec<_> = reader::service()
        .iter()
        .filter(|source| floor(&source.module).is_none())
        .map(|source| format!("{}: give it a floor in tests/architecture/house.rs and ARCHITECTURE.md", source.path))
        .collect();

    refuse("these modules stand on no floor", &homeless);
}

#[test]
fn no_code_of_ours_may_be_unsafe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = |of: &Path| std::fs::read_to_string(of.join("Cargo.toml")).unwrap().parse::<toml::Table>().unwrap();
    let members = ["crates/bcrypt-lanes", "crates/countersign-token", "examples/axum-service", "bench"];

    let free: Vec<_> = [""].into_iter().chain(members).filter(|of| !follows(&manifest(&root.join(of)))).collect();

    let all: usize = std::fs::read_dir(root.join("crates")).unwrap().count() + 2;
    assert_eq!(members.len(), all, "a crate is not looked at");
    assert_eq!(manifest(root)["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert!(free.is_empty(), "these do not follow the lints of the workspace: {free:?}");
}

/// Whether a crate takes the lints of the workspace.
fn follows(manifest: &toml::Table) -> bool {
    manifest.get("lints").is_some_and(|lints| lints["workspace"].as_bool() == Some(true))
}

#[test]
fn imports_run_downward() {
    let sources = reader::service();

    let upward: Vec<_> = imports(&sources)
        .filter(|import| floor(&import.to) > floor(&import.from.module))
        .map(|import| describe(&import))
        .collect();

    refuse("import downward only: words, tools, nouns, verbs, faces, entry", &upward);
}

#[test]
fn rooms_on_one_floor_do_not_lean_on_each_other_in_a_circle() {
    let sources = reader::service();
    let mut leans: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for import in imports(&sources).filter(|import| floor(&import.to) == floor(&import.from.module)) {
        let (from, to) = (room(&import.from.module), room(&import.to));
        if from != to {
            leans.entry(from).or_default().insert(to);
        }
    }

    let circles: Vec<_> = leans.keys().filter(|room| reaches(&leans, room, room)).cloned().collect();

    refuse("these rooms import each other in a circle: one of them holds what belongs a floor below", &circles);
}

#[test]
fn verbs_call_only_the_verbs_on_their_list() {
    let sources = reader::service();
    let mut unused: BTreeSet<(String, String)> =
        house::VERBS.iter().flat_map(|(verb, calls)| calls.iter().map(|to| ((*verb).into(), (*to).into()))).collect();
    let allowed = unused.clone();

    let mut faults = Vec::new();
    for import in imports(&sources).filter(|import| house::is_verb(&import.from.module) && house::is_verb(&import.to)) {
        let call = (room(&import.from.module), room(&import.to));
        unused.remove(&call);
        if call.0 != call.1 && !allowed.contains(&call) {
            faults.push(describe(&import));
        }
    }
    faults.extend(unused.iter().map(|(from, to)| format!("{from} → {to} is on the list and nobody uses it")));

    refuse("verbs call one another only along the list VERBS in tests/architecture/house.rs", &faults);
}

#[test]
fn no_floor_holds_what_belongs_to_another() {
    let sources = reader::service();
    let mut faults = Vec::new();
    for source in &sources {
        let forbidden = house::forbidden(&source.module);
        for reference in &source.references {
            let path = reference.path.join("::");
            if let Some(word) = forbidden.iter().find(|word| path == **word || path.starts_with(&format!("{word}::"))) {
                faults.push(format!("{}: {} must not hold {word}", source.path, name(&source.module)));
            }
        }
    }

    refuse("a floor holds only what is its own", &faults);
}

#[test]
fn only_the_database_folder_knows_which_engine_runs() {
    let sources = reader::service();

    let faults = words_outside(&sources, house::ENGINE_CRATES, house::ENGINE_ROOMS);

    refuse("ask `crate::database`, which is the only place that knows both engines", &faults);
}

#[test]
fn sql_stands_only_beside_its_row() {
    let mut faults = Vec::new();
    for source in reader::service() {
        if house::SQL_ROOMS.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        faults.extend(
            source
                .strings
                .iter()
                .filter(|text| reader::is_sql(text))
                .map(|text| format!("{}: {}", source.path, text.chars().take(60).collect::<String>())),
        );
    }

    refuse("SQL stands only in src/models (and the engine's own in src/database)", &faults);
}

#[test]
fn every_change_of_a_user_is_another_version() {
    let uncounted: Vec<_> = reader::service()
        .iter()
        .flat_map(|source| source.strings.iter().map(move |text| (source, text)))
        .filter(|(_, text)| text.trim_start().starts_with("update users") && text.contains("updated_at ="))
        .filter(|(_, text)| !text.contains("revision = revision + 1"))
        .map(|(source, text)| format!("{}: {}", source.path, text.chars().take(60).collect::<String>()))
        .collect();

    refuse(
        "what changes a user says `revision = revision + 1`: administrators change the version they saw",
        &uncounted,
    );
}

#[test]
fn secrets_are_exposed_only_where_they_are_used() {
    let sources = reader::service();

    let faults = words_outside(&sources, &["expose", "expose_secret"], house::SECRET_ROOMS);

    refuse("a secret is opened only where it is put to use; pass the secret itself", &faults);
}

#[test]
fn nothing_starts_another_program() {
    let starts = |source: &&Source| {
        source.references.iter().any(|found| found.path.windows(2).any(|pair| pair == ["process", "Command"]))
    };

    let starting: Vec<_> = reader::service().iter().filter(starts).map(|source| source.path.clone()).collect();

    refuse("these start a program, which a name in a request could one day reach", &starting);
}

#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    let long: Vec<_> = reader::workspace()
        .iter()
        .filter(|source| source.lines > 400)
        .map(|source| format!("{}: {} lines; which step deserves a home of its own?", source.path, source.lines))
        .collect();

    refuse("a file is read at one sitting", &long);
}

/// Every import of one of our own modules, by any spelling.
fn imports(sources: &[Source]) -> impl Iterator<Item = Import<'_>> {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|source| source.module.clone()).collect();
    sources.iter().flat_map(move |from| {
        let modules = modules.clone();
        from.references.iter().filter_map(move |reference| {
            let to = reader::resolve(reference, &modules)?;
            (to != from.module).then_some(Import { from, to })
        })
    })
}

fn describe(import: &Import<'_>) -> String {
    let standing = |module: &[String]| {
        floor(module).map_or_else(|| name(module), |floor| format!("{} ({floor:?})", name(module)).to_lowercase())
    };
    format!("{}: {} imports {}", import.from.path, standing(&import.from.module), standing(&import.to))
}

fn reaches(leans: &BTreeMap<String, BTreeSet<String>>, from: &str, goal: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(room) = ahead.pop() {
        for next in leans.get(room).into_iter().flatten() {
            if next == goal {
                return true;
            }
            if seen.insert(next) {
                ahead.push(next);
            }
        }
    }
    false
}

fn words_outside(sources: &[Source], words: &[&str], rooms: &[&str]) -> Vec<String> {
    let faults: BTreeSet<String> = sources
        .iter()
        .filter(|source| !rooms.iter().any(|room| source.path.starts_with(room)))
        .flat_map(|source| source.words.iter().map(move |word| (source, word)))
        .filter(|(_, word)| words.contains(&word.as_str()))
        .map(|(source, word)| format!("{}: {word}", source.path))
        .collect();
    faults.into_iter().collect()
}

/// Fails with the rule and one line per fault.
fn refuse(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "\n{rule}:\n  {}\n", faults.join("\n  "));
}

//! The book holds together: its links lead somewhere, its contents name every page, and the tests that it calls upon exist.
//!
//! It reads Markdown by lines, as it is written here; addresses of other sites are not asked for.
#![expect(clippy::unwrap_used, reason = "a test that cannot read what it checks has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 30, "the pages are found");

    let mut dead = Vec::new();
    let mut followed = 0;
    for (path, text) in &pages {
        for link in links(text).filter(|link| !link.contains(':')) {
            followed += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if target.is_empty() { path.clone() } else { beside(path, target) };
            let is_there = root().join(&target).exists();
            let anchors = pages.get(&target).map(|page| anchors(page)).unwrap_or_default();
            if !is_there || !(anchor.is_empty() || anchors.contains(anchor)) {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }

    assert_eq!(dead, Vec::<String>::new(), "these lead nowhere");
    assert!(followed > 200, "links are found: {followed}");
}

#[test]
fn the_contents_name_every_page() {
    let contents = Path::new("docs/README.md");
    let named: BTreeSet<PathBuf> = links(&read(contents)).map(|link| beside(contents, &link)).collect();

    let is_chapter = |path: &Path| path.starts_with("docs") && !path.starts_with("docs/decisions") && path != contents;
    let missing: Vec<_> = pages().into_keys().filter(|path| is_chapter(path) && !named.contains(path)).collect();

    assert_eq!(missing, Vec::<PathBuf>::new(), "docs/README.md does not name these");
}

#[test]
fn every_page_begins_with_what_it_is_for() {
    for (path, text) in pages().iter().filter(|(path, _)| path.starts_with("docs")) {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("<!--"));

        assert!(lines.next().unwrap().starts_with("# "), "{} has a title", path.display());
        assert!(
            lines.next().unwrap().starts_with(|first: char| first.is_alphanumeric() || first == '`'),
            "{} begins with a sentence",
            path.display()
        );
    }
}

#[test]
fn every_test_that_the_requirements_are_shown_by_exists() {
    let (tests, page) = (tests(), read(Path::new("docs/asvs.md")));
    let rows: Vec<Vec<&str>> = page.lines().filter(|line| line.starts_with("| ")).map(cells).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| row.first() != Some(&"requirement")).collect();
    assert!(rows.len() > 150 && tests.len() > 500, "both are found: {} and {}", rows.len(), tests.len());

    let mut missing = Vec::new();
    for row in &rows {
        let [number, level, how, shown] = row[..] else { unreachable!("a row of four cells: {row:?}") };
        assert!(number.starts_with(|digit: char| digit.is_ascii_digit()) && level.starts_with(['1', '2']), "{row:?}");
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        let is_open = how.starts_with("not applicable") || how.starts_with("**not met**");
        let is_honest = shown == if is_open { "–" } else { "no test" };
        assert!(!named.is_empty() || is_honest, "{number} names its tests or says that there are none");
        missing.extend(named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("{number}: {name}")));
    }

    assert_eq!(missing, Vec::<String>::new(), "docs/asvs.md names tests that do not exist");
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// The names of all tests: Rust functions with an attribute that makes them one, and Python's `test_`.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in ["src", "crates", "tests"].into_iter().flat_map(|folder| files(Path::new(folder))) {
        let extension = path.extension().unwrap_or_default();
        let text = if extension == "rs" || extension == "py" { read(&path) } else { continue };
        let mut is_test = extension == "py";
        for line in text.lines().map(str::trim) {
            is_test = extension == "py" || !line.is_empty() && (is_test || is_test_attribute(line));
            let declared = line.trim_start_matches("async ").strip_prefix("fn ").or(line.strip_prefix("def "));
            if let Some(name) = declared.and_then(|rest| rest.split(['(', '<']).next()).filter(|_| is_test) {
                names.insert(name.to_owned());
                is_test = false;
            }
        }
    }
    names
}

fn is_test_attribute(line: &str) -> bool {
    line == "#[test]" || line.starts_with("#[tokio::test")
}

/// Every page of the repository, by its path from the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let markdown = files(Path::new("")).into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    markdown.map(|path| (path.clone(), read(&path))).collect()
}

/// The files of a folder and of those in it, but for what is built, installed or hidden.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let (name, path) = (entry.file_name().into_string().unwrap(), folder.join(entry.file_name()));
        if name.starts_with('.') || ["target", "node_modules", "countersign-data"].contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Where the links of a page lead, as they are written.
fn links(page: &str) -> impl Iterator<Item = String> {
    let prose = prose(page).map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("code")).collect::<Vec<_>>();
    let prose = prose.join("\n");
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// What the headings of a page can be reached by, as GitHub makes it of them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings =
        prose(page).filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
    let is_kept = |character: &char| character.is_alphanumeric() || [' ', '-', '_'].contains(character);
    headings
        .map(|heading| heading.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-"))
        .collect()
}

/// The lines of a page that are not inside of a block of code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The path from the root that a page means by a path from itself.
fn beside(page: &Path, target: &str) -> PathBuf {
    let mut path = page.parent().unwrap().to_owned();
    for component in Path::new(target).components() {
        match component {
            Component::ParentDir => assert!(path.pop(), "{}: {target} leaves the repository", page.display()),
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

//! Reads Rust sources as tokens: the paths they name, their words and their strings.
//!
//! Comments, documentation and whitespace are gone before anything is judged. Nothing is compiled or expanded.

use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One file.
#[derive(Default)]
pub(crate) struct Source {
    /// Where it lies, from the repository's root.
    pub(crate) path: String,
    /// Its module, without `crate`; empty for the roots `lib.rs` and, as a module of its own, `main` for `main.rs`.
    pub(crate) module: Vec<String>,
    pub(crate) lines: usize,
    /// Every path of two segments or more, imports spelled out one by one.
    pub(crate) references: Vec<Reference>,
    pub(crate) words: Vec<String>,
    pub(crate) strings: Vec<String>,
}

/// A path as it is written, and the module that wrote it.
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    inside: Vec<String>,
}

/// The sources of the service itself.
pub(crate) fn service() -> Vec<Source> {
    read_below("src")
}

/// Every Rust source of the workspace, tests and benchmarks included.
pub(crate) fn workspace() -> Vec<Source> {
    ["src", "crates", "tests", "benches", "examples"].into_iter().flat_map(read_below).collect()
}

/// Our module that a reference leads to: the longest part of its path that is a file, or none for another crate's.
pub(crate) fn resolve(reference: &Reference, modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let mut place = reference.inside.clone();
    let mut rest = reference.path.as_slice();
    match rest.first()?.as_str() {
        "crate" | "countersign" => {
            place.clear();
            rest = rest.get(1..)?;
        }
        "self" => rest = rest.get(1..)?,
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                place.pop();
                rest = rest.get(1..)?;
            }
        }
        child => {
            place.push(child.to_owned());
            if !modules.contains(&place) {
                return None;
            }
            rest = rest.get(1..)?;
        }
    }
    place.extend_from_slice(rest);
    while !modules.contains(&place) {
        place.pop()?;
    }
    Some(place)
}

/// Whether a string is a statement, by the words it opens with.
pub(crate) fn is_sql(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    [
        ("select ", " from "),
        ("with ", " select "),
        ("insert into ", ""),
        ("update ", " set "),
        ("delete from ", ""),
        ("create table ", ""),
        ("alter table ", ""),
        ("drop table ", ""),
    ]
    .iter()
    .any(|(opening, later)| text.starts_with(opening) && text.contains(later))
}

/// Reads one source whose text is at hand.
pub(crate) fn read(path: &str, text: &str) -> Source {
    let mut source =
        Source { path: path.to_owned(), module: module_of(path), lines: text.lines().count(), ..Source::default() };
    let tokens: TokenStream = text.parse().expect(path);
    let module = source.module.clone();
    source.walk(tokens, &module);
    source
}

fn read_below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop().filter(|folder| folder.exists()) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap().to_str().expect("a path in UTF-8");
                sources.push(read(relative, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

impl Source {
    fn walk(&mut self, tokens: TokenStream, inside: &[String]) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == '#' => skip_documentation(&mut tokens),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if let Some((_, rest)) = text.split_once('"') {
                        self.strings.push(rest.trim_end_matches(['"', '#']).to_owned());
                    }
                }
                TokenTree::Ident(word) if word == "mod" => {
                    let name = tokens.next().map(|name| name.to_string()).unwrap_or_default();
                    if let Some(TokenTree::Group(body)) = tokens.next_if(|next| matches!(next, TokenTree::Group(_))) {
                        self.walk(body.stream(), &[inside, &[name]].concat());
                    }
                }
                TokenTree::Ident(word) => {
                    self.words.push(word.to_string());
                    self.follow(&mut tokens, vec![word.to_string()], inside);
                }
                TokenTree::Group(group) => self.walk(group.stream(), inside),
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Follows a path through its `::`, into the branches of an import tree.
    fn follow(&mut self, tokens: &mut Peekable<IntoIter>, mut path: Vec<String>, inside: &[String]) {
        while two_colons(tokens) {
            match tokens.peek() {
                Some(TokenTree::Ident(segment)) => {
                    path.push(segment.to_string());
                    self.words.push(segment.to_string());
                    tokens.next();
                }
                Some(TokenTree::Group(branches)) if branches.delimiter() == Delimiter::Brace => {
                    let branches = branches.clone();
                    tokens.next();
                    return self.branch(&branches, &path, inside);
                }
                _ => break,
            }
        }
        if path.len() > 1 {
            self.references.push(Reference { path, inside: inside.to_vec() });
        }
    }

    fn branch(&mut self, branches: &Group, path: &[String], inside: &[String]) {
        let mut tokens = branches.stream().into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => drop(tokens.next()),
                TokenTree::Ident(word) => {
                    self.words.push(word.to_string());
                    let step = if word == "self" { vec![] } else { vec![word.to_string()] };
                    self.follow(&mut tokens, [path, &step].concat(), inside);
                }
                TokenTree::Punct(mark) if mark.as_char() == '*' => {
                    self.references.push(Reference { path: path.to_vec(), inside: inside.to_vec() });
                }
                TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// Leaves out what a documentation comment turns into.
fn skip_documentation(tokens: &mut Peekable<IntoIter>) {
    tokens.next_if(|next| next.to_string() == "!");
    tokens.next_if(
        |next| matches!(next, TokenTree::Group(attribute) if attribute.stream().to_string().starts_with("doc")),
    );
}

/// Steps over `::` where it comes next.
fn two_colons(tokens: &mut Peekable<IntoIter>) -> bool {
    let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    let mut ahead = tokens.clone();
    let found = ahead.next_if(colon).is_some() && ahead.next_if(colon).is_some();
    if found {
        *tokens = ahead;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules() -> BTreeSet<Vec<String>> {
        ["lib", "auth/mod", "auth/login/mod", "auth/login/routes", "auth/tokens", "domain/mod", "domain/email"]
            .iter()
            .map(|path| module_of(&format!("src/{path}.rs")))
            .collect()
    }

    fn imported(path: &str, text: &str) -> Vec<String> {
        let source = read(path, text);
        source.references.iter().filter_map(|it| resolve(it, &modules())).map(|module| module.join("::")).collect()
    }

    #[test]
    fn every_spelling_of_an_import_is_followed_to_its_file() {
        for (text, expected) in [
            ("use crate::auth::tokens;", vec!["auth::tokens"]),
            ("use crate::{auth::{self, tokens::issue}, domain::Email};", vec!["auth", "auth::tokens", "domain"]),
            ("use crate::domain::email::*;", vec!["domain::email"]),
            ("use super::routes as face;", vec!["auth::login::routes"]),
            ("use super::super::tokens::issue;", vec!["auth::tokens"]),
            ("fn f() { routes::login() }", vec!["auth::login::routes"]),
            ("type It = Option<crate::domain::Email>;", vec!["domain"]),
            ("paths!(crate::auth::login::routes::login)", vec!["auth::login::routes"]),
            ("#[derive(crate::domain::email::Parse)] struct It;", vec!["domain::email"]),
        ] {
            let path = if text.contains("super") { "src/auth/login/steps.rs" } else { "src/auth/login/mod.rs" };
            assert_eq!(imported(path, text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_import_is_left_alone() {
        for text in [
            "// crate::auth::tokens",
            "/// [`crate::auth::tokens`]\nstruct It;",
            "//! crate::auth",
            "use axum::routing::get;",
        ] {
            assert!(imported("src/auth/login/mod.rs", text).is_empty(), "{text}");
        }
        assert!(imported("src/auth/login/mod.rs", "const IT: &str = \"crate::auth::tokens\";").is_empty());
    }

    #[test]
    fn a_statement_is_known_by_its_first_words() {
        for sql in
            ["select id from users", "INSERT INTO t values (1)", "\n  update users\n     set id = $1", "delete from t"]
        {
            assert!(is_sql(sql), "{sql}");
        }
        for prose in ["select a method", "update your settings", "deleted from here", "creates tables"] {
            assert!(!is_sql(prose), "{prose}");
        }
    }
}

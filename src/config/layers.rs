//! Lays the file, the environment and the flags over each other.
//!
//! Knows the names of all settings, and so finds those that nobody knows; does not know what a value means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Config;
use super::environment::{self, Environment};
use super::fault::{Fault, Faults, Origin, did_you_mean};
use super::file;

/// Where settings are read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: FileChoice,
    /// The variables of the environment.
    pub environment: Environment,
    /// The settings on the command line; of two for one setting the later counts.
    pub flags: Vec<Flag>,
    /// Whether `--insecure-http` was given.
    pub insecure_http: bool,
    /// Whether a service manager has handed over the socket to listen on.
    pub was_handed_a_socket: bool,
}

/// Which configuration file to read.
#[derive(Clone, Debug, Default)]
pub enum FileChoice {
    /// None.
    #[default]
    None,
    /// This one if it exists.
    IfPresent(PathBuf),
    /// This one; that it cannot be read is a fault.
    Required(PathBuf),
}

/// A setting on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The flag as it was typed: `--listen`, `--set`.
    pub flag: String,
    /// The setting: `listen`, `tokens.algorithm`.
    pub setting: String,
    /// Its value.
    pub value: String,
}

/// A value that somebody gave.
pub(super) struct Given {
    pub(super) content: Content,
    pub(super) origin: Origin,
}

/// The value itself, or where it is to be read.
pub(super) enum Content {
    Text(Zeroizing<String>),
    InFile(PathBuf),
    /// Neither, for this reason; told only if the setting is asked for.
    Unusable(String),
}

impl Given {
    pub(super) fn new(text: impl Into<String>, origin: Origin) -> Self {
        Self { content: Content::Text(Zeroizing::new(text.into())), origin }
    }

    /// The text; a file's without the line breaks that editors leave at its end.
    pub(super) fn text(&self) -> Result<Zeroizing<String>, String> {
        match &self.content {
            Content::Text(text) => Ok(text.clone()),
            Content::InFile(path) => text_in(path),
            Content::Unusable(reason) => Err(reason.clone()),
        }
    }
}

/// Lays all sources over each other and reports the settings that nobody knows.
pub(super) fn gather(sources: &Sources) -> (BTreeMap<String, Given>, Faults) {
    let mut layers = Layers { known: names(), given: BTreeMap::new(), faults: Faults::default() };
    file::read(&sources.file, &mut layers);
    environment::read(&sources.environment, &mut layers);
    for flag in &sources.flags {
        let origin = Origin::Flag(flag.flag.clone());
        layers.give(&flag.setting, Given::new(flag.value.as_str(), origin));
    }
    layers.forget_unread_secret();
    (layers.given, layers.faults)
}

/// What was given so far.
pub(super) struct Layers {
    pub(super) known: Vec<String>,
    given: BTreeMap<String, Given>,
    faults: Faults,
}

impl Layers {
    /// Takes a value; it counts until a later layer gives another.
    pub(super) fn give(&mut self, name: &str, given: Given) {
        if self.known.iter().any(|known| known == name) {
            self.given.insert(name.to_owned(), given);
        } else {
            let hint = self.hint(name, str::to_owned);
            self.faults.push(Fault::at(given.origin, format!("{name} is not a setting{hint}")));
        }
    }

    /// Says what an unknown name probably meant, `spelled` as its writer would have to.
    pub(super) fn hint(&self, unknown: &str, spelled: impl Fn(&str) -> String) -> String {
        let meant = did_you_mean(unknown, &self.known);
        meant.map_or_else(String::new, |meant| format!("; did you mean {}?", spelled(meant)))
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Drops the shared secret where no algorithm asks for it: `JWT_SECRET` may be in the environment for
    /// another program, and is then none of our business.
    fn forget_unread_secret(&mut self) {
        let algorithm = self.given.get("tokens.algorithm").and_then(|given| given.text().ok());
        if algorithm.is_none_or(|name| name.trim() != "HS256") {
            self.given.remove("tokens.jwt_secret");
        }
    }
}

/// The names of all settings, with their sections.
fn names() -> Vec<String> {
    let sections = Config::default().sections();
    sections.into_iter().flat_map(|section| section.rows).map(|row| row.name).collect()
}

fn text_in(path: &Path) -> Result<Zeroizing<String>, String> {
    let cannot = |error| format!("cannot be read from {}: {error}", path.display());
    let content = Zeroizing::new(std::fs::read_to_string(path).map_err(cannot)?);
    let text = content.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("cannot be read from {}: the file is empty", path.display()));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FileChoice, Flag, Sources, names};
    use crate::config::{Environment, Faults, load_to_serve};

    proptest! {
        #[test]
        fn whatever_a_setting_is_set_to_is_taken_or_refused_in_one_line(
            setting in prop::sample::select(names()),
            value in prop_oneof![any::<String>(), "[ -~]{0,80}", "(sqlite|postgres|https?):[/a-z@:?&=,.0-9-]{0,60}"],
        ) {
            let flag = Flag { flag: "--set".to_owned(), setting, value };

            let loaded = load_to_serve(&Sources { flags: vec![flag], ..Sources::default() });

            for fault in loaded.err().iter().flat_map(Faults::iter) {
                prop_assert!(!fault.to_string().contains(char::is_control), "{fault}");
            }
        }

        #[test]
        fn whatever_a_file_or_a_variable_holds_is_taken_or_refused(
            file in prop_oneof![any::<String>(), "(\\[?[a-z_.]{1,12}\\]?( = [0-9\"a-z\\[\\]]{1,9})?\n){0,9}"],
            name in "COUNTERSIGN_[A-Z_]{0,30}",
            value in "[ -~]{0,80}",
        ) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("countersign.toml");
            std::fs::write(&path, file).unwrap();
            let environment = Environment::from_iter([(name, value)]);

            let sources = Sources { file: FileChoice::Required(path), environment, ..Sources::default() };

            prop_assert!(load_to_serve(&sources).err().is_none_or(|faults| !faults.is_empty()));
        }
    }
}

//! What is wrong with the settings, told so that it can be put right without reading the code.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, counted from 1.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// A flag on the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => formatter.write_str(name),
        }
    }
}

/// One thing that is wrong, in one line. Never holds a value that may be secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    origin: Option<Origin>,
    message: String,
}

impl Fault {
    /// A fault of what came from one place.
    pub(super) fn at(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin: Some(origin), message: message.into() }
    }

    /// A fault of several settings together.
    pub(super) fn of_the_whole(message: impl Into<String>) -> Self {
        Self { origin: None, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            None | Some(Origin::Default) => formatter.write_str(&one_line(&self.message)),
            Some(origin) => formatter.write_str(&one_line(&format!("{origin}: {}", self.message))),
        }
    }
}

/// Escapes what would break the line or move a terminal's cursor: names and paths are as their writer made them.
fn one_line(message: &str) -> String {
    let escaped = |character: char| match character {
        control if control.is_control() => control.escape_default().to_string(),
        other => other.to_string(),
    };
    message.chars().map(escaped).collect()
}

/// All that is wrong, one line each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Returns the faults in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// Tells whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Faults {}

/// Finds the setting that was probably meant: one that is written nearly alike, or whose section was left out.
pub(super) fn did_you_mean<'a>(unknown: &str, known: &'a [String]) -> Option<&'a str> {
    let alike = known.iter().map(|name| (likeness(unknown, name), name.as_str()));
    let best = alike.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness >= ENOUGH_ALIKE).map(|(_, name)| name)
}

fn likeness(unknown: &str, name: &str) -> f64 {
    let whole = strsim::jaro_winkler(unknown, name);
    match (unknown.rsplit_once('.'), name.rsplit_once('.')) {
        // A section in common says nothing about the keys.
        (Some((section, unknown)), Some((same, key))) if section == same => strsim::jaro_winkler(unknown, key),
        (None, Some((_, key))) => whole.max(strsim::jaro_winkler(unknown, key)),
        _ => whole,
    }
}

/// How alike two names must be (0 to 1) for one to be offered in place of the other. clap asks 0.7 of its flags,
/// which are shorter; at 0.8 `port` is not yet taken for `logs.format`, and `acess_ttl` is for `access_ttl_seconds`.
const ENOUGH_ALIKE: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn a_misspelt_name_or_one_without_its_section_is_recognised() {
        let known = ["listen", "database.url", "tokens.access_ttl_seconds", "tokens.jwt_secret", "logs.format"];
        let known = known.map(str::to_owned);

        assert_eq!(did_you_mean("listn", &known), Some("listen"));
        assert_eq!(did_you_mean("database_url", &known), Some("database.url"));
        assert_eq!(did_you_mean("token.acces_ttl_second", &known), Some("tokens.access_ttl_seconds"));
        assert_eq!(did_you_mean("acess_ttl", &known), Some("tokens.access_ttl_seconds"));
        assert_eq!(did_you_mean("jwt_secret", &known), Some("tokens.jwt_secret"));
        assert_eq!(did_you_mean("port", &known), None);
        assert_eq!(did_you_mean("tokens.kid", &known), None);
    }
}

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

    /// A name that nobody knows, with the known one that was probably meant.
    pub(super) fn unknown(origin: Origin, name: &str, known: &[String]) -> Self {
        let hint = did_you_mean(name, known).map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        Self::at(origin, format!("{name} is not a setting{hint}"))
    }

    /// A fault of several settings together.
    pub(super) fn of_the_whole(message: impl Into<String>) -> Self {
        Self { origin: None, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            None | Some(Origin::Default) => formatter.write_str(&self.message),
            Some(origin) => write!(formatter, "{origin}: {}", self.message),
        }
    }
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

/// Finds the name that was probably meant.
fn did_you_mean<'a>(unknown: &str, known: &'a [String]) -> Option<&'a String> {
    let unknown = unknown.to_lowercase();
    let alike = known.iter().map(|name| (strsim::jaro_winkler(&unknown, &name.to_lowercase()), name));
    let best = alike.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness >= ENOUGH_ALIKE).map(|(_, name)| name)
}

/// How alike two names must be (0 to 1) for one to be offered in place of the other: clap asks 0.7 of flags;
/// names of settings share their section's name and are alike from the start.
const ENOUGH_ALIKE: f64 = 0.85;

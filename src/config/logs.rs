//! What operators see on standard output.

use tracing_subscriber::EnvFilter;

use super::section::section;
use super::setting::{Rejected, Setting, Shown, names};

section! {
    /// What operators see on standard output.
    pub struct Logs in "logs" {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), or directives such as
        /// `info,countersign::database=debug`.
        pub filter: LogFilter = LogFilter("info".to_owned());

        /// The form of a line: `json`, `text`, or `auto` for text on a terminal and JSON elsewhere.
        pub format: LogFormat = LogFormat::Auto;
    }
}

/// The directives of a log filter, which are known to be well formed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFilter(String);

impl LogFilter {
    /// Returns the filter to install.
    #[must_use]
    pub fn to_env_filter(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(&self.0)
    }
}

impl Setting for LogFilter {
    fn allowed() -> String {
        "a level (error, warn, info, debug, trace, off) or directives such as info,countersign=debug".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        match EnvFilter::builder().parse(text) {
            Ok(_) if !text.trim().is_empty() => Ok(Self(text.to_owned())),
            _ => Err(Rejected::NotAllowed),
        }
    }

    fn shown(&self) -> Shown {
        Shown::text(self.0.as_str())
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

names! { LogFormat { "auto" => Auto, "json" => Json, "text" => Text } }

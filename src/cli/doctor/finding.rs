//! What was found: said in a line, with what to do about it.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    /// How it is.
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Notice,
    /// It does not work, or is not safe.
    Bad,
}

impl Finding {
    pub(super) fn good(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, says: says.into(), advice: None }
    }

    pub(super) fn notice(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Notice, says: says.into(), advice: Some(advice.into()) }
    }

    pub(super) fn bad(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Bad, says: says.into(), advice: Some(advice.into()) }
    }

    /// In two lines at most, for people.
    pub(super) fn in_words(&self) -> String {
        let Self { check, verdict, says, advice } = self;
        let mark = match verdict {
            Verdict::Good => "good  ",
            Verdict::Notice => "notice",
            Verdict::Bad => "BAD   ",
        };
        let advice = advice.as_ref().map_or_else(String::new, |advice| format!("{:22}-> {advice}\n", ""));
        format!("{mark}  {check:12}  {says}\n{advice}")
    }
}

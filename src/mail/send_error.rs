//! Why a letter was not sent.
//!
//! What a mail server answers with is not ours to trust: some repeat the address they refuse, some the letter that offends
//! them, in one encoding or another, and it could be a link that signs somebody in. So an error prints the codes of the
//! answer and what they mean, and gives the words only to [`SendError::in_full`].

use std::fmt;
use std::time::Duration;

use crate::circuit_breaker::Verdict;

/// Why a letter was not sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SendError {
    /// The server will not take this letter, ever (5xx).
    #[error("refused for good: {0}")]
    Refused(Reason),
    /// The server will not take this letter now (4xx), such as while it makes strangers wait.
    #[error("refused for now: {0}")]
    Deferred(Reason),
    /// The server cannot be reached, does not answer, or refuses us whatever the letter.
    #[error("the mail server cannot be used: {0}")]
    Unreachable(Reason),
}

impl SendError {
    /// What this says of the mail server.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused(_) | Self::Deferred(_) => Verdict::Success,
            Self::Unreachable(_) => Verdict::Failure,
        }
    }

    /// All that the server said, on one line: for the terminal of an operator who has sent it nothing but a trial.
    #[must_use]
    pub fn in_full(&self) -> &str {
        let (Self::Refused(reason) | Self::Deferred(reason) | Self::Unreachable(reason)) = self;
        let Reason { summary, words } = reason;
        words.as_deref().unwrap_or(summary)
    }

    /// What happened, in one word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Deferred(_) => "deferred",
            Self::Unreachable(_) => "unreachable",
        }
    }

    pub(super) fn late(what: &str, deadline: Duration) -> Self {
        Self::Unreachable(Reason::ours(format!("{what} took longer than {} seconds", deadline.as_secs())))
    }

    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub(super) fn unreachable(error: lettre::transport::smtp::Error) -> Self {
        Self::Unreachable(Reason::of(&error))
    }

    /// What an answer to the letter means. 421 means that the server is about to go (RFC 5321 §4.2.1).
    pub(super) fn of_letter(error: &lettre::transport::smtp::Error) -> Self {
        let reason = Reason::of(error);
        match error.status().map_or(0, u16::from) {
            421 => Self::Unreachable(reason),
            500..=599 => Self::Refused(reason),
            _ => Self::Deferred(reason),
        }
    }
}

/// Why something was refused or failed. It prints no answer of a server.
#[derive(Clone, Eq, PartialEq)]
pub struct Reason {
    summary: String,
    /// What the server said, or the connection to it, on one line.
    words: Option<String>,
}

/// As much of what the system or TLS says as is printed, in characters.
const LONGEST: usize = 300;

impl Reason {
    /// A reason of our own.
    pub(super) fn ours(summary: String) -> Self {
        Self { summary, words: None }
    }

    fn of(error: &lettre::transport::smtp::Error) -> Self {
        let words = error.to_string().replace(char::is_control, " ");
        let summary = match error.status() {
            Some(status) => summary(u16::from(status), &words),
            // It quotes what it could not read.
            None if error.is_response() => "what the server answered is no reply of SMTP".to_owned(),
            // The system's words, or those of TLS about a certificate.
            None => words.chars().take(LONGEST).collect(),
        };
        Self { summary, words: Some(words) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.summary, formatter)
    }
}

/// `550 5.1.1 (addressing)`: the code of the reply, and the enhanced one (RFC 3463) with its subject if there is one.
fn summary(code: u16, words: &str) -> String {
    // It stands first in a reply, and its class is that of the code (RFC 2034 §4).
    let first = words.split_once("): ").and_then(|(_, said)| said.split_whitespace().next());
    let first = first.filter(|word| word.starts_with(&(code / 100).to_string()));
    let enhanced = first.and_then(|word| Some((word, subject(word)?)));
    enhanced.map_or_else(|| code.to_string(), |(enhanced, subject)| format!("{code} {enhanced} ({subject})"))
}

/// What an enhanced status code is about (RFC 3463 §3); `None` if the word is none.
fn subject(word: &str) -> Option<&'static str> {
    let mut parts = word.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str| matches!(part.len(), 1..=3) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !matches!(class, "4" | "5") || !is_number(detail) {
        return None;
    }
    match subject {
        "0" => Some("other"),
        "1" => Some("addressing"),
        "2" => Some("mailbox"),
        "3" => Some("mail system"),
        "4" => Some("network and routing"),
        "5" => Some("protocol"),
        "6" => Some("content"),
        "7" => Some("security or policy"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_told_by_its_codes_alone() {
        for (words, told) in [
            ("permanent error (550): 5.1.1 <ada@example.com>: no such user", "550 5.1.1 (addressing)"),
            ("permanent error (550): 5.7.26 csr_secret 5.1.1", "550 5.7.26 (security or policy)"),
            ("permanent error (550): csr_secret 5.1.1", "550"),
            ("permanent error (550): 4.4.1 of another class", "550"),
            ("permanent error (550): 5.1.1.2 no such thing", "550"),
            ("permanent error (550): 192.0.2.1 is not welcome, ada@example.com neither", "550"),
            ("permanent error (550): 5.8.1 5.1.1234 2.1.5 5.1.x", "550"),
        ] {
            assert_eq!(summary(550, words), told);
        }
    }

    #[test]
    fn an_error_prints_no_words_of_the_server() {
        let words = Some("permanent error (550): <ada@example.com> csr_secret".to_owned());
        let error = SendError::Refused(Reason { summary: "550".to_owned(), words });

        assert_eq!(
            (error.to_string().as_str(), format!("{error:?}").as_str()),
            ("refused for good: 550", "Refused(\"550\")")
        );
        assert_eq!(error.in_full(), "permanent error (550): <ada@example.com> csr_secret");
    }
}

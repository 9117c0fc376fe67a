//! Breaches: whether a password is known from one, by asking a list that somebody else keeps.
//!
//! The list learns 20 bits of a SHA-1 and nothing about whose password it is; the answer is padded, so that its length
//! tells nothing either (k-anonymity, as `api.pwnedpasswords.com` offers it). A list that does not answer must not keep
//! anybody from choosing a password: then there is a line in the log, and the embedded list has the last word.

use std::time::Duration;

use reqwest::{Client, header::ACCEPT};
use tracing::warn;

use crate::{
    circuit_breaker::{Breaker, CallError, Outage, Settings},
    clock::Clock,
    config::PublicUrl,
    crypto::BreachDigest,
    outgoing,
    traces::{self, Kind},
};

/// How long a choice of password waits for the list.
const DEADLINE: Duration = Duration::from_millis(500);

/// A padded answer has 800 to 1,000 lines of some 40 bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The list, if one is configured.
pub struct Breaches(Option<List>);

struct List {
    client: Client,
    url: PublicUrl,
    breaker: Breaker,
}

impl Breaches {
    /// Prepares to ask the list at this address, as patiently as these settings say.
    ///
    /// # Errors
    /// When TLS could not be set up, for example for want of root certificates.
    pub fn at(url: Option<&PublicUrl>, patience: Settings, clock: &Clock) -> Result<Self, reqwest::Error> {
        let Some(url) = url.cloned() else { return Ok(Self(None)) };
        let client = outgoing::client(DEADLINE).build()?;
        let clock = clock.clone();
        let breaker = Breaker::new("breached passwords", patience, move || clock.monotonic());
        Ok(Self(Some(List { client, url, breaker })))
    }

    /// Whether the list names this password. No, if there is no list or it does not answer.
    pub async fn name(&self, digest: &BreachDigest) -> bool {
        let Self(Some(list)) = self else { return false };
        // Where the list is and what was asked stays here: the address holds the first bits of a digest.
        let mut span = traces::child("ask the list of breached passwords", Kind::Client);
        let outcome = list.breaker.call_with_deadline(DEADLINE, list.ask(digest)).await;
        if let (Some(span), Err(error)) = (&mut span, &outcome) {
            span.fail(error.kind());
        }
        match outcome {
            Ok(is_named) => is_named,
            Err(CallError::Rejected(_)) => false, // the breaker has said so, once
            Err(error) => {
                warn!(%error, "the list of breached passwords did not answer; a password was accepted without it");
                false
            }
        }
    }
}

impl List {
    async fn ask(&self, digest: &BreachDigest) -> Result<bool, ListError> {
        let url = format!("{}/{}", self.url, digest.prefix());
        let request = self.client.get(url).header(ACCEPT, "text/plain").header("Add-Padding", "true");
        let mut response = request.send().await.map_err(|error| ListError::Transport(error.without_url()))?;
        if !response.status().is_success() {
            return Err(ListError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| ListError::Transport(error.without_url()))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(ListError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&body).lines().any(|line| digest.is_named_by(line)))
    }
}

/// Why the list said nothing. The address is left out: it holds the first bits of a digest.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("the request failed: {0}")]
    Transport(reqwest::Error),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is longer than 256 KiB")]
    TooLong,
}

impl Outage for ListError {
    fn is_outage(&self) -> bool {
        true
    }
}

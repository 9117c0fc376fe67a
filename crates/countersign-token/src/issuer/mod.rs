//! An issuer whose tokens a service accepts, with keys that keep themselves fresh.
//!
//! Keys come from one address that the service was configured with, never from a token. What was read once is used
//! until something better is read: an issuer that is down stops nobody who already holds a token.

mod fetch;

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

pub use self::fetch::StartError;

use self::fetch::Endpoint;
use crate::key_set::KeySet;
use crate::{Claims, Verifier, VerifyError};

/// An issuer whose tokens are accepted here. Cloning is cheap: clones share their keys.
///
/// [`Issuer::builder`] is for keys that the issuer publishes, `Issuer::from(verifier)` for keys at hand, such as a
/// shared HS256 secret.
#[derive(Clone, Debug)]
pub struct Issuer {
    keys: Keys,
}

#[derive(Clone, Debug)]
enum Keys {
    AtHand(Arc<Verifier>),
    Published(Arc<Published>),
}

impl Issuer {
    /// Begins with an issuer (its public address, to the letter) that publishes its keys, and the audience that
    /// this service is.
    pub fn builder(issuer: impl Into<String>, audience: impl Into<String>) -> IssuerBuilder {
        let issuer = issuer.into();
        IssuerBuilder {
            jwks_url: format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
            verifier: Verifier::new(issuer, audience, KeySet::default()),
            transport: Transport::Secure,
        }
    }

    /// Checks a token by the machine's clock.
    ///
    /// Waits only when the token names a key that is not known: then the keys are read again, by one caller at a
    /// time and once in 5 seconds at most, however many ask.
    ///
    /// # Errors
    /// [`IssuerError::Refused`] is the token's fault and answered with 401, [`IssuerError::KeysUnavailable`] is not
    /// and is answered with 503.
    pub async fn verify(&self, token: &str) -> Result<Claims, IssuerError> {
        match &self.keys {
            Keys::AtHand(verifier) => Ok(verifier.verify_now(token)?),
            Keys::Published(published) => published.verify(token).await,
        }
    }
}

impl From<Verifier> for Issuer {
    fn from(verifier: Verifier) -> Self {
        Self { keys: Keys::AtHand(Arc::new(verifier)) }
    }
}

/// What is known of an issuer before its keys are.
#[derive(Clone, Debug)]
pub struct IssuerBuilder {
    verifier: Verifier,
    jwks_url: String,
    transport: Transport,
}

impl IssuerBuilder {
    /// Reads the keys from this address instead of `{issuer}/.well-known/jwks.json`: for a service that reaches the
    /// issuer by another name than the public does.
    #[must_use]
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = url.into();
        self
    }

    /// Sets how far the clocks may differ; see [`Verifier::with_leeway`].
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.verifier = self.verifier.with_leeway(leeway);
        self
    }

    /// Reads the keys over plain HTTP from another machine, too. Whoever can change packets on the way can then sign
    /// in as anybody: only for a network that is private by other means.
    #[must_use]
    pub const fn allow_plain_http(mut self) -> Self {
        self.transport = Transport::Any;
        self
    }

    /// Begins to read the keys, in a task that ends when the last clone of the [`Issuer`] is gone.
    ///
    /// Does not wait for them and does not fail if the issuer is down: services may start in any order. Call it
    /// within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] if the address can never work.
    pub fn start(self) -> Result<Issuer, StartError> {
        let published = Arc::new(Published {
            endpoint: Endpoint::new(&self.jwks_url, self.transport)?,
            verifier: RwLock::new(Arc::new(self.verifier)),
            reading: Mutex::new(Reading { next: Instant::now(), asked: None, retry: RETRY.0 }),
        });
        tokio::spawn(keep_fresh(Arc::downgrade(&published)));
        Ok(Issuer { keys: Keys::Published(published) })
    }
}

/// Which addresses keys may be read from.
#[derive(Clone, Copy, Debug)]
enum Transport {
    /// HTTPS, or this machine itself.
    Secure,
    /// Plain HTTP as well.
    Any,
}

/// Why a token was not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IssuerError {
    /// The token is refused.
    #[error(transparent)]
    Refused(#[from] VerifyError),
    /// The issuer's keys could not be read yet, so no token can be checked.
    #[error("the issuer's keys have not been read yet")]
    KeysUnavailable,
}

/// An issuer that publishes its keys.
#[derive(Debug)]
struct Published {
    endpoint: Endpoint,
    /// The last good keys; none before the first answer.
    verifier: RwLock<Arc<Verifier>>,
    /// Held while keys are read, so that one reads and the others wait for it.
    reading: Mutex<Reading>,
}

/// When keys are read.
#[derive(Debug)]
struct Reading {
    /// When they are next read, whether or not anybody asks.
    next: Instant,
    /// When a token last made us read keys in vain or ahead of time.
    asked: Option<Instant>,
    /// How long to wait after the next failure.
    retry: Duration,
}

impl Published {
    async fn verify(&self, token: &str) -> Result<Claims, IssuerError> {
        let known = self.verifier();
        let answer = known.verify_now(token);
        if !matches!(answer, Err(VerifyError::UnknownKey { .. })) {
            return Ok(answer?);
        }
        self.read_again(&known).await;
        let known = self.verifier();
        if known.keys().is_empty() { Err(IssuerError::KeysUnavailable) } else { Ok(known.verify_now(token)?) }
    }

    /// Reads the keys because `known` did not suffice, unless somebody just did.
    async fn read_again(&self, known: &Arc<Verifier>) {
        let mut reading = self.reading.lock().await;
        let recent = reading.asked.is_some_and(|at| at.elapsed() < PAUSE_BETWEEN_READS);
        if recent || !Arc::ptr_eq(known, &self.verifier()) {
            return;
        }
        // Before the read: a caller who hangs up in the middle has asked all the same.
        let asked = reading.asked.replace(Instant::now());
        self.read(&mut reading).await;
        // The first keys of all are not ahead of time.
        if known.keys().is_empty() && !self.verifier().keys().is_empty() {
            reading.asked = asked;
        }
    }

    /// Reads the keys, if it is time to, and tells when it will be the next time.
    async fn read_when_due(&self) -> Instant {
        let mut reading = self.reading.lock().await;
        if reading.next <= Instant::now() {
            self.read(&mut reading).await;
        }
        reading.next
    }

    async fn read(&self, reading: &mut Reading) {
        let pause = match self.endpoint.fetch().await {
            Ok(fetched) => {
                let verifier = Verifier::clone(&self.verifier()).with_keys(fetched.keys);
                *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(verifier);
                reading.retry = RETRY.0;
                // Four fifths leave time for a slow answer before the keys are old.
                fetched.max_age * 4 / 5
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, url = %self.endpoint, "the issuer's keys could not be read");
                let pause = reading.retry;
                reading.retry = RETRY.1.min(pause * 2);
                pause
            }
        };
        reading.next = Instant::now() + pause;
    }

    fn verifier(&self) -> Arc<Verifier> {
        Arc::clone(&self.verifier.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Unknown key names cost the issuer one request in this time at most, whoever sends them.
const PAUSE_BETWEEN_READS: Duration = Duration::from_secs(5);

/// After a failure the next attempt comes after the first of these, then twice as late each time up to the second.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Reads the keys before they grow old, for as long as anybody uses them.
async fn keep_fresh(published: Weak<Published>) {
    while let Some(published) = published.upgrade() {
        let next = published.read_when_due().await;
        drop(published);
        sleep_until(next).await;
    }
}

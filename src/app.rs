//! What every operation shares: the handles to the outside and the settings, in one place.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::{
    breaches::Breaches,
    clock::Clock,
    config::Config,
    crypto::{
        DigestKey, Hasher, cursor::CursorKey, mac::MacKey, refresh_token::RefreshTokenKey, seal::Sealer,
        signing_keys::KeyRing,
    },
    database::Database,
    limits::{Buckets, Tally},
    mail::Mailer,
    metrics::Metrics,
    traces::Traces,
};

/// The service's handles, made once at the start and passed to every operation.
pub struct App {
    /// The settings, checked.
    pub config: Config,
    /// The address that clients know the service by: the issuer of every token, the base of every link.
    pub public_url: String,
    /// Whom every access token is for.
    pub audience: String,
    /// The one source of time.
    pub clock: Clock,
    /// The database, of either engine.
    pub database: Database,
    /// Hashes and verifies passwords on threads of its own.
    pub hasher: Hasher,
    /// Tells which passwords are known from breaches.
    pub breaches: Breaches,
    /// Seals what rests in the database.
    pub sealer: Sealer,
    /// The keys that sign access tokens and check them.
    pub keys: KeyRing,
    /// The key of the refresh tokens.
    pub refresh_tokens: RefreshTokenKey,
    /// Is told when somebody on this node has asked for something that is looked at after the answer.
    pub petitioned: Notify,
    /// The key that marks what is written to the audit log.
    pub trail: MacKey,
    /// The key of the cursors of long lists.
    pub cursors: CursorKey,
    /// How many failed sign-ins are written down one by one.
    pub failures: Tally,
    /// The key of the digests under which limits are counted.
    pub digests: DigestKey,
    /// What this node has let through; the database knows what all of them have.
    pub buckets: Buckets,
    /// The way of letters out of the service.
    pub mailer: Mailer,
    /// What is counted.
    pub metrics: Metrics,
    /// Where traces go.
    pub traces: Traces,
    /// Whether the service has been told to end.
    pub stopping: Stopping,
}

/// Whether the service has been told to end: it then still answers, but is not ready for more.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    /// Says that the service shall end.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it shall.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

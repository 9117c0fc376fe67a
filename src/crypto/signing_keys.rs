//! The ring of signing keys: which key signs, and which ones are believed.
//!
//! A snapshot that is replaced as a whole when keys change; reading it takes no lock worth speaking of. Where keys
//! come from and when they change is decided elsewhere (`keys`).

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_token::{Claims, KeySet, MAX_TOKEN_BYTES, Signer, VerificationKey, Verifier, VerifyError};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::domain::Timestamp;

/// The keys of this node, replaceable while requests are being answered.
pub struct KeyRing {
    ring: RwLock<Arc<Ring>>,
    /// When keys were last looked for because of an unknown one, in milliseconds of the monotonic clock.
    looked_at: AtomicU64,
}

/// How often keys are looked for because a token names an unknown one.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// One snapshot of the keys.
pub struct Ring {
    /// The key that signs.
    pub signer: Signer,
    /// When it began to sign; a shared secret has no beginning.
    pub signs_since: Option<Timestamp>,
    /// Checks tokens with every key that may still have signed a living one.
    verifier: Verifier,
    /// The published key set, as it is served: a JSON text.
    pub jwks: String,
    /// Tokens whose signature has been checked with these keys, by digest. They go with the keys.
    verified: Cache<[u8; 32], Arc<Claims>>,
}

/// How many checked tokens are remembered: about 5 MiB of claims. Those used least go first.
const REMEMBERED: usize = 10_000;

impl KeyRing {
    /// A ring that begins with these keys.
    #[must_use]
    pub fn new(ring: Ring) -> Self {
        Self { ring: RwLock::new(Arc::new(ring)), looked_at: AtomicU64::new(0) }
    }

    /// The keys as they are at this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Ring> {
        // Nothing can panic while the lock is held, so a poisoned one still holds a whole ring.
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether keys may be looked for again now, which is granted to one caller a second.
    pub fn may_look_again(&self, monotonic: Duration) -> bool {
        let now = u64::try_from(monotonic.as_millis()).unwrap_or(u64::MAX);
        let interval = u64::try_from(LOOK_AGAIN.as_millis()).unwrap_or(u64::MAX);
        let grant = |last: u64| (last == 0 || now >= last.saturating_add(interval)).then_some(now.max(1));
        self.looked_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grant).is_ok()
    }

    /// Puts other keys in the place of the present ones.
    pub fn replace(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

impl Ring {
    /// A ring of the key that signs and all those that are believed; `expectations` knows issuer and audience.
    ///
    /// # Errors
    /// Two keys of one name, which no two random keys have.
    pub fn new(
        signer: Signer,
        believed: impl IntoIterator<Item = VerificationKey>,
        expectations: Verifier,
    ) -> Result<Self, countersign_token::KeyError> {
        let keys = KeySet::new(believed)?;
        // Under a shared secret nothing is published: whoever is to check tokens has the secret.
        let published = match signer.verification_key().jwk() {
            Some(_) => keys.jwks(),
            None => KeySet::default().jwks(),
        };
        let jwks = serde_json::to_string(&published).map_err(|_| countersign_token::KeyError::Malformed)?;
        Ok(Self {
            signer,
            signs_since: None,
            verifier: expectations.with_keys(keys),
            jwks,
            verified: Cache::new(REMEMBERED),
        })
    }

    /// The same ring, with the instant at which its key began to sign.
    #[must_use]
    pub fn signing_since(self, since: Option<Timestamp>) -> Self {
        Self { signs_since: since, ..self }
    }

    /// Checks a token: the signature once for as long as it is remembered, the claims every time.
    ///
    /// A signature costs 50 µs to check, remembering one 1 µs (measured in November 2026, see docs/performance.md).
    /// Only a digest is kept, so the memory of the process holds no token that could sign anyone in; what was refused
    /// is not remembered, so nobody can push others out with made-up tokens.
    ///
    /// # Errors
    /// [`VerifyError`] names the first check that failed.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Claims>, VerifyError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(VerifyError::Malformed);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.get(&digest) {
            self.verifier.check(&claims, now.as_unix_seconds())?;
            return Ok(claims);
        }
        let claims = Arc::new(self.verifier.verify(token, now.as_unix_seconds())?);
        self.verified.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }
}

//! The keys that one issuer signs with, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jwk::Jwk;
use crate::key::{KeyError, VerificationKey};
use crate::strict;

/// The keys of one issuer, by name. Cloning is cheap: keys are shared.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: BTreeMap<String, Arc<VerificationKey>>,
}

impl KeySet {
    /// Gathers keys.
    ///
    /// # Errors
    /// [`KeyError::DuplicateName`] if two have the same name.
    pub fn new(keys: impl IntoIterator<Item = VerificationKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            if set.keys.insert(key.kid().to_owned(), Arc::new(key)).is_some() {
                return Err(KeyError::DuplicateName);
            }
        }
        Ok(set)
    }

    /// Reads a published key set (RFC 7517 §5).
    ///
    /// Keys that are no use for checking tokens are passed over, as §5 of the RFC asks: other kinds, other uses, or
    /// without a name.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is no key set; [`KeyError::DuplicateName`] if two keys have the same name.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<Value>,
        }
        strict::members(json.as_bytes()).map_err(|_| KeyError::Malformed)?;
        let published: Published = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        Self::new(
            published.keys.into_iter().filter_map(|key| Jwk::read(key).and_then(VerificationKey::from_public).ok()),
        )
    }

    /// Returns the key of that name.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&VerificationKey> {
        self.keys.get(kid).map(Arc::as_ref)
    }

    /// Tells whether there is no key, so that no token can be genuine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the public keys in the form in which an issuer publishes them; secrets are left out.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.keys.values().filter_map(|key| key.jwk().cloned()).collect() }
    }
}

/// A key set as an issuer publishes it (RFC 7517 §5).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JwkSet {
    /// The public keys, ordered by name.
    pub keys: Vec<Jwk>,
}

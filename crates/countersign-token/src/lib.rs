//! What a Countersign access token says, and how any service checks it.

mod algorithm;
mod claims;
mod header;
mod jwk;
mod key;
mod key_set;
#[cfg(feature = "sign")]
mod sign;
mod strict;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::{Claims, Subject};
pub use jwk::Jwk;
pub use key::{KeyError, VerificationKey};
pub use key_set::{JwkSet, KeySet};
#[cfg(feature = "sign")]
pub use sign::{SignError, Signer, generate_pkcs8};
pub use uuid::Uuid;
pub use verifier::{MAX_TOKEN_BYTES, Verifier, VerifyError};

//! What a Countersign access token says, and how any service checks it.

mod algorithm;
mod claims;
#[cfg(feature = "axum")]
mod current_user;
mod header;
#[cfg(feature = "jwks")]
mod issuer;
mod jwk;
mod key;
mod key_set;
#[cfg(feature = "sign")]
mod sign;
mod strict;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::{Claims, Subject};
#[cfg(feature = "axum")]
pub use current_user::{Anyone, CurrentUser, Refusal, Role, bearer_token};
#[cfg(feature = "jwks")]
pub use issuer::{Issuer, IssuerBuilder, IssuerError, StartError};
pub use jwk::Jwk;
pub use key::{KeyError, VerificationKey};
pub use key_set::{JwkSet, KeySet};
#[cfg(feature = "sign")]
pub use sign::{SignError, Signer, generate_pkcs8};
pub use uuid::Uuid;
pub use verifier::{MAX_TOKEN_BYTES, Verifier, VerifyError};

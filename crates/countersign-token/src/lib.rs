//! What a Countersign access token says, and how any service checks it.
//!
//! Countersign signs people in; your service asks it for nothing but its public keys, now and then, and knows from the
//! token on each request who is asking. With axum (feature `axum`):
//!
//! ```no_run
//! # #[cfg(feature = "axum")] mod service {
//! use axum::{Router, routing::get};
//! use countersign_token::{CurrentUser, Issuer, Role};
//!
//! struct Admin;
//! impl Role for Admin { const NAME: &'static str = "admin"; }
//!
//! # pub async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = Issuer::builder("https://auth.example.com", "https://api.example.com").start()?;
//! let app = Router::new()
//!     .route("/me", get(async |user: CurrentUser| format!("you are user {}", user.id())))
//!     .route("/admin", get(async |user: CurrentUser<Admin>| format!("at your command, {}", user.id())))
//!     .with_state(issuer);
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! axum::serve(listener, app).await?;
//! # Ok(()) } }
//! ```
//!
//! With another framework (feature `jwks`), `issuer.verify(token).await` gives the [`Claims`]. Without any feature a
//! [`Verifier`] checks tokens with keys at hand, such as a shared HS256 secret, does no I/O and takes the time as an
//! argument:
//!
//! ```
//! use countersign_token::{KeySet, VerificationKey, Verifier};
//!
//! let keys = KeySet::new([VerificationKey::from_secret(b"what the service has as JWT_SECRET")?])?;
//! let verifier = Verifier::new("https://auth.example.com", "https://api.example.com", keys);
//!
//! assert!(verifier.verify("not.a.token", 1_795_348_800).is_err());
//! # Ok::<(), countersign_token::KeyError>(())
//! ```
//!
//! # What is checked
//!
//! The key's algorithm and no other; a key of the issuer's own by its name; the signature before any content; `typ`,
//! `iss`, `aud`, `exp`, `nbf`, `iat` with a leeway of at most 30 seconds; that every claim is there, of its type and
//! told once. [`VerifyError`] lists what may be wrong. It follows RFC 8725 and RFC 9068.
//!
//! # What is not
//!
//! Whether the user has signed out since. A token lives for half an hour, and the service itself refuses it at once;
//! elsewhere it works until it expires.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `jwks` | `Issuer`: keys over HTTPS, read in the background, kept while the issuer is down |
//! | `axum` | `CurrentUser`, `Role`, refusals as RFC 6750 and RFC 9457 have them; implies `jwks` |
//! | `sign` | `Signer`: for the issuer itself, and for tests |

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

//! Keys: where they come from, when they change, and how every node learns of it.
//!
//! Keys live in the database, sealed under the root secret, so all nodes share them and a restart keeps them. A new
//! key is published before it signs and believed after it has ceased to, so no verifier meets a token that it cannot
//! check. Each change is one conditional statement or transaction: of several nodes that try, one does it.

pub mod ring;
pub mod rotation;
pub mod secrets;

use countersign_token::KeyError;

use crate::{
    app::App,
    config::Config,
    crypto::{
        cursor::CursorKey,
        mac::MacKey,
        refresh_token::RefreshTokenKey,
        seal::{SealError, Sealer},
        signing_keys::KeyRing,
    },
    database::{Database, DatabaseError},
    domain::Timestamp,
};

pub use self::secrets::prove;

/// What keys are kept with.
#[derive(Clone, Copy)]
pub struct Keeper<'a> {
    /// Where they rest.
    pub database: &'a Database,
    /// What they are sealed with.
    pub sealer: &'a Sealer,
    /// Says which algorithm, for whom, and how long keys live.
    pub config: &'a Config,
    /// The issuer of every token.
    pub issuer: &'a str,
    /// The audience of every token.
    pub audience: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl<'a> From<&'a App> for Keeper<'a> {
    fn from(app: &'a App) -> Self {
        Self {
            database: &app.database,
            sealer: &app.sealer,
            config: &app.config,
            issuer: &app.public_url,
            audience: &app.audience,
            now: app.clock.now(),
        }
    }
}

/// What the service holds of keys while it runs.
pub struct Opened {
    /// The keys of the access tokens.
    pub ring: KeyRing,
    /// The key of the refresh tokens.
    pub refresh_tokens: RefreshTokenKey,
    /// The key of the audit log.
    pub trail: MacKey,
    /// The key of the cursors of long lists.
    pub cursors: CursorKey,
}

/// Makes what is missing, seals again what an older root secret sealed, and loads everything.
///
/// # Errors
/// [`KeysError::RootSecret`] when the root secret is not the one that the database was begun with.
pub async fn open(keeper: Keeper<'_>) -> Result<Opened, KeysError> {
    // First, so that a wrong root secret is noticed before anything is sealed under it.
    secrets::reseal(keeper).await?;
    let refresh_tokens = secrets::refresh_token_key(keeper).await?;
    let (trail, cursors) = (secrets::trail_key(keeper).await?, secrets::cursor_key(keeper).await?);
    rotation::begin(keeper).await?;
    Ok(Opened { ring: KeyRing::new(ring::load(keeper).await?), refresh_tokens, trail, cursors })
}

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// What is sealed in the database cannot be opened.
    #[error(
        "the root secret does not open this database: of {name}, {source}. Give COUNTERSIGN_SECRET_KEY \
         the secret the database was begun with; to replace it, give both as `new,old`"
    )]
    RootSecret {
        /// What could not be opened.
        name: String,
        /// Why.
        source: SealError,
    },
    /// HS256 is configured and its secret is missing.
    #[error("COUNTERSIGN_TOKENS__ALGORITHM=HS256 needs JWT_SECRET, at least 32 bytes")]
    NoSecret,
    /// HS256 is configured, and somebody wants another key.
    #[error("HS256 signs with JWT_SECRET, which is changed by hand here and at every service that shares it")]
    SharedSecret,
    /// No key has this name, or none that could be retired.
    #[error("no key that is in use has the id {0}")]
    NoSuchKey(String),
    /// Something sealed could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

//! Loading the ring: rows become keys that sign and keys that are believed.

use std::time::Duration;

use countersign_token::{Algorithm, KeySet, Signer, VerificationKey, Verifier};

use super::{Keeper, KeysError, secrets};
use crate::{
    app::App,
    config::Config,
    crypto::signing_keys::Ring,
    models::signing_key::{SigningKey, State},
};

/// Loads the keys as they are in the database.
pub(super) async fn load(keeper: Keeper<'_>) -> Result<Ring, KeysError> {
    let rows = SigningKey::all(keeper.database).await?;
    let living = rows.iter().filter(|row| row.state != State::Retired);
    let mut believed = living.map(|row| VerificationKey::from_jwk(&row.public_jwk)).collect::<Result<Vec<_>, _>>()?;

    let mut since = None;
    let signer = if keeper.config.tokens.algorithm == Algorithm::Hs256 {
        let secret = keeper.config.tokens.jwt_secret.as_ref().ok_or(KeysError::NoSecret)?;
        Signer::from_secret(secret.expose())?
    } else {
        let active = rows.iter().find(|row| row.state == State::Active);
        since = active.map(|row| row.activates_at);
        signer(keeper, active.ok_or_else(|| KeysError::NoSuchKey("active".to_owned()))?)?
    };
    if signer.verification_key().algorithm() == Algorithm::Hs256 {
        believed.push(signer.verification_key().clone());
    }
    Ok(Ring::new(signer, believed, expectations(keeper))?.signing_since(since))
}

/// How often a node looks whether keys have changed, and so the longest that it does not know of a change: 5 s, or a
/// quarter of the time for which verifiers keep the key set, if that is shorter.
#[must_use]
pub fn look_interval(config: &Config) -> Duration {
    Duration::from_secs(5).min(config.keys.max_age() / 4)
}

/// Loads the keys again into a running service, if they have changed.
///
/// # Errors
/// Those of the database; the present keys then stay in use.
pub async fn reload(app: &App) -> Result<(), KeysError> {
    let ring = load(app.into()).await?;
    let present = app.keys.current();
    let is_same =
        present.jwks == ring.jwks && present.signer.verification_key().kid() == ring.signer.verification_key().kid();
    if !is_same {
        tracing::info!(signing = ring.signer.verification_key().kid(), "the signing keys have changed");
        app.keys.replace(ring);
    }
    Ok(())
}

/// Loads the keys again because a token names one that this node does not know; true if it was done.
///
/// At most once a second: made-up key ids must not become a load on the database.
pub async fn reload_for_unknown_key(app: &App) -> bool {
    if !app.keys.may_look_again(app.clock.monotonic()) {
        return false;
    }
    reload(app).await.inspect_err(|error| tracing::warn!(%error, "the signing keys could not be read")).is_ok()
}

/// Opens the private part of a key.
fn signer(keeper: Keeper<'_>, row: &SigningKey) -> Result<Signer, KeysError> {
    let sealed = row.sealed_private_key.as_deref().unwrap_or_default();
    let der = secrets::open(keeper, &secrets::seal_name(&row.kid), sealed)?;
    let public = VerificationKey::from_jwk(&row.public_jwk)?;
    Ok(Signer::from_pkcs8(public.algorithm(), &row.kid, &der)?)
}

/// What every token must say, whatever key signed it.
fn expectations(keeper: Keeper<'_>) -> Verifier {
    Verifier::new(keeper.issuer, keeper.audience, KeySet::default()).with_leeway(keeper.config.tokens.leeway())
}

//! Rotation: *next* → *active* → *verify-only* → *retired*, by the clock or by hand.
//!
//! A key is published for at least the time that verifiers may keep an older key set, then signs, then is believed
//! until the last token that it signed has died.

use std::time::Duration;

use countersign_token::{Algorithm, KeyError, Signer, generate_pkcs8};
use sha2::{Digest, Sha256};
use tracing::info;

use super::{Keeper, KeysError, ring, secrets};
use crate::{
    audit::{self, By, Event, Kind, Scribe},
    database::Transaction,
    domain::Timestamp,
    models::{
        sealed_secret::SealedSecret,
        signing_key::{SigningKey, State},
    },
};

/// How much longer than its last token a key is believed: 30 s for verifiers with the longest leeway that
/// `countersign-token` allows, and 30 s for nodes that have not noticed yet that it has ceased to sign.
const MARGIN: Duration = Duration::from_mins(1);

/// Sees to it that there is a key that signs, and that it, or the one after it, is of the configured algorithm.
pub(super) async fn begin(keeper: Keeper<'_>) -> Result<(), KeysError> {
    let keys = SigningKey::all(keeper.database).await?;
    let (active, next) = (in_state(&keys, State::Active), in_state(&keys, State::Next));
    let algorithm = keeper.config.tokens.algorithm;
    let is_other = |key: &&SigningKey| key.algorithm != algorithm.name();
    if let Some(next) = next.filter(is_other) {
        retire_one(keeper, next).await?;
    }
    match active {
        Some(active) if algorithm == Algorithm::Hs256 => {
            active.cease(&mut keeper.database.once(), keeper.now, last_token_dead(keeper)).await?;
        }
        None if algorithm == Algorithm::Hs256 => {}
        None => {
            make(keeper, (State::Active, keeper.now), By::system()).await?;
        }
        Some(active) if is_other(&active) => {
            make(keeper, (State::Next, keeper.now + ahead(keeper)), By::system()).await?;
        }
        Some(_) => {}
    }
    Ok(())
}

/// Does what the timetable says is due; true if anything changed. Any node may call it at any time.
///
/// # Errors
/// Those of the database.
pub async fn turn(keeper: Keeper<'_>) -> Result<bool, KeysError> {
    let keys = SigningKey::all(keeper.database).await?;
    let (active, next) = (in_state(&keys, State::Active), in_state(&keys, State::Next));
    let mut changed = retire_the_dead(keeper, &keys).await?;
    match (active, next) {
        (Some(active), Some(next)) if next.activates_at <= keeper.now => {
            changed |= hand_over(keeper, (active, next), By::system()).await?;
        }
        (_, Some(next)) if is_misdated(keeper, next) => {
            changed |= next.bring_forward(&mut keeper.database.once(), keeper.now + ahead(keeper)).await?;
        }
        (Some(active), None) if is_due(keeper, active) && keeper.config.tokens.algorithm != Algorithm::Hs256 => {
            changed |= make(keeper, (State::Next, keeper.now + ahead(keeper)), By::system()).await?.is_some();
        }
        _ => {}
    }
    Ok(changed)
}

/// Begins a rotation by hand: a *next* key that signs as soon as every verifier can know it, or at once.
///
/// # Errors
/// [`KeysError::SharedSecret`] under HS256, [`KeysError::RootSecret`] if the root secret is another one than the
/// database's, and those of the database.
pub async fn rotate(keeper: Keeper<'_>, when: Activation) -> Result<SigningKey, KeysError> {
    if keeper.config.tokens.algorithm == Algorithm::Hs256 {
        return Err(KeysError::SharedSecret);
    }
    let activates_at = match when {
        Activation::WhenPublished => keeper.now + ahead(keeper),
        Activation::AtOnce => keeper.now,
    };
    make(keeper, (State::Next, activates_at), By::cli()).await?;
    let keys = SigningKey::all(keeper.database).await?;
    let no_next = || KeysError::NoSuchKey("next".to_owned());
    let next = in_state(&keys, State::Next).ok_or_else(no_next)?.clone();
    if when == Activation::AtOnce
        && let Some(active) = in_state(&keys, State::Active)
    {
        hand_over(keeper, (active, &next), By::cli()).await?;
        return Ok(SigningKey { state: State::Active, activates_at: keeper.now, ..next });
    }
    Ok(next)
}

/// When a key that is made by hand begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Once every verifier that keeps the key set for its `max-age` has it.
    WhenPublished,
    /// At once: verifiers that do not look again for an unknown key refuse tokens for a while.
    AtOnce,
}

/// Takes a key out of use at once, as when it may have been stolen. If it signs, another takes its place.
///
/// Tokens that it signed are refused from then on.
///
/// # Errors
/// [`KeysError::NoSuchKey`] if no living key has this id, and those of the database.
pub async fn retire(keeper: Keeper<'_>, kid: &str) -> Result<(), KeysError> {
    let keys = SigningKey::all(keeper.database).await?;
    let key = keys.iter().find(|key| key.kid == kid && key.state != State::Retired);
    let key = key.ok_or_else(|| KeysError::NoSuchKey(kid.to_owned()))?;

    let successor = match keeper.config.tokens.algorithm {
        Algorithm::Hs256 => None,
        Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Rs256 => {
            Some(new_key(keeper, State::Active, keeper.now).await?)
        }
    };
    let trail = secrets::trail_key(keeper).await?;
    let mut transaction = begin_change(keeper).await?;
    key.retire(&mut transaction, keeper.now).await?;
    let retired = Event::new(Kind::KeyRetired, By::cli()).with("kid", kid);
    audit::record(&mut transaction, Scribe { key: &trail, now: keeper.now }, retired).await?;
    // Added only where none signs any more; the key may have begun to since it was read.
    if let Some(successor) = successor {
        successor.insert(&mut transaction).await?;
    }
    transaction.commit().await?;
    info!(kid, "a signing key was retired by hand");
    Ok(())
}

/// Begins a transaction that changes several keys. Two of them take turns, or each could wait for a key that the other
/// has changed.
async fn begin_change(keeper: Keeper<'_>) -> Result<Transaction, KeysError> {
    let mut transaction = keeper.database.begin().await?;
    SealedSecret::hold(&mut transaction, secrets::REFRESH_TOKEN_KEY).await?;
    Ok(transaction)
}

async fn hand_over(
    keeper: Keeper<'_>,
    (active, next): (&SigningKey, &SigningKey),
    by: By<'_>,
) -> Result<bool, KeysError> {
    let trail = secrets::trail_key(keeper).await?;
    let mut transaction = begin_change(keeper).await?;
    let is_ours = active.cease(&mut transaction, keeper.now, last_token_dead(keeper)).await?
        && next.activate(&mut transaction, keeper.now).await?;
    if is_ours {
        let rotated = Event::new(Kind::KeyRotated, by).with("kid", next.kid.as_str());
        let rotated = rotated.with("before", active.kid.as_str());
        audit::record(&mut transaction, Scribe { key: &trail, now: keeper.now }, rotated).await?;
        transaction.commit().await?;
        info!(kid = next.kid, before = active.kid, "another key signs");
    }
    Ok(is_ours)
}

async fn retire_the_dead(keeper: Keeper<'_>, keys: &[SigningKey]) -> Result<bool, KeysError> {
    let is_dead =
        |key: &&SigningKey| key.state == State::VerifyOnly && key.retires_at.is_some_and(|until| until < keeper.now);
    let mut changed = false;
    for key in keys.iter().filter(is_dead) {
        changed |= retire_one(keeper, key).await?;
    }
    Ok(changed)
}

async fn retire_one(keeper: Keeper<'_>, key: &SigningKey) -> Result<bool, KeysError> {
    let trail = secrets::trail_key(keeper).await?;
    let mut transaction = keeper.database.begin().await?;
    let is_ours = key.retire(&mut transaction, keeper.now).await?;
    if is_ours {
        let retired = Event::new(Kind::KeyRetired, By::system()).with("kid", key.kid.as_str());
        audit::record(&mut transaction, Scribe { key: &trail, now: keeper.now }, retired).await?;
        transaction.commit().await?;
    }
    Ok(is_ours)
}

/// Whether the key that signs is so old that the next one should be published, or of an age that cannot be told.
fn is_due(keeper: Keeper<'_>, active: &SigningKey) -> bool {
    let is_old = |interval: Duration| active.activates_at + interval.saturating_sub(ahead(keeper)) <= keeper.now;
    keeper.config.keys.rotate_after().is_some_and(|interval| is_old(interval) || is_misdated(keeper, active))
}

/// Whether a key was dated by a clock that ran far ahead and has been set right since. Left alone, it would keep the
/// timetable waiting for that moment to come.
fn is_misdated(keeper: Keeper<'_>, key: &SigningKey) -> bool {
    key.activates_at > keeper.now + ahead(keeper) * 2
}

/// When the last token of a key that ceases to sign at this moment is dead, everywhere.
fn last_token_dead(keeper: Keeper<'_>) -> Timestamp {
    keeper.now + keeper.config.tokens.access_ttl() + MARGIN
}

/// How long before it signs a key is published: as long as a verifier may keep the key set of a node that was the last
/// to notice, give or take what clocks may differ, and as long again as noticing takes for a node that is late.
fn ahead(keeper: Keeper<'_>) -> Duration {
    keeper.config.keys.max_age() + keeper.config.tokens.leeway() + ring::look_interval(keeper.config) * 2
}

fn in_state(keys: &[SigningKey], state: State) -> Option<&SigningKey> {
    keys.iter().find(|key| key.state == state)
}

/// Makes a key and puts it into a state; `None` if there is one in this state already.
async fn make(
    keeper: Keeper<'_>,
    (state, activates_at): (State, Timestamp),
    by: By<'_>,
) -> Result<Option<SigningKey>, KeysError> {
    let key = new_key(keeper, state, activates_at).await?;
    let trail = secrets::trail_key(keeper).await?;
    let mut transaction = keeper.database.begin().await?;
    let is_ours = key.insert(&mut transaction).await?;
    if is_ours {
        let made = Event::new(Kind::KeyMade, by).with("kid", key.kid.as_str()).with("state", state.as_str());
        audit::record(&mut transaction, Scribe { key: &trail, now: keeper.now }, made).await?;
        transaction.commit().await?;
        info!(kid = key.kid, algorithm = key.algorithm, state = state.as_str(), "a signing key was made");
    }
    Ok(is_ours.then_some(key))
}

async fn new_key(keeper: Keeper<'_>, state: State, activates_at: Timestamp) -> Result<SigningKey, KeysError> {
    secrets::prove(keeper).await?;
    let algorithm = keeper.config.tokens.algorithm;
    let der = generate_pkcs8(algorithm)?;
    let unnamed = Signer::from_pkcs8(algorithm, "unnamed", &der)?;
    let mut jwk = unnamed.verification_key().jwk().ok_or(KeyError::Unsupported)?.clone();
    jwk.kid = thumbprint(&jwk);
    Ok(SigningKey {
        algorithm: algorithm.name().to_owned(),
        state,
        public_jwk: serde_json::to_string(&jwk).map_err(|_| KeyError::Malformed)?,
        sealed_private_key: Some(keeper.sealer.seal(&secrets::seal_name(&jwk.kid), &der)?),
        created_at: keeper.now,
        activates_at,
        retires_at: None,
        kid: jwk.kid,
    })
}

/// The thumbprint of a public key (RFC 7638 §3): SHA-256 over its required members in the order of their names.
fn thumbprint(jwk: &countersign_token::Jwk) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};

    let members = [
        ("crv", &jwk.crv),
        ("e", &jwk.e),
        ("kty", &Some(jwk.kty.clone())),
        ("n", &jwk.n),
        ("x", &jwk.x),
        ("y", &jwk.y),
    ];
    let present = members.into_iter().filter_map(|(name, value)| Some(format!("\"{name}\":\"{}\"", value.as_ref()?)));
    let text = format!("{{{}}}", present.collect::<Vec<_>>().join(","));
    Base64UrlUnpadded::encode_string(&Sha256::digest(text))
}

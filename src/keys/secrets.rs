//! The sealed secrets that are no signing keys, and sealing anew when the root secret is replaced.

use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{Keeper, KeysError};
use crate::{
    audit,
    crypto::{cursor::CursorKey, mac::MacKey, random, refresh_token::RefreshTokenKey, seal::SealError},
    models::{job::Job, sealed_secret::SealedSecret, signing_key::SigningKey},
};

/// The name of the key of the refresh tokens.
pub(super) const REFRESH_TOKEN_KEY: &str = "refresh_token_key";

/// Every shared secret that is no signing key.
const SHARED: [&str; 2] = [REFRESH_TOKEN_KEY, audit::SEED];

/// Loads the key of the refresh tokens; at the very first start makes it.
///
/// # Errors
/// [`KeysError::RootSecret`] when it was sealed under another root secret, and those of the database.
pub async fn refresh_token_key(keeper: Keeper<'_>) -> Result<RefreshTokenKey, KeysError> {
    Ok(RefreshTokenKey::new(&shared::<{ RefreshTokenKey::LEN }>(keeper, REFRESH_TOKEN_KEY).await?))
}

/// Loads the key of the audit log; at the very first start makes it.
///
/// # Errors
/// [`KeysError::RootSecret`] when it was sealed under another root secret, and those of the database.
pub async fn trail_key(keeper: Keeper<'_>) -> Result<MacKey, KeysError> {
    let seed = shared::<{ MacKey::SEED_LEN }>(keeper, audit::SEED).await?;
    Ok(MacKey::derive(&seed, audit::KEY_PURPOSE))
}

/// Loads the key of the cursors; at the very first start makes it.
pub(super) async fn cursor_key(keeper: Keeper<'_>) -> Result<CursorKey, KeysError> {
    Ok(CursorKey::derive(&shared::<{ MacKey::SEED_LEN }>(keeper, audit::SEED).await?))
}

/// Loads a secret that all nodes share; at the very first start makes it.
async fn shared<const LEN: usize>(keeper: Keeper<'_>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    if SealedSecret::find(keeper.database, name).await?.is_none() {
        // What is sealed already must be readable: two root secrets in one database would shut each other out.
        prove(keeper).await?;
        let sealed = keeper.sealer.seal(name, random::secret::<LEN>().as_slice())?;
        let secret = SealedSecret { name: name.to_owned(), sealed };
        secret.insert(&mut keeper.database.once(), keeper.now).await?;
    }
    // Read what is there: another node may have been first.
    let Some(secret) = SealedSecret::find(keeper.database, name).await? else {
        return Err(SealError::Altered.into());
    };
    open(keeper, name, &secret.sealed)
}

/// Makes sure that the root secrets open all that is sealed, before anything more is sealed under them.
///
/// Nodes that share a database could not read a key that another secret sealed, and would be left without one that
/// signs.
pub async fn prove(keeper: Keeper<'_>) -> Result<(), KeysError> {
    for name in SHARED {
        if let Some(secret) = SealedSecret::find(keeper.database, name).await? {
            open(keeper, name, &secret.sealed)?;
        }
    }
    for key in SigningKey::all(keeper.database).await? {
        if let Some(sealed) = key.sealed_private_key.as_deref() {
            open(keeper, &seal_name(&key.kid), sealed)?;
        }
    }
    Ok(())
}

/// Seals under the first root secret whatever is still sealed under another.
pub(super) async fn reseal(keeper: Keeper<'_>) -> Result<(), KeysError> {
    let mut resealed = 0_u32;
    for name in SHARED {
        if let Some(secret) = SealedSecret::find(keeper.database, name).await?
            && let Some(sealed) = sealed_anew(keeper, name, &secret.sealed)?
        {
            resealed += u32::from(secret.reseal(&mut keeper.database.once(), &sealed).await?);
        }
    }
    for key in SigningKey::all(keeper.database).await? {
        if let Some(sealed) = key.sealed_private_key.as_deref()
            && let Some(sealed) = sealed_anew(keeper, &seal_name(&key.kid), sealed)?
        {
            resealed += u32::from(key.reseal(&mut keeper.database.once(), &sealed).await?);
        }
    }
    resealed += reseal_jobs(keeper).await?;
    if resealed > 0 {
        info!(resealed, "what an older root secret had sealed is sealed under the first one; the older may be dropped");
    }
    Ok(())
}

/// Seals what waits to be done, a stretch at a time. What no given secret opens stays as it is: a job is not worth a
/// service that does not start, and whoever has the secret may do it yet.
async fn reseal_jobs(keeper: Keeper<'_>) -> Result<u32, KeysError> {
    let (mut resealed, mut after) = (0, 0);
    loop {
        let jobs = Job::sealed(keeper.database, after, STRETCH).await?;
        let Some(last) = jobs.last() else { return Ok(resealed) };
        after = last.id;
        for job in &jobs {
            match sealed_anew(keeper, job.kind.seal_name(), &job.payload) {
                Ok(Some(sealed)) => resealed += u32::from(job.reseal(&mut keeper.database.once(), &sealed).await?),
                Ok(None) => {}
                Err(error) => warn!(job = job.id, %error, "what is to be done cannot be read"),
            }
        }
    }
}

/// How many jobs are in memory at a time.
const STRETCH: i64 = 100;

/// The name under which the private part of a signing key is sealed.
pub(super) fn seal_name(kid: &str) -> String {
    format!("signing_key/{kid}")
}

/// Opens something sealed, or says that the root secret is a wrong one.
pub(super) fn open(keeper: Keeper<'_>, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    keeper.sealer.open(name, sealed).map_err(|source| KeysError::RootSecret { name: name.to_owned(), source })
}

fn sealed_anew(keeper: Keeper<'_>, name: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, KeysError> {
    if !keeper.sealer.is_outdated(sealed) {
        return Ok(None);
    }
    Ok(Some(keeper.sealer.seal(name, &open(keeper, name, sealed)?)?))
}

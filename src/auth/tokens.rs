//! Tokens: issuing the pair that a session lives by, and checking the half that travels most.

use std::{sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_token::{Claims, SignError, Uuid, VerifyError};
use zeroize::Zeroizing;

use crate::{
    app::App,
    crypto::{random, refresh_token::RefreshToken},
    domain::{SessionId, Timestamp},
    keys,
    models::user::{ActiveUser, User},
};

/// A user who has been signed in, and what they need to stay so.
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The session that the tokens belong to.
    pub session: SessionId,
    /// The token for requests: a signed JWT.
    pub access_token: Zeroizing<String>,
    /// How long the access token lives.
    pub access_ttl: Duration,
    /// The token for the next pair.
    pub refresh_token: Zeroizing<String>,
    /// How long the refresh token lives if it is not used.
    pub refresh_ttl: Duration,
}

/// A session that has just been opened or refreshed, with the token for its next refresh.
pub struct Opened {
    /// The session.
    pub id: SessionId,
    /// When it ends, however often it is refreshed.
    pub expires_at: Timestamp,
    /// The token that refreshes it next.
    pub refresh_token: RefreshToken,
}

/// Issues the tokens of a session that has been opened or refreshed.
///
/// # Errors
/// [`SignError`] when the cryptographic library fails, which it does only for want of memory or randomness.
pub fn issue(app: &App, user: ActiveUser, opened: &Opened) -> Result<SignedIn, SignError> {
    let now = app.clock.now();
    let left = opened.expires_at.since(now);
    let access_ttl = app.config.tokens.access_ttl().min(left);
    let claims = Claims {
        iss: app.public_url.clone(),
        aud: app.audience.clone(),
        sub: user.id.get().into(),
        sid: Uuid::from_bytes(*opened.id.as_bytes()),
        jti: Base64UrlUnpadded::encode_string(&random::bytes::<16>()),
        iat: now.as_unix_seconds(),
        nbf: now.as_unix_seconds(),
        exp: (now + access_ttl).as_unix_seconds(),
        roles: user.roles.iter().map(str::to_owned).collect(),
    };
    Ok(SignedIn {
        session: opened.id,
        access_token: Zeroizing::new(app.keys.current().signer.sign(&claims)?),
        access_ttl,
        refresh_token: app.refresh_tokens.write(&opened.refresh_token),
        refresh_ttl: app.config.tokens.refresh_idle_ttl().min(left),
        user: user.into(),
    })
}

/// Checks an access token's signature and claims; a key that is not known yet is looked up once.
///
/// # Errors
/// [`VerifyError`] names the first check that failed.
pub async fn verify(app: &App, access_token: &str, now: Timestamp) -> Result<Arc<Claims>, VerifyError> {
    let verify = || app.keys.current().verify(access_token, now);
    match verify() {
        // Another node may sign with a key that this one has not loaded yet.
        Err(VerifyError::UnknownKey { .. }) if keys::ring::reload_for_unknown_key(app).await => verify(),
        outcome => outcome,
    }
}

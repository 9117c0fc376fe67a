//! JSON shapes that several features answer with.

use axum::{
    Extension, Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::tokens::SignedIn,
    domain::{Email, Roles, SessionId, Timestamp, UserId, Username},
    models::user,
};

/// A user, as they and administrators see them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "email": "ada@example.com", "username": "ada", "is_active": true, "email_verified": false,
    "roles": [], "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:00:00Z"
}))]
pub struct User {
    /// The user's number; access tokens carry it as `sub`, in a string.
    pub id: UserId,
    /// The address, in canonical form.
    pub email: Email,
    /// The name, as it was written at registration.
    pub username: Username,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the address has been confirmed.
    pub email_verified: bool,
    /// What the user may do beyond being one.
    pub roles: Roles,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a client needs to act for a user: an access token, and a refresh token for the next pair.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLiJ9.…", "token_type": "bearer",
    "expires_in": 1800, "refresh_token": "csr_…", "refresh_expires_in": 1_209_600,
    "user": {
        "id": 1, "email": "ada@example.com", "username": "ada", "is_active": true, "email_verified": false,
        "roles": [], "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:00:00Z"
    }
}))]
pub struct TokenPair {
    /// The token to send as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// How long the access token lives, in seconds.
    #[schema(example = 1800)]
    pub expires_in: u64,
    /// The token that is traded, once, for the next pair.
    #[schema(example = "csr_…")]
    pub refresh_token: String,
    /// How long the refresh token lives if it is not used, in seconds.
    #[schema(example = 1_209_600)]
    pub refresh_expires_in: u64,
    /// Who was signed in.
    pub user: User,
}

/// The answer to whoever was signed in; it also tells the log who that is.
pub(crate) struct SignedInAnswer(pub(crate) StatusCode, pub(crate) SignedIn);

/// Who an answer was for, noted in its extensions for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredFor(pub(crate) UserId, pub(crate) SessionId);

impl IntoResponse for SignedInAnswer {
    fn into_response(self) -> Response {
        let Self(status, signed_in) = self;
        let answered_for = Extension(AnsweredFor(signed_in.user.id, signed_in.session));
        (status, answered_for, Json(TokenPair::from(signed_in))).into_response()
    }
}

impl From<&user::User> for User {
    fn from(user: &user::User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            username: user.username.clone(),
            is_active: user.is_active,
            email_verified: user.email_verified,
            roles: user.roles.clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

impl From<SignedIn> for TokenPair {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token.to_string(),
            token_type: "bearer",
            expires_in: signed_in.access_ttl.as_secs(),
            refresh_token: signed_in.refresh_token.to_string(),
            refresh_expires_in: signed_in.refresh_ttl.as_secs(),
            user: User::from(&signed_in.user),
        }
    }
}

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
    models::{audit_event, user},
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

/// Something that happened to an account, a session or a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 7, "at": "2026-11-22T12:00:00Z", "kind": "roles_changed", "actor": {"kind": "admin", "id": 1}, "user_id": 2,
    "session_id": null, "ip": "203.0.113.7", "user_agent": "curl/8.14.1",
    "request_id": "0192f1c47a5e7c3b9d2e5f60718293a4", "details": {"after": "support", "before": ""}
}))]
pub struct AuditEvent {
    /// The event's number. Numbers have gaps.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: Actor,
    /// Whose account it was done to.
    pub user_id: Option<i64>,
    /// The session that it was about.
    pub session_id: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The request, as its answer and the log name it.
    pub request_id: Option<String>,
    /// What else there is to say; the members depend on the kind.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actor {
    /// `nobody` (a client that has not proved who it is), `user`, `admin`, `cli` or `system`.
    #[schema(example = "admin")]
    pub kind: String,
    /// The number of the user or administrator.
    pub id: Option<i64>,
}

impl From<&audit_event::AuditEvent> for AuditEvent {
    fn from(event: &audit_event::AuditEvent) -> Self {
        let fact = event.fact.clone();
        let session = fact.session_id.as_deref().and_then(|bytes| SessionId::from_bytes(bytes).ok());
        Self {
            id: event.id,
            at: fact.occurred_at,
            kind: fact.kind,
            actor: Actor { kind: fact.actor_kind, id: fact.actor_id },
            user_id: fact.user_id,
            session_id: session.map(|id| id.to_string()),
            ip: fact.ip,
            user_agent: fact.user_agent,
            request_id: fact.request_id,
            details: serde_json::from_str(&fact.details).unwrap_or_default(),
        }
    }
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

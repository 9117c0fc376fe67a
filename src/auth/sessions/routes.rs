//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    auth::{
        dependencies::{CurrentUser, Segment},
        logout,
    },
    domain::{Client, SessionId, Timestamp},
    models::session::Session,
    problem::{Code, Problem, refusals},
};

refusals!(Refusals: SessionNotFound);

/// Lists the user's open sessions, the one used last first.
#[utoipa::path(
    get, path = "/auth/sessions", operation_id = "sessions", tag = "auth", security(("bearer" = [])),
    responses((status = OK, description = "The open sessions.", body = Sessions)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, current: CurrentUser) -> Result<Json<Sessions>, Problem> {
    let idle_ttl = app.config.tokens.refresh_idle_ttl();
    let open = super::list(&app, current.user.id).await?;
    let present = |session: Session| OpenSession {
        current: session.id == current.session.id,
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.refreshed_at,
        expires_at: session.expires_at.min(session.refreshed_at + idle_ttl),
        ip: session.ip,
        user_agent: session.user_agent,
    };
    Ok(Json(Sessions { sessions: open.into_iter().map(present).collect() }))
}

/// Ends one of the user's sessions.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", operation_id = "end_session", tag = "auth", security(("bearer" = [])),
    params(("id" = String, Path, description = "The id of the session.", example = "0192f1c4-7a5e-7c3b-9d2e-5f60718293a4")),
    responses((status = NO_CONTENT, description = "The session has ended."), Refusals),
)]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    client: Client,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let not_found = || Problem::new(Code::SessionNotFound);
    let id: SessionId = id.parse().map_err(|_| not_found())?;
    let has_ended = logout::end(&app, id, current.user.id, &client).await?;
    if has_ended { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

/// The open sessions of a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// The one used last first.
    sessions: Vec<OpenSession>,
}

/// An open session, as its user sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenSession {
    /// The id; access tokens carry it as `sid`.
    id: SessionId,
    /// When it was opened.
    created_at: Timestamp,
    /// When it was opened or last refreshed.
    last_used_at: Timestamp,
    /// When it ends unless it is refreshed before.
    expires_at: Timestamp,
    /// The address it was opened or last refreshed from.
    #[schema(example = "203.0.113.7")]
    ip: Option<String>,
    /// What the client called itself then.
    #[schema(example = "curl/8.14.1")]
    user_agent: Option<String>,
    /// Whether it is the session of this request.
    current: bool,
}

//! `GET /admin/audit-events`.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Position, Wanted};
use crate::{
    app::App,
    audit::Kind,
    auth::dependencies::{CurrentAdmin, Fault, Parameters},
    domain::UserId,
    problem::{Code, Problem, refusals},
    schemas::AuditEvent,
};

refusals!(Refusals: Forbidden, InvalidCursor, ValidationFailed);

/// Lists what happened to accounts, sessions and keys, the newest first.
#[utoipa::path(
    get, path = "/admin/audit-events", operation_id = "audit_events", tag = "admin", security(("bearer" = [])),
    params(
        ("user" = Option<i64>, Query, description = "Events about this user.", example = 1),
        ("kind" = Option<String>, Query, description = "Events of this kind.", example = "signed_in"),
        ("since" = Option<String>, Query, description = "Events that did not happen before this instant.",
         example = "2026-11-01T00:00:00Z"),
        ("until" = Option<String>, Query, description = "Events that happened before this instant.",
         example = "2026-12-01T00:00:00Z"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, with the same filters."),
        ("limit" = Option<u8>, Query, description = "How many events a page has at most: 1 to 100, 50 by default.",
         minimum = 1, maximum = 100, example = 50),
    ),
    responses((status = OK, description = "A page of events.", body = AuditEvents), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _admin: CurrentAdmin,
    mut parameters: Parameters,
) -> Result<Json<AuditEvents>, Problem> {
    let wanted = wanted(&mut parameters);
    let (limit, cursor) = (parameters.limit(), parameters.text("cursor"));
    parameters.checked()?;
    // Every filter is a part of it, so that a cursor is good for the same ones only.
    let question = format!("{wanted:?}");
    let question = ["admin/audit-events", &question];
    let after = cursor.map(|cursor| {
        let position = app.cursors.read(&question, &cursor).and_then(|position| Position::parse(&position));
        position.ok_or_else(|| Problem::new(Code::InvalidCursor))
    });
    let page = super::list(&app.database, &wanted, after.transpose()?, limit).await?;
    let next_cursor = page.next.map(|position| app.cursors.write(&question, &position.to_string()));
    Ok(Json(AuditEvents { events: page.events.iter().map(AuditEvent::from).collect(), next_cursor }))
}

/// Some of the events that match.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEvents {
    /// The events, the newest first.
    events: Vec<AuditEvent>,
    /// What to send as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

fn wanted(parameters: &mut Parameters) -> Wanted {
    Wanted {
        user: parameters.optional("user", str::parse::<UserId>),
        kind: parameters.optional("kind", |word| Kind::parse(word).ok_or(UnknownKind)),
        since: parameters.optional("since", str::parse),
        until: parameters.optional("until", str::parse),
    }
}

/// A word that is no kind of event.
#[derive(Debug, thiserror::Error)]
#[error("no event is of this kind; docs/administration.md lists them")]
struct UnknownKind;

impl Fault for UnknownKind {
    fn code(&self) -> &'static str {
        "unknown"
    }
}

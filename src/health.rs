//! Health: whether the process lives, and whether it can do its work.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::app::App;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "version": "0.1.0", "checks": {"database": "ok"},
                       "breakers": {"database": "closed"}}))]
pub(crate) struct Health {
    /// The worst of the checks.
    status: Status,
    /// The version of the service.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// What was checked, by name.
    checks: BTreeMap<&'static str, Status>,
    /// The circuit breaker before each dependency: `closed` lets calls through, `open` refuses them, `half_open`
    /// lets a few find out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    breakers: BTreeMap<&'static str, &'static str>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Not to be reached.
    Unavailable,
    /// About to end.
    Stopping,
}

/// Says that the process lives. It asks nobody else, so a database that is down does not restart the service.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "health",
    responses((status = OK, description = "The process lives.", body = Health)),
)]
pub(crate) async fn live() -> Json<Health> {
    Json(Health::of(BTreeMap::new()))
}

/// Says whether the service can do its work: what it depends on answers, and it has not been told to end.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health",
    responses(
        (status = OK, description = "Ready for requests.", body = Health),
        (status = SERVICE_UNAVAILABLE, description = "Send requests elsewhere.", body = Health),
    ),
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    let database = match app.database.ping().await {
        Ok(()) => Status::Ok,
        Err(error) => {
            warn!(%error, "the database does not answer");
            Status::Unavailable
        }
    };
    let mut checks = BTreeMap::from([("database", database)]);
    if app.stopping.has_begun() {
        checks.insert("process", Status::Stopping);
    }
    let breaker = app.database.breaker();
    let health = Health { breakers: BTreeMap::from([(breaker.name, breaker.state.as_str())]), ..Health::of(checks) };
    let status = if health.status == Status::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

/// The same as `/health/ready`, under the name that many look for.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "health",
    responses(
        (status = OK, description = "Ready for requests.", body = Health),
        (status = SERVICE_UNAVAILABLE, description = "Send requests elsewhere.", body = Health),
    ),
)]
pub(crate) async fn health(state: State<Arc<App>>) -> (StatusCode, Json<Health>) {
    ready(state).await
}

impl Health {
    fn of(checks: BTreeMap<&'static str, Status>) -> Self {
        let status = checks.values().copied().find(|status| *status != Status::Ok).unwrap_or(Status::Ok);
        Self { status, version: env!("CARGO_PKG_VERSION"), checks, breakers: BTreeMap::new() }
    }
}

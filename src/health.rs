//! Health: whether the process lives, and whether it can do its work.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, extract,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::{app::App, circuit_breaker::State};

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "version": "0.1.0", "checks": {"database": "ok"}}))]
pub(crate) struct Health {
    /// `ok` when every check that counts is.
    status: Status,
    /// The version of the service.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// What was checked, by name. `mail` is shown where there is a mail server, and does not count.
    checks: BTreeMap<&'static str, Status>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// It was asked and did not answer.
    Unavailable,
    /// It has not answered for a while; its circuit breaker is open and refuses calls.
    BreakerOpen,
    /// Its circuit breaker lets a few calls find out whether it is back.
    BreakerHalfOpen,
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
pub(crate) async fn ready(extract::State(app): extract::State<Arc<App>>) -> Response {
    let mut checks = BTreeMap::from([("database", database(&app).await)]);
    if app.stopping.has_begun() {
        checks.insert("process", Status::Stopping);
    }
    let mut health = Health::of(checks);
    // Shown, and no reason to be sent nothing: letters wait, and whoever has none to get is served.
    health.checks.extend(mail(&app).map(|status| ("mail", status)));
    if health.status == Status::Ok {
        return Json(health).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)], Json(health)).into_response()
}

/// How the mail server is, as far as sending has shown; `None` if there is none.
fn mail(app: &App) -> Option<Status> {
    app.mailer.breaker().map(|breaker| Status::of(breaker.state).unwrap_or(Status::Ok))
}

/// When to ask again; balancers ask about this often.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

async fn database(app: &App) -> Status {
    if let Some(status) = Status::of(app.database.breaker().state) {
        return status;
    }
    match app.database.ping().await {
        Ok(()) => Status::Ok,
        Err(error) => {
            warn!(%error, "the database does not answer");
            Status::Unavailable
        }
    }
}

/// The same as `/health/ready`, under the name that many look for.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "health",
    responses(
        (status = OK, description = "Ready for requests.", body = Health),
        (status = SERVICE_UNAVAILABLE, description = "Send requests elsewhere.", body = Health),
    ),
)]
pub(crate) async fn health(state: extract::State<Arc<App>>) -> Response {
    ready(state).await
}

impl Status {
    /// What a breaker says that does not let calls through; a closed one says nothing.
    fn of(breaker: State) -> Option<Self> {
        match breaker {
            State::Open { .. } => Some(Self::BreakerOpen),
            State::HalfOpen { .. } => Some(Self::BreakerHalfOpen),
            State::Closed => None,
        }
    }
}

impl Health {
    fn of(checks: BTreeMap<&'static str, Status>) -> Self {
        let is = |status| checks.values().any(|check| *check == status);
        let status = match checks.values().all(|check| *check == Status::Ok) {
            true => Status::Ok,
            false if is(Status::Stopping) => Status::Stopping,
            false => Status::Unavailable,
        };
        Self { status, version: env!("CARGO_PKG_VERSION"), checks }
    }
}

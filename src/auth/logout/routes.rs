//! `POST /auth/logout` and `POST /auth/logout-all`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::{app::App, auth::dependencies::CurrentUser, domain::Client, problem::Problem};

/// Ends the session that the access token belongs to.
#[utoipa::path(
    post, path = "/auth/logout", operation_id = "logout", tag = "auth", security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "The session has ended; its tokens are worth nothing.")),
)]
pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    client: Client,
) -> Result<StatusCode, Problem> {
    super::logout(&app, &current.session, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of the user.
#[utoipa::path(
    post, path = "/auth/logout-all", operation_id = "logout_all", tag = "auth", security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "Every session of the user has ended.")),
)]
pub(crate) async fn logout_all(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    client: Client,
) -> Result<StatusCode, Problem> {
    super::logout_all(&app, &current.session, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `GET /.well-known/jwks.json` and `/.well-known/oauth-authorization-server`.

use std::sync::Arc;

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// Publishes the keys that access tokens are checked with; none under HS256.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "metadata",
    responses((status = OK, description = "The key set (RFC 7517 §5).", body = serde_json::Value, example = json!({
        "keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "…", "x": "…", "y": "…"}]
    }))),
)]
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    let max_age = format!("public, max-age={}", app.config.keys.max_age_seconds);
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CACHE_CONTROL, max_age)];
    (headers, app.keys.current().jwks.clone())
}

/// Describes this authorization server to OAuth clients.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", operation_id = "authorization_server", tag = "metadata",
    responses((status = OK, description = "The metadata (RFC 8414 §3.2).", body = Metadata)),
)]
pub(crate) async fn authorization_server(State(app): State<Arc<App>>) -> impl IntoResponse {
    let at = |path: &str| format!("{}{path}", app.public_url);
    let mut grants = vec!["refresh_token"];
    if app.config.allows_password_grant() {
        grants.push("password");
    }
    let metadata = Metadata {
        token_endpoint: at("/auth/token"),
        jwks_uri: at("/.well-known/jwks.json"),
        service_documentation: at("/docs"),
        // There is no authorization endpoint, so no response type.
        response_types_supported: Vec::new(),
        grant_types_supported: grants,
        token_endpoint_auth_methods_supported: vec!["none"],
        issuer: app.public_url.clone(),
    };
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(metadata))
}

/// What there is to know about this authorization server (RFC 8414 §2): what exists, nothing else.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationServer)]
pub(crate) struct Metadata {
    /// The issuer of every token, to the letter.
    #[schema(example = "http://127.0.0.1:8000")]
    issuer: String,
    /// Where tokens are issued to OAuth clients.
    token_endpoint: String,
    /// Where the keys are published.
    jwks_uri: String,
    /// Where all of this is documented.
    service_documentation: String,
    /// Empty: there is no authorization endpoint.
    response_types_supported: Vec<&'static str>,
    /// The grants that the token endpoint takes.
    grant_types_supported: Vec<&'static str>,
    /// `none`: clients have no credentials.
    token_endpoint_auth_methods_supported: Vec<&'static str>,
}

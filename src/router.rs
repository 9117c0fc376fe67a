//! Every route of the service, on one screen.

use std::sync::Arc;

use axum::{Router, http::HeaderMap, routing::get};
use tower::util::MapRequestLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    admin,
    app::App,
    auth, health,
    mail::letter::{CONFIRM_PAGE, RESET_PAGE, UNDO_PAGE},
    middleware::exchange::Exchange,
    oauth, openapi, pages,
    problem::{Code, Problem},
};

/// The routes, ready to serve.
pub fn router(app: Arc<App>) -> Router {
    let (documented, document) = documented().split_for_parts();
    let mut document = openapi::finish(document);
    if !app.config.allows_password_grant() {
        document = openapi::without_password_grant(document);
    }
    let document = pages::docs::Document::of(openapi::text(&document));

    documented
        .route(pages::docs::DOCUMENT_PATH, get(async move |headers: HeaderMap| document.answer(&headers)))
        .route("/docs", get(pages::docs::page))
        .route("/docs/", get(pages::docs::page))
        .route("/docs/{file}", get(pages::docs::file))
        .route("/static/countersign.css", get(pages::docs::stylesheet))
        .merge(pages::mailbox::routes(&app))
        .route(CONFIRM_PAGE, get(auth::verify_email::pages::show).post(auth::verify_email::pages::confirm))
        .route(RESET_PAGE, get(auth::reset_password::pages::show).post(auth::reset_password::pages::reset))
        .route(UNDO_PAGE, get(auth::change_email::pages::show).post(auth::change_email::pages::undo))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        // Inside the router, because only there the template of the route is known.
        .route_layer(MapRequestLayer::new(Exchange::note_route))
        .fallback(async || Problem::new(Code::NotFound))
        .with_state(app)
}

/// The OpenAPI document of these routes.
#[must_use]
pub fn document() -> OpenApi {
    openapi::finish(documented().into_openapi())
}

fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(auth::register::routes::register))
        .routes(routes!(auth::login::routes::login))
        .routes(routes!(auth::token::routes::token))
        .routes(routes!(auth::refresh::routes::refresh))
        .routes(routes!(auth::logout::routes::logout))
        .routes(routes!(auth::logout::routes::logout_all))
        .routes(routes!(auth::me::routes::me, auth::me::routes::update, auth::me::routes::delete))
        .routes(routes!(auth::sessions::routes::list))
        .routes(routes!(auth::sessions::routes::end))
        .routes(routes!(auth::change_password::routes::change))
        .routes(routes!(auth::reset_password::routes::forgot))
        .routes(routes!(auth::reset_password::routes::reset))
        .routes(routes!(auth::verify_email::routes::verify))
        .routes(routes!(auth::verify_email::routes::resend))
        .routes(routes!(auth::change_email::routes::change))
        .routes(routes!(auth::change_email::routes::undo))
        .routes(routes!(admin::users::routes::search))
        .routes(routes!(admin::users::routes::find, admin::users::routes::change, admin::users::routes::delete))
        .routes(routes!(admin::users::routes::log_out))
        .routes(routes!(admin::audit_events::routes::list))
        .routes(routes!(oauth::metadata::routes::jwks))
        .routes(routes!(oauth::metadata::routes::authorization_server))
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(pages::problems::explain))
}

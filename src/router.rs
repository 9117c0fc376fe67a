//! Every route of the service, on one screen.

use std::sync::Arc;

use axum::{Router, http::HeaderMap, routing::get};
use tower::util::MapRequestLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

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
    let allows_password_grant = app.config.allows_password_grant();
    let document = pages::docs::Document::made_by(move || {
        let document = document();
        let document = if allows_password_grant { document } else { openapi::without_password_grant(document) };
        openapi::text(&document)
    });

    operations()
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

/// The operations without what documents them, which takes two megabytes and which few services are ever asked for.
fn operations() -> Router<Arc<App>> {
    OPERATIONS.iter().fold(Router::new(), |router, operation| {
        let (_, paths, methods) = operation();
        paths.paths.keys().fold(router, |router, path| router.route(path, methods.clone()))
    })
}

/// The OpenAPI document of these routes.
#[must_use]
pub fn document() -> OpenApi {
    let head = OpenApiRouter::with_openapi(openapi::head());
    let documented = OPERATIONS.iter().fold(head, |documented, operation| documented.routes(operation()));
    openapi::finish(documented.into_openapi())
}

/// Every operation of the API: where it is, who answers, and how it is documented.
const OPERATIONS: [fn() -> UtoipaMethodRouter<Arc<App>>; 26] = [
    || routes!(auth::register::routes::register),
    || routes!(auth::login::routes::login),
    || routes!(auth::token::routes::token),
    || routes!(auth::refresh::routes::refresh),
    || routes!(auth::logout::routes::logout),
    || routes!(auth::logout::routes::logout_all),
    || routes!(auth::me::routes::me, auth::me::routes::update, auth::me::routes::delete),
    || routes!(auth::sessions::routes::list),
    || routes!(auth::sessions::routes::end),
    || routes!(auth::change_password::routes::change),
    || routes!(auth::reset_password::routes::forgot),
    || routes!(auth::reset_password::routes::reset),
    || routes!(auth::verify_email::routes::verify),
    || routes!(auth::verify_email::routes::resend),
    || routes!(auth::change_email::routes::change),
    || routes!(auth::change_email::routes::undo),
    || routes!(admin::users::routes::search),
    || routes!(admin::users::routes::find, admin::users::routes::change, admin::users::routes::delete),
    || routes!(admin::users::routes::log_out),
    || routes!(admin::audit_events::routes::list),
    || routes!(oauth::metadata::routes::jwks),
    || routes!(oauth::metadata::routes::authorization_server),
    || routes!(health::health),
    || routes!(health::live),
    || routes!(health::ready),
    || routes!(pages::problems::explain),
];

//! `GET /docs` and `/openapi.json`: the API documented, and to be tried, from files inside the binary.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use askama::Template;
use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa_swagger_ui::{Config, serve};

use crate::{
    auth::dependencies::Segment,
    problem::{Code, Problem},
};

/// Where the document is served, and where the page looks for it.
pub(crate) const DOCUMENT_PATH: &str = "/openapi.json";

/// Swagger UI sets styles on elements that it makes; all else comes from this host.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(
        Config::new([DOCUMENT_PATH])
            .try_it_out_enabled(true)
            .display_request_duration(true)
            .persist_authorization(false),
    )
});

#[derive(Template)]
#[template(path = "docs.html")]
struct Page;

/// The page.
pub(crate) async fn page() -> Result<Response, Problem> {
    let mut response = super::page(&Page)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

/// The files that the page is made of.
pub(crate) async fn file(Segment(name): Segment) -> Result<Response, Problem> {
    let file = serve(&name, Arc::clone(&CONFIG)).map_err(|error| Problem::internal(error.to_string()))?;
    let file = file.ok_or_else(|| Problem::new(Code::NotFound))?;
    let headers =
        [(header::CONTENT_TYPE, file.content_type), (header::CACHE_CONTROL, "public, max-age=3600".to_owned())];
    // What is in the binary is not copied: whoever takes an answer slowly would hold a megabyte.
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Ok((headers, bytes).into_response())
}

/// The style of our own pages.
pub(crate) async fn stylesheet() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../static/countersign.css"))
}

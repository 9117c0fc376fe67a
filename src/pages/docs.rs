//! `GET /docs` and `/openapi.json`: the API documented, and to be tried, from files inside the binary.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use askama::Template;
use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::{Config, serve};

use crate::{
    auth::dependencies::Segment,
    problem::{Code, Problem},
};

/// Where the document is served, and where the page looks for it.
pub(crate) const DOCUMENT_PATH: &str = "/openapi.json";

/// The document, made when it is first asked for, which takes some milliseconds.
#[derive(Clone)]
pub(crate) struct Document(Arc<LazyLock<Edition, Make>>);

type Make = Box<dyn FnOnce() -> Edition + Send>;

/// The text, and what tells it from another release's.
struct Edition {
    text: Bytes,
    /// Strong (RFC 9110 §8.8.1): the same tag is the same bytes.
    etag: String,
}

impl Document {
    pub(crate) fn made_by(make: impl FnOnce() -> String + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(|| Edition::of(make())))))
    }

    /// The document, or that it is the one which the reader has (RFC 9110 §13.1.2).
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let edition = &**self.0;
        // To be kept, and asked for each time: a new release may have another one.
        let about = [
            (header::ETAG, edition.etag.clone()),
            (header::CACHE_CONTROL, "public, max-age=0, must-revalidate".to_owned()),
        ];
        if edition.is_known_to(headers) {
            return (StatusCode::NOT_MODIFIED, about).into_response();
        }
        (about, [(header::CONTENT_TYPE, "application/json")], edition.text.clone()).into_response()
    }
}

impl Edition {
    fn of(text: String) -> Self {
        let etag = format!("\"{}\"", hex::encode(Sha256::digest(&text)));
        Self { text: text.into(), etag }
    }

    fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        // A proxy that compresses makes the tag a weak one.
        let mut tags = lines.flat_map(|line| line.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|tag| tag == "*" || tag == self.etag)
    }
}

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

//! Pages: what people see in a browser. No scripts of our own, no other hosts.

pub(crate) mod docs;
pub(crate) mod forms;
pub(crate) mod mailbox;
pub(crate) mod problems;

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use crate::problem::Problem;

/// For pages without scripts: style from this host, nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Renders a page that is the same for everyone.
fn page(template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    Ok((headers, Html(html)).into_response())
}

/// For pages with a form that goes back to where it came from.
const POLICY_OF_FORMS: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// Renders a page for one reader: no cache keeps it, and its form may only be sent back here.
pub(crate) fn personal(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY_OF_FORMS),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((status, headers, Html(html)).into_response())
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "told.html")]
pub(crate) struct Told<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
}

impl Told<'_> {
    /// A link that is good no more.
    pub(crate) const DEAD_LINK: Told<'static> = Told {
        title: "This link does not work any more",
        text: "It was used already, its time is over, or a newer mail has taken its place. Look for the newest mail, \
               or ask for another one where you sign in.",
    };
}

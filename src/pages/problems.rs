//! `GET /problems/{code}`: the page that a problem's `type` points to, for every code in the registry.

use askama::Template;
use axum::response::Response;

use crate::{
    auth::dependencies::Segment,
    problem::{Code, Entry, Problem},
};

/// Explains a problem and what to do about it.
#[utoipa::path(
    get, path = "/problems/{code}", operation_id = "explain_problem", tag = "documentation",
    params(("code" = String, Path, description = "The code of a problem.", example = "email_taken")),
    responses(
        (status = OK, description = "A page about the problem.", content_type = "text/html; charset=utf-8", body = String),
        Refusals,
    ),
)]
pub(crate) async fn explain(Segment(code): Segment) -> Result<Response, Problem> {
    let code = Code::parse(&code).ok_or_else(|| Problem::new(Code::NotFound))?;
    super::page(&Page { entry: code.entry() })
}

crate::problem::refusals!(Refusals: NotFound);

#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    entry: Entry,
}

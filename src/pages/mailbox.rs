//! `/dev/mail`: the development mailbox, for people and for tests. Only there where letters go into it, which is in
//! development without a mail server.
//!
//! What a letter holds is shown as it is, so its HTML is kept in a frame that may run nothing and load nothing. It refuses
//! whoever comes through a proxy, or by a name that is not this machine's: a page elsewhere may have had its name lead
//! here (DNS rebinding), and would read codes.

use std::{net::IpAddr, sync::Arc};

use askama::Template;
use axum::{
    Json, Router, extract,
    http::{HeaderMap, HeaderValue, Uri, Version, header, uri::Authority},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

use crate::{
    app::App,
    auth::dependencies::Segment,
    domain::Timestamp,
    mail::{Mailbox, Post},
    problem::{Code, Problem},
};

/// The routes of the mailbox; none where there is no mailbox.
pub(crate) fn routes(app: &App) -> Router<Arc<App>> {
    if app.mailer.mailbox().is_none() {
        return Router::new();
    }
    Router::new()
        .route("/dev/mail", get(list))
        .route("/dev/mail.json", get(list_as_json))
        .route("/dev/mail/{id}", get(letter))
        .route("/dev/mail/{id}/html", get(html_part))
        .route_layer(middleware::from_fn(only_from_here))
}

/// Refuses whoever does not come straight from this machine, by one of its names.
async fn only_from_here(request: extract::Request, next: Next) -> Result<Response, Problem> {
    // Some proxies say nothing of themselves, but speak as browsers have not for long.
    let is_passed_on =
        request.version() < Version::HTTP_11 || PASSED_ON.iter().any(|header| request.headers().contains_key(*header));
    let host = host(request.uri(), request.headers());
    if host.is_some_and(|host| is_this_machine(&host)) && !is_passed_on {
        return Ok(next.run(request).await);
    }
    Err(Problem::new(Code::NotFound).with_detail(FROM_ELSEWHERE))
}

/// What proxies add: a developer's browser sends none of them.
const PASSED_ON: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

const FROM_ELSEWHERE: &str = "The mailbox is only there by the name localhost or 127.0.0.1, and through no proxy.";

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whom the request was for, without the port: HTTP/2 says it in the address, HTTP/1.1 beside it.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named = || Authority::try_from(headers.get(header::HOST)?.as_bytes()).ok();
    uri.authority().cloned().or_else(named).map(|authority| authority.host().to_owned())
}

/// A letter as JSON.
#[derive(Serialize)]
struct Letter<'a> {
    id: &'a str,
    from: String,
    to: &'a str,
    subject: &'a str,
    date: Timestamp,
    message_id: String,
    text: &'a str,
    html: &'a str,
}

async fn list(extract::State(app): extract::State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    if prefers_json(&headers) {
        return list_as_json(extract::State(app)).await;
    }
    page(&List { letters: mailbox(&app)?.letters(), from: app.mailer.sender().to_string() })
}

async fn list_as_json(extract::State(app): extract::State<Arc<App>>) -> Result<Response, Problem> {
    let letters = mailbox(&app)?.letters();
    let mails: Vec<_> = letters.iter().map(|post| Letter::of(&app, post)).collect();
    Ok(Json(serde_json::json!({ "mails": mails })).into_response())
}

async fn letter(
    extract::State(app): extract::State<Arc<App>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let post = find(&app, &id)?;
    if prefers_json(&headers) {
        return Ok(Json(Letter::of(&app, &post)).into_response());
    }
    page(&One { post: &post, from: app.mailer.sender().to_string() })
}

async fn html_part(extract::State(app): extract::State<Arc<App>>, Segment(id): Segment) -> Result<Response, Problem> {
    let post = find(&app, &id)?;
    // Links open beside the frame: the pages they lead to do not let themselves be framed.
    let html = post.words.html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY_OF_PART)], Html(html)).into_response())
}

fn mailbox(app: &App) -> Result<&Mailbox, Problem> {
    app.mailer.mailbox().ok_or_else(|| Problem::new(Code::NotFound))
}

fn find(app: &App, id: &str) -> Result<Arc<Post>, Problem> {
    mailbox(app)?.letter(id).ok_or_else(|| Problem::new(Code::NotFound))
}

/// Browsers name `text/html`; whoever names JSON and not that wants JSON.
fn prefers_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn page(template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(Problem::internal)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response())
}

/// Style from this host, and a letter in a frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A letter: its own style, and nothing else.
const POLICY_OF_PART: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'; \
     sandbox allow-popups allow-popups-to-escape-sandbox",
);

impl<'a> Letter<'a> {
    fn of(app: &App, post: &'a Post) -> Self {
        Self {
            id: &post.id,
            from: app.mailer.sender().to_string(),
            to: post.to.as_str(),
            subject: &post.words.subject,
            date: post.date,
            message_id: format!("<{}>", post.id),
            text: &post.words.text,
            html: &post.words.html,
        }
    }
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct List {
    letters: Vec<Arc<Post>>,
    from: String,
}

#[derive(Template)]
#[template(path = "mailbox_letter.html")]
struct One<'a> {
    post: &'a Post,
    from: String,
}

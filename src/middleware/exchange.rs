//! An exchange: what is known of a request while it is being answered.
//!
//! It rides in the request's extensions. Whoever learns more (the router the template, the extractor the
//! user) notes it here, and the log line at the end says it all.

use std::{
    net::IpAddr,
    sync::{Arc, Once, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use tracing::warn;

use super::{gate, request_id, traced};
use crate::{
    app::App,
    auth::limits::Standing,
    domain::{
        SessionId, UserId,
        client_address::{ClientAddress, ForwardedHeaders},
    },
    problem::Problem,
    traces::{Span, TraceId},
};

/// Who is at the other end of a connection, and what the connection speaks.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address, an IPv4 address in its own form.
    pub ip: IpAddr,
    /// Whether the connection itself is encrypted.
    pub speaks_tls: bool,
}

/// One request and what is known of it.
#[derive(Debug)]
pub struct Exchange {
    /// Names the request in the answer, in problems and in the log.
    pub request_id: String,
    /// The trace that the request belongs to: ours, or the one that its caller has named.
    pub trace_id: Option<TraceId>,
    /// The client's address: the peer's, or what a trusted proxy says.
    pub client: ClientAddress,
    /// Whether the client came over HTTPS.
    pub is_https: bool,
    /// Whether it came in the clear where that is not to be.
    pub needs_https: bool,
    /// The method.
    pub method: Method,
    /// The path, without its query.
    pub path: String,
    /// What the client calls itself, cut to a bearable length.
    pub user_agent: Option<String>,
    started: Instant,
    route: OnceLock<MatchedPath>,
    user: OnceLock<UserId>,
    session: OnceLock<SessionId>,
    limit: OnceLock<Standing>,
}

/// More of a user agent than this is not kept, in characters.
const USER_AGENT_MAX: usize = 256;

impl Exchange {
    /// The exchange that a request begins, and its span if it is traced.
    pub(super) fn open(request: &Request, peer: Peer, app: &App) -> (Self, Option<Span>) {
        let headers = request.headers();
        let caller = traced::caller(headers);
        let span = app.traces.request(caller, || is_trusted(peer.ip, app));
        let channel = Channel::of(peer, headers, app);
        let exchange = Self {
            request_id: request_id::of(headers),
            trace_id: span.as_ref().map(Span::trace).or(caller.map(|caller| caller.trace)),
            client: client_address(peer.ip, request.uri().path(), headers, app),
            is_https: channel == Channel::Https,
            needs_https: channel == Channel::Exposed,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            user_agent: user_agent(headers),
            started: Instant::now(),
            route: OnceLock::new(),
            user: OnceLock::new(),
            session: OnceLock::new(),
            limit: OnceLock::new(),
        };
        (exchange, span)
    }

    /// The exchange that a request belongs to.
    pub(crate) fn of(parts: &Parts) -> Result<Arc<Self>, Problem> {
        let exchange = parts.extensions.get::<Arc<Self>>().cloned();
        exchange.ok_or_else(|| Problem::internal("a handler was called without the edge around it"))
    }

    /// Notes the template of the route that was found; meant for a layer inside the router.
    pub fn note_route(request: Request) -> Request {
        let parts = (request.extensions().get::<Arc<Self>>(), request.extensions().get::<MatchedPath>());
        if let (Some(exchange), Some(route)) = parts {
            exchange.route.get_or_init(|| route.clone());
        }
        request
    }

    /// Notes who is at work.
    pub fn note_user(&self, user: UserId, session: SessionId) {
        self.user.get_or_init(|| user);
        self.session.get_or_init(|| session);
    }

    /// Notes where the quota stands that the request was counted against.
    pub fn note_limit(&self, standing: Standing) {
        self.limit.get_or_init(|| standing);
    }

    /// Where the quota of the client's address stands, if the request was counted.
    #[must_use]
    pub fn limit(&self) -> Option<Standing> {
        self.limit.get().copied()
    }

    /// The template of the route, such as `/problems/{code}`.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.get().map(MatchedPath::as_str)
    }

    /// The user, once known.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.user.get().copied()
    }

    /// The session, once known.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session.get().copied()
    }

    /// Time since the request's head had been read.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Milliseconds since the request's head had been read, to the microsecond.
    #[must_use]
    pub fn latency_ms(&self) -> f64 {
        (self.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0
    }
}

fn client_address(peer: IpAddr, path: &str, headers: &HeaderMap, app: &App) -> ClientAddress {
    // What is not text stands as an empty entry, which ends the search at the proxy that wrote it.
    let values = |name: &str| -> Vec<&str> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect()
    };
    let (x_forwarded_for, forwarded) = (values("x-forwarded-for"), values("forwarded"));
    if x_forwarded_for.is_empty() && forwarded.is_empty() && !gate::is_health(path) && is_trusted(peer, app) {
        SILENT_PROXY.call_once(|| warn!(proxy = %peer, "{NAMES_NO_CLIENT}"));
    }
    let forwarded = ForwardedHeaders { x_forwarded_for: &x_forwarded_for, forwarded: &forwarded };
    ClientAddress::find(peer, forwarded, &app.config.http.trusted_proxies)
}

/// Told once: a proxy that is silent is so for every request.
static SILENT_PROXY: Once = Once::new();
const NAMES_NO_CLIENT: &str = "a trusted proxy does not say whose request it passes on; let it set X-Forwarded-For, or \
     limits take all its clients for one";

fn is_trusted(peer: IpAddr, app: &App) -> bool {
    app.config.http.trusted_proxies.iter().any(|network| network.contains(&peer))
}

/// How a request came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Channel {
    /// Over HTTPS.
    Https,
    /// In the clear, where that is fine: on the machine itself, or because the operator said so.
    Clear,
    /// In the clear, though the service is known by an https address.
    Exposed,
}

impl Channel {
    /// A trusted proxy knows how the client came to it; one that does not say so serves the public address. Whoever else
    /// speaks to us in the clear has gone past the proxies, unless this machine is all that can reach us.
    fn of(peer: Peer, headers: &HeaderMap, app: &App) -> Self {
        let is_known_by_https = app.public_url.starts_with("https://");
        let clear = if is_known_by_https { Self::Exposed } else { Self::Clear };
        let config = &app.config;
        if is_trusted(peer.ip, app) {
            return match forwarded_scheme(headers) {
                Some(scheme) if scheme.eq_ignore_ascii_case(b"https") => Self::Https,
                Some(_) => clear,
                None if peer.speaks_tls || is_known_by_https => Self::Https,
                None => Self::Clear,
            };
        }
        match peer.speaks_tls {
            true => Self::Https,
            false if config.is_loopback() || config.insecure_http => Self::Clear,
            false => clear,
        }
    }
}

/// What the nearest proxy says of how its client came: the last entry, as with addresses.
fn forwarded_scheme(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get_all("x-forwarded-proto").iter().next_back()?;
    value.as_bytes().rsplit(|byte| *byte == b',').next().map(<[u8]>::trim_ascii)
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(USER_AGENT_MAX).collect())
}

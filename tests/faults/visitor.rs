//! Whoever uses the service over HTTP; every request of theirs comes from another address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::home::PASSWORD;
use crate::process::PATIENCE;

/// Sends requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    base: String,
}

/// What came back, and when.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
    pub(crate) took: Duration,
}

impl Reply {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// Whether it is the answer for a dependency that is down, with all that belongs to it.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == 503 && self.text("code") == "service_unavailable" && self.retry_after.is_some()
    }
}

impl Visitor {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self::with(Client::builder(), format!("http://{address}"))
    }

    /// Speaks to the service at `base` in a way of its own.
    pub(crate) fn with(client: ClientBuilder, base: String) -> Self {
        Self { client: client.timeout(PATIENCE).build().unwrap(), base }
    }

    /// Asks. Fails only when no answer came.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        reply(request).await
    }

    /// Submits a form.
    pub(crate) async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Result<Reply, reqwest::Error> {
        reply(self.client.post(format!("{}{path}", self.base)).form(form)).await
    }

    /// Sends a body that may be anything.
    pub(crate) async fn send_text(&self, path: &str, kind: &str, text: String) -> Result<Reply, reqwest::Error> {
        reply(self.client.post(format!("{}{path}", self.base)).header("content-type", kind).body(text)).await
    }

    /// Signs in, or tries to, from an address.
    pub(crate) async fn log_in(&self, email: &str, password: &str, address: &str) -> Result<Reply, reqwest::Error> {
        self.post_from("/auth/login", &json!({"email": email, "password": password}), address).await
    }

    /// Sends a body from an address.
    pub(crate) async fn post_from(&self, path: &str, body: &Value, address: &str) -> Result<Reply, reqwest::Error> {
        reply_to(self.client.post(format!("{}{path}", self.base)).json(body), address).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, None, None).await.unwrap()
    }

    pub(crate) async fn me(&self, access_token: &str) -> Result<Reply, reqwest::Error> {
        self.ask(Method::GET, "/auth/me", Some(access_token), None).await
    }

    pub(crate) async fn log_out(&self, access_token: &str) -> Result<Reply, reqwest::Error> {
        self.ask(Method::POST, "/auth/logout", Some(access_token), None).await
    }

    /// Signs out with a request that has a name.
    pub(crate) async fn log_out_as(&self, access_token: &str, request_id: &str) -> Result<Reply, reqwest::Error> {
        let request = self.client.post(format!("{}/auth/logout", self.base)).bearer_auth(access_token);
        reply(request.header("x-request-id", request_id)).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Reply, reqwest::Error> {
        self.ask(Method::POST, "/auth/refresh", None, Some(&json!({"refresh_token": refresh_token}))).await
    }

    pub(crate) async fn register(&self, name: &str) -> Result<Reply, reqwest::Error> {
        let body = json!({"email": format!("{name}@example.com"), "username": name, "password": PASSWORD});
        self.ask(Method::POST, "/auth/register", None, Some(&body)).await
    }
}

async fn reply(request: RequestBuilder) -> Result<Reply, reqwest::Error> {
    reply_to(request, &another_address()).await
}

async fn reply_to(request: RequestBuilder, address: &str) -> Result<Reply, reqwest::Error> {
    let asked = Instant::now();
    let response = request.header("x-forwarded-for", address).send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let body = serde_json::from_str(&response.text().await?).unwrap_or_default();
    Ok(Reply { status, retry_after, body, took: asked.elapsed() })
}

/// An address that no request has come from yet, as long as the proxy is believed.
pub(crate) fn another_address() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);

    let [_, high, middle, low] = COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("10.{high}.{middle}.{low}")
}

//! One client: a connection that is kept, and one request on it at a time.
//!
//! hyper is driven by hand rather than through wrk or oha: a refresh needs the token of the answer before, a login a
//! user of its own, and the latency of a paced request counts from the moment it was due, which those tools do not
//! record. It adds the time it takes to read the whole body, and no more.

use std::{net::SocketAddr, time::Instant};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A kept connection to one server.
pub(crate) struct Client {
    address: SocketAddr,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// A GET, as the bearer of a token.
    pub(crate) async fn get(&mut self, path: &str, token: &str) -> anyhow::Result<Answer> {
        let request = Request::builder().uri(path).header(header::HOST, self.address.to_string());
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Full::default())?).await
    }

    /// A POST of JSON.
    pub(crate) async fn post(&mut self, path: &str, body: &serde_json::Value) -> anyhow::Result<Answer> {
        let request = Request::builder().method(Method::POST).uri(path).header(header::HOST, self.address.to_string());
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Full::from(body.to_string()))?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        if let Some(kept) = &mut self.sender
            && kept.ready().await.is_err()
        {
            // The server has closed it.
            self.sender = None;
        }
        let sender = match self.sender.take() {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let sender = self.sender.insert(sender);
        let response = sender.send_request(request).await.context("no answer")?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body, at: Instant::now() })
    }

    async fn connect(&self) -> anyhow::Result<http1::SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

//! A visitor: a user with an account, who signs in, asks who they are, and refreshes their session.

use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Answer, Client},
    service::Service,
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What a visitor does over and over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// `POST /auth/login`.
    Login,
    /// `POST /auth/register`, as somebody else each time.
    Register,
    /// `GET /auth/me`.
    Me,
    /// `POST /auth/refresh`, with the token of the refresh before.
    Refresh,
}

/// A user with a connection of their own.
pub(crate) struct Visitor {
    client: Client,
    name: String,
    accounts: u64,
    tokens: Tokens,
}

#[derive(Default, Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
}

impl Visitor {
    /// Somebody who makes an account.
    pub(crate) async fn newcomer(service: &Service, name: String) -> anyhow::Result<Self> {
        let mut visitor = Self::known(service, name);
        let answer = visitor.register(visitor.name.clone()).await?;
        ensure!(answer.status == 201, "{}: registration answered {}", service.name, answer.status);
        visitor.tokens = serde_json::from_slice(&answer.body).context("tokens for a newcomer")?;
        Ok(visitor)
    }

    /// Somebody who has an account.
    pub(crate) fn known(service: &Service, name: String) -> Self {
        Self { client: Client::of(service.address), name, accounts: 0, tokens: Tokens::default() }
    }

    /// Somebody who holds this access token.
    pub(crate) fn bearer(service: &Service, access_token: String) -> Self {
        let mut visitor = Self::known(service, String::new());
        visitor.tokens.access_token = access_token;
        visitor
    }

    /// The same user on another connection.
    pub(crate) fn again(&self, service: &Service) -> Self {
        let mut visitor = Self::known(service, self.name.clone());
        visitor.tokens.access_token.clone_from(&self.tokens.access_token);
        visitor
    }

    /// Does it once; tells the status, and when the answer was there.
    pub(crate) async fn perform(&mut self, work: Work) -> anyhow::Result<(u16, Instant)> {
        let answer = match work {
            Work::Login => {
                let body = json!({ "email": address(&self.name), "password": PASSWORD });
                self.client.post("/auth/login", &body).await?
            }
            Work::Register => {
                self.accounts += 1;
                self.register(format!("{}-{}", self.name, self.accounts)).await?
            }
            Work::Me => self.client.get("/auth/me", &self.tokens.access_token).await?,
            Work::Refresh => {
                let body = json!({ "refresh_token": self.tokens.refresh_token });
                self.client.post("/auth/refresh", &body).await?
            }
        };
        if matches!(work, Work::Refresh | Work::Login) && answer.status == 200 {
            self.tokens = serde_json::from_slice(&answer.body).context("a pair of tokens")?;
        }
        Ok((answer.status, answer.at))
    }

    async fn register(&mut self, name: String) -> anyhow::Result<Answer> {
        let body = json!({ "email": address(&name), "username": name, "password": PASSWORD });
        self.client.post("/auth/register", &body).await
    }
}

fn address(name: &str) -> String {
    format!("{name}@example.com")
}

//! Somebody with an address, a name and a password, who acts through the public interface.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Answer, TestApp};

/// A person, registered or not.
pub(crate) struct Person<'a> {
    app: &'a TestApp,
    pub(crate) email: String,
    pub(crate) username: String,
    pub(crate) password: String,
    address: Option<String>,
}

impl<'a> Person<'a> {
    pub(crate) fn new(app: &'a TestApp, name: &str) -> Self {
        Self {
            app,
            email: format!("{name}@example.com"),
            username: name.to_owned(),
            password: "correct horse battery staple".to_owned(),
            address: None,
        }
    }

    pub(crate) fn with_email(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    pub(crate) fn with_username(mut self, username: &str) -> Self {
        username.clone_into(&mut self.username);
        self
    }

    pub(crate) fn with_password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    /// Says in `X-Forwarded-For` where they are.
    pub(crate) fn at(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    pub(crate) async fn register(&self) -> Answer {
        let body = json!({"email": self.email, "username": self.username, "password": self.password});
        self.posts("/auth/register", &body).await
    }

    pub(crate) async fn log_in(&self) -> Answer {
        self.posts("/auth/login", &json!({"email": self.email, "password": self.password})).await
    }

    pub(crate) async fn log_in_by_username(&self) -> Answer {
        self.posts("/auth/login", &json!({"username": self.username, "password": self.password})).await
    }

    /// Trades a refresh token for the next pair.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.app.post("/auth/refresh", &json!({"refresh_token": refresh_token})).await
    }

    /// Asks who the bearer of a token is.
    pub(crate) async fn me(&self, access_token: &str) -> Answer {
        self.bears(access_token, Method::GET, "/auth/me").await
    }

    pub(crate) async fn log_out(&self, access_token: &str) -> Answer {
        self.bears(access_token, Method::POST, "/auth/logout").await
    }

    pub(crate) async fn log_out_everywhere(&self, access_token: &str) -> Answer {
        self.bears(access_token, Method::POST, "/auth/logout-all").await
    }

    /// Lists the open sessions.
    pub(crate) async fn sessions(&self, access_token: &str) -> Answer {
        self.bears(access_token, Method::GET, "/auth/sessions").await
    }

    pub(crate) async fn change_password(&self, access_token: &str, new_password: &str) -> Answer {
        let body = json!({"current_password": self.password, "new_password": new_password});
        let request = self.request(Method::POST, "/auth/password/change").bearer_auth(access_token);
        Answer::to(request.json(&body)).await
    }

    pub(crate) async fn delete_account(&self, access_token: &str) -> Answer {
        let request = self.request(Method::DELETE, "/auth/me").bearer_auth(access_token);
        Answer::to(request.json(&json!({"password": self.password}))).await
    }

    /// Sends a request without a body, with a token.
    pub(crate) async fn bears(&self, access_token: &str, method: Method, path: &str) -> Answer {
        Answer::to(self.request(method, path).bearer_auth(access_token)).await
    }

    async fn posts(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.app.request(method, path);
        match &self.address {
            Some(address) => request.header("x-forwarded-for", address),
            None => request,
        }
    }
}

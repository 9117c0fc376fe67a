//! Administration, and what is written down of it.

mod access;
mod audit;
mod chain;
mod change;
mod last_admin;
mod search;
mod set_password;
mod versions;

use countersign::admin::users::{self, Changes, Seen};
use countersign::audit::By;
use countersign::domain::{Roles, UserId};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Person, TestApp};

/// Somebody who is signed in.
struct SignedIn<'a> {
    app: &'a TestApp,
    person: Person<'a>,
    id: i64,
    token: String,
    pair: Answer,
}

impl SignedIn<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.person.bears(&self.token, Method::GET, path).await
    }

    async fn patch(&self, id: i64, body: &Value) -> Answer {
        let request = self.app.request(Method::PATCH, &format!("/admin/users/{id}")).bearer_auth(&self.token);
        Answer::to(request.json(body)).await
    }

    async fn patch_if(&self, id: i64, version: &str, body: &Value) -> Answer {
        let request = self.app.request(Method::PATCH, &format!("/admin/users/{id}")).bearer_auth(&self.token);
        Answer::to(request.header("if-match", version).json(body)).await
    }

    async fn delete(&self, id: i64) -> Answer {
        self.person.bears(&self.token, Method::DELETE, &format!("/admin/users/{id}")).await
    }

    fn user_id(&self) -> UserId {
        UserId::new(self.id).expect("an id")
    }
}

/// Somebody who has registered and signed in.
async fn signed_in<'a>(app: &'a TestApp, name: &str) -> SignedIn<'a> {
    let person = app.registered(name).await;
    signed_in_again(app, person).await
}

async fn signed_in_again<'a>(app: &'a TestApp, person: Person<'a>) -> SignedIn<'a> {
    let pair = person.log_in().await;
    let id = pair.json()["user"]["id"].as_i64().expect("a number");
    SignedIn { app, person, id, token: pair.access_token(), pair }
}

/// Somebody who has registered, was made an administrator by an operator, and signed in.
async fn administrator<'a>(app: &'a TestApp, name: &str) -> SignedIn<'a> {
    let user = signed_in(app, name).await;
    let changes = Changes { roles: Some(Roles::parse([Roles::ADMIN]).expect("a role")), ..Changes::default() };
    let made = users::change(app.handles().into(), user.user_id(), &changes, (&Seen::Any, By::cli())).await;
    made.expect("an administrator");
    signed_in_again(app, user.person).await
}

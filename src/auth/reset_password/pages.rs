//! `/reset-password`: the page that the link in the mail opens. Looking at it changes nothing; its button does.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::ResetError;
use crate::{
    app::App,
    auth::{
        codes::{self, Held, Proof},
        dependencies::chosen,
    },
    domain::Client,
    models::one_time_code::Purpose,
    pages::{
        Told,
        forms::{Form, LinkToken, Refusal, Shown},
        personal,
    },
    problem::Problem,
};

/// Shows the form; without a token, one to type the code into.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    client: Client,
    LinkToken(token): LinkToken,
) -> Result<Response, Problem> {
    if token.is_empty() {
        return personal(StatusCode::OK, &Page::default());
    }
    match codes::holder(&app, &Proof::of_link(&token), &[Purpose::ResetPassword], &client).await {
        Ok(held) => personal(StatusCode::OK, &Page { holder: Some(Shown::of(&held)), token, ..Page::default() }),
        Err(error) => Refusal::of(error).and_then(|_| personal(StatusCode::BAD_REQUEST, &Told::DEAD_LINK)),
    }
}

/// Sets the password.
pub(crate) async fn reset(State(app): State<Arc<App>>, client: Client, mut form: Form) -> Result<Response, Problem> {
    let held = match codes::holder(&app, &form.proof(), &[Purpose::ResetPassword], &client).await {
        Ok(held) => held,
        Err(error) => return refused(&form, Refusal::of(error)?),
    };
    let password = form.password("new_password");
    let new = match chosen(password, &held) {
        Ok(new) => new,
        Err(error) => return again(&form, &held, &error.to_string()),
    };
    // What is shown again if the password is refused, before the code is handed over.
    let page = Page::of(&form, &held);
    match super::reset(&app, held, new, &client).await {
        Ok(()) => personal(StatusCode::OK, &DONE),
        Err(ResetError::InvalidCode) => refused(&form, Refusal::Invalid),
        Err(ResetError::Breached(error)) => {
            personal(StatusCode::UNPROCESSABLE_ENTITY, &Page { fault: error.to_string(), ..page })
        }
        Err(error) => Err(error.into()),
    }
}

const DONE: Told<'static> = Told {
    title: "Your password is set",
    text: "You are signed out everywhere. Sign in again with the new password where you usually do; you can close this page.",
};

/// Says that the code is not taken: where it was typed, beside the field.
fn refused(form: &Form, refusal: Refusal) -> Result<Response, Problem> {
    if !form.text("token").is_empty() {
        return personal(StatusCode::BAD_REQUEST, &Told::DEAD_LINK);
    }
    let page = Page { email: form.text("email").to_owned(), fault: refusal.words().to_owned(), ..Page::default() };
    refusal.on(&page)
}

fn again(form: &Form, held: &Held, fault: &str) -> Result<Response, Problem> {
    let page = Page { fault: fault.to_owned(), ..Page::of(form, held) };
    personal(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

#[derive(Default, Template)]
#[template(path = "reset_password.html")]
struct Page {
    holder: Option<Shown>,
    token: String,
    email: String,
    fault: String,
}

impl Page {
    fn of(form: &Form, held: &Held) -> Self {
        Self {
            holder: Some(Shown::of(held)),
            token: form.text("token").to_owned(),
            email: form.text("email").to_owned(),
            fault: String::new(),
        }
    }
}

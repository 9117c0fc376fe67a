//! `/confirm-email`: the page that the link in the mail opens. Looking at it changes nothing; its button does.
//!
//! Who owns the address and did not register the account finds the way to take it over here.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{PURPOSES, VerifyError};
use crate::{
    app::App,
    auth::{
        codes::{self, Held, Proof},
        dependencies::chosen,
        reset_password::ResetError,
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

/// Shows the buttons; without a token, a form to type the code into.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    client: Client,
    LinkToken(token): LinkToken,
) -> Result<Response, Problem> {
    if token.is_empty() {
        return personal(StatusCode::OK, &Page::default());
    }
    match codes::holder(&app, &Proof::of_link(&token), PURPOSES, &client).await {
        Ok(held) => personal(StatusCode::OK, &Page { token, ..Page::of(&held) }),
        Err(error) => Refusal::of(error).and_then(|_| personal(StatusCode::BAD_REQUEST, &Told::DEAD_LINK)),
    }
}

/// Confirms the address, or takes the account over.
pub(crate) async fn confirm(State(app): State<Arc<App>>, client: Client, form: Form) -> Result<Response, Problem> {
    let held = match codes::holder(&app, &form.proof(), PURPOSES, &client).await {
        Ok(held) => held,
        Err(error) => return refused(&form, Refusal::of(error)?),
    };
    if form.has("takeover") {
        return take_over(&app, form, (held, client)).await;
    }
    match super::verify(&app, held, &client).await {
        Ok(()) => personal(StatusCode::OK, &CONFIRMED),
        Err(VerifyError::InvalidCode) => refused(&form, Refusal::Invalid),
        Err(VerifyError::EmailTaken) => personal(StatusCode::CONFLICT, &TAKEN),
        Err(error) => Err(error.into()),
    }
}

async fn take_over(app: &App, mut form: Form, (held, client): (Held, Client)) -> Result<Response, Problem> {
    let password = form.password("new_password");
    let page = Page { token: form.text("token").to_owned(), is_takeover: true, ..Page::of(&held) };
    let again = |fault: String| personal(StatusCode::UNPROCESSABLE_ENTITY, &Page { fault, ..page });
    let new = match chosen(password, &held) {
        Ok(new) => new,
        Err(error) => return again(error.to_string()),
    };
    match super::take_over(app, held, new, &client).await {
        Ok(()) => personal(StatusCode::OK, &TAKEN_OVER),
        Err(ResetError::InvalidCode) => refused(&form, Refusal::Invalid),
        Err(ResetError::Breached(error)) => again(error.to_string()),
        Err(error) => Err(error.into()),
    }
}

const CONFIRMED: Told<'static> = Told {
    title: "Your address is confirmed",
    text: "Thank you. There is nothing more to do; you can close this page.",
};

const TAKEN_OVER: Told<'static> = Told {
    title: "The account is yours",
    text: "Your address is confirmed, and whoever opened the account is signed out. Sign in with your new password.",
};

const TAKEN: Told<'static> = Told {
    title: "This address has another account",
    text: "It has become another account's since the mail was sent, so nothing was changed.",
};

/// Says that the code is not taken: where it was typed, beside the field.
fn refused(form: &Form, refusal: Refusal) -> Result<Response, Problem> {
    if !form.text("token").is_empty() {
        return personal(StatusCode::BAD_REQUEST, &Told::DEAD_LINK);
    }
    let page = Page { email: form.text("email").to_owned(), fault: refusal.words().to_owned(), ..Page::default() };
    refusal.on(&page)
}

#[derive(Default, Template)]
#[template(path = "confirm_email.html")]
struct Page {
    holder: Option<Shown>,
    token: String,
    email: String,
    fault: String,
    offers_takeover: bool,
    is_takeover: bool,
}

impl Page {
    fn of(held: &Held) -> Self {
        // Who has confirmed the address once is the owner of the account.
        let offers_takeover = held.purpose() == Purpose::ConfirmEmail && !held.user.email_verified;
        Self { holder: Some(Shown::of(held)), offers_takeover, ..Self::default() }
    }
}

//! `/undo-email-change`: the page that the link in the mail to the former address opens. Looking at it changes nothing;
//! its button does.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::UndoError;
use crate::{
    app::App,
    auth::codes::{self, Proof},
    domain::Client,
    models::one_time_code::Purpose,
    pages::{
        Told,
        forms::{Form, LinkToken, Refusal, Shown},
        personal,
    },
    problem::Problem,
};

/// Shows the button.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    client: Client,
    LinkToken(token): LinkToken,
) -> Result<Response, Problem> {
    match codes::holder(&app, &Proof::of_link(&token), &[Purpose::UndoEmailChange], &client).await {
        Ok(held) => personal(StatusCode::OK, &Page { holder: Shown::of(&held), token }),
        Err(error) => Refusal::of(error)?.on(&Told::DEAD_LINK),
    }
}

/// Keeps the address, or takes it back.
pub(crate) async fn undo(State(app): State<Arc<App>>, client: Client, form: Form) -> Result<Response, Problem> {
    let held = match codes::holder(&app, &form.proof(), &[Purpose::UndoEmailChange], &client).await {
        Ok(held) => held,
        Err(error) => return Refusal::of(error)?.on(&Told::DEAD_LINK),
    };
    match super::undo(&app, held, &client).await {
        Ok(()) => personal(StatusCode::OK, &DONE),
        Err(UndoError::InvalidCode) => Refusal::Invalid.on(&Told::DEAD_LINK),
        Err(UndoError::EmailTaken) => personal(StatusCode::CONFLICT, &TAKEN),
        Err(error) => Err(error.into()),
    }
}

const DONE: Told<'static> = Told {
    title: "Your address is as it was",
    text: "Everybody is signed out, and the old password does not work any more. A mail is on its way to you with a link to \
           choose a new one.",
};

const TAKEN: Told<'static> = Told {
    title: "This address has another account",
    text: "It has been registered and confirmed again since, so it cannot be given back. Ask whoever runs the service.",
};

#[derive(Template)]
#[template(path = "undo_email_change.html")]
struct Page {
    holder: Shown,
    token: String,
}

//! `POST /auth/email/change` and `POST /auth/email/undo`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::{Change, ChangeError, UndoError};
use crate::{
    app::App,
    auth::{
        codes::{self, Proof},
        dependencies::{Admitted, CurrentUser, Fields, FromFields, MailRequests, Payload},
    },
    domain::{Client, Email, Password},
    models::one_time_code::Purpose,
    problem::{Code, FieldError, Problem, refusals},
};

refusals!(ChangeRefusals: InvalidCredentials, EmailTaken, TooManyAttempts, RateLimited, Overloaded);
refusals!(UndoRefusals: InvalidCode, EmailTaken, Overloaded);

/// Asks a new address to confirm that it shall be the bearer's; `POST /auth/email/verify` takes the code that is sent there.
/// The address that the bearer has so far is told, and can undo it for seven days.
#[utoipa::path(
    post, path = "/auth/email/change", operation_id = "change_email", tag = "auth", security(("bearer" = [])),
    request_body = EmailChange,
    responses((status = ACCEPTED, description = "Two mails are on their way; nothing has changed yet."), ChangeRefusals),
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    admitted: Admitted<MailRequests>,
    Payload(EmailChange { new_email, password }): Payload<EmailChange>,
) -> Result<StatusCode, Problem> {
    super::request(&app, &current.user, Change { new_email, password, client: admitted.client }).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Keeps an address, or takes it back, with the code that was sent there when somebody asked for another one. Every session
/// ends, the password is worth nothing from then on, and a mail with a code to set another one is on its way.
#[utoipa::path(
    post, path = "/auth/email/undo", operation_id = "undo_email_change", tag = "auth", request_body = Undo,
    responses((status = NO_CONTENT, description = "The address is as it was."), UndoRefusals),
)]
pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    client: Client,
    Payload(Undo { token }): Payload<Undo>,
) -> Result<StatusCode, Problem> {
    let held = codes::holder(&app, &Proof::of_link(&token), &[Purpose::UndoEmailChange], &client).await?;
    super::undo(&app, held, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new address, and proof that it is the user who asks, and not somebody at their unlocked screen.
#[derive(ToSchema)]
pub(crate) struct EmailChange {
    /// The address to come.
    #[schema(example = "ada@example.org")]
    new_email: Email,
    /// The present password.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    password: Password,
}

impl FromFields for EmailChange {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let new_email = fields.required("new_email", Email::parse);
        let password = fields.text("password").map(Password::presented);
        Some(Self { new_email: new_email?, password: password? })
    }
}

/// A code from the mail to the former address.
#[derive(ToSchema)]
#[schema(as = EmailChangeUndo)]
pub(crate) struct Undo {
    /// What the link in the mail carries as `token`.
    #[schema(example = "csc_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    token: String,
}

impl FromFields for Undo {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.text("token")? })
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::WrongPassword => Self::new(Code::InvalidCredentials),
            ChangeError::HeldBack { retry_after } => Self::new(Code::TooManyAttempts).retry_after(retry_after),
            ChangeError::EmailTaken => taken("new_email"),
            ChangeError::Limited(error) => error.into(),
            ChangeError::Overloaded(error) => error.into(),
            ChangeError::Database(error) => error.into(),
        }
    }
}

impl From<UndoError> for Problem {
    fn from(error: UndoError) -> Self {
        match error {
            UndoError::InvalidCode => Self::new(Code::InvalidCode),
            UndoError::EmailTaken => taken("email"),
            UndoError::Overloaded(error) => error.into(),
            UndoError::Database(error) => error.into(),
        }
    }
}

fn taken(field: &'static str) -> Problem {
    Problem::new(Code::EmailTaken).with_error(FieldError::new(field, "taken", "This address has an account already."))
}

//! `POST /auth/email/verify` and `POST /auth/email/verification`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::{PURPOSES, ResendError, VerifyError};
use crate::{
    app::App,
    auth::{
        codes::{self, Proof},
        dependencies::{Admitted, CurrentUser, Fields, FromFields, MailRequests, Payload, chosen, refused},
    },
    domain::{Client, Password},
    problem::{Code, FieldError, Problem, refusals},
};

refusals!(VerifyRefusals: InvalidCode, EmailTaken, RateLimited, Overloaded);
refusals!(ResendRefusals: RateLimited);

/// Confirms an address with the code from the mail: the one that the account was registered with, or one that it changes
/// to. Nobody is signed in.
///
/// Who did not register the account, but owns its address, sends `new_password` as well: the password of whoever did
/// register it is replaced, and their sessions end.
#[utoipa::path(
    post, path = "/auth/email/verify", operation_id = "verify_email", tag = "auth", request_body = EmailVerification,
    responses((status = NO_CONTENT, description = "The address is confirmed."), VerifyRefusals),
)]
pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    client: Client,
    Payload(Body { proof, new_password }): Payload<Body>,
) -> Result<StatusCode, Problem> {
    match new_password {
        None => super::verify(&app, codes::holder(&app, &proof, PURPOSES, &client).await?, &client).await?,
        Some(password) => {
            let held = codes::holder(&app, &proof, PURPOSES, &client).await?;
            let new = chosen(password, &held).map_err(refused)?;
            super::take_over(&app, held, new, &client).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Sends the code to confirm the bearer's address again, if it is not confirmed yet.
#[utoipa::path(
    post, path = "/auth/email/verification", operation_id = "resend_verification", tag = "auth",
    security(("bearer" = [])),
    responses((status = ACCEPTED, description = "If the address is not confirmed, a mail is on its way."), ResendRefusals),
)]
pub(crate) async fn resend(
    State(app): State<Arc<App>>,
    current: CurrentUser,
    _admitted: Admitted<MailRequests>,
) -> Result<StatusCode, Problem> {
    super::resend(&app, &current.user).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A code from a mail.
#[derive(ToSchema)]
#[schema(example = json!({"token": "csc_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}))]
#[expect(dead_code, reason = "it is the schema of a body that is read field by field")]
pub(crate) struct EmailVerification {
    /// What the link in the mail carries as `token`; or give `email` and `code`.
    token: Option<String>,
    /// The address that the code was sent to.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// The short code in the mail, in any case, with or without the hyphen. Only a few are looked at for one address in
    /// an hour.
    #[schema(example = "K7QM-4XRT")]
    code: Option<String>,
    /// A password in the place of the one that the account was registered with; for who did not register it.
    new_password: Option<Password>,
}

/// What confirming reads.
pub(crate) struct Body {
    proof: Proof,
    new_password: Option<Password>,
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let proof = Proof::from_fields(fields);
        let new_password = if fields.has("new_password") { fields.text("new_password") } else { None };
        Some(Self { proof: proof?, new_password: new_password.map(Password::presented) })
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::InvalidCode => Self::new(Code::InvalidCode),
            VerifyError::EmailTaken => email_taken("email"),
            VerifyError::Database(error) => error.into(),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::Limited(error) => error.into(),
            ResendError::Database(error) => error.into(),
        }
    }
}

/// An address that belongs to somebody else.
fn email_taken(field: &'static str) -> Problem {
    Problem::new(Code::EmailTaken).with_error(FieldError::new(field, "taken", "This address has an account already."))
}

//! `POST /auth/password/forgot` and `POST /auth/password/reset`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use utoipa::ToSchema;

use super::ResetError;
use crate::{
    app::App,
    auth::{
        codes::{self, Proof},
        dependencies::{Admitted, Fields, FromFields, MailRequests, Payload, breached, chosen, refused},
    },
    domain::{Client, Email, Password},
    models::one_time_code::Purpose,
    problem::{Code, Problem, refusals},
};

refusals!(ForgotRefusals: RateLimited);
refusals!(ResetRefusals: InvalidCode, RateLimited, Overloaded);

/// Sends a link to set another password, if the address has an account. The answer is the same if it has none, and takes
/// the same time.
#[utoipa::path(
    post, path = "/auth/password/forgot", operation_id = "forgot_password", tag = "auth", request_body = Forgotten,
    responses(
        (status = ACCEPTED, description = "If the address has an account, a mail is on its way."),
        ForgotRefusals,
    ),
)]
pub(crate) async fn forgot(
    State(app): State<Arc<App>>,
    _admitted: Admitted<MailRequests>,
    Payload(Forgotten { email }): Payload<Forgotten>,
) -> Result<StatusCode, Problem> {
    super::forgot(&app, &email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets another password with the code from the mail. Every session ends; nobody is signed in.
#[utoipa::path(
    post, path = "/auth/password/reset", operation_id = "reset_password", tag = "auth", request_body = PasswordReset,
    responses((status = NO_CONTENT, description = "The password is set. Sign in with it."), ResetRefusals),
)]
pub(crate) async fn reset(
    State(app): State<Arc<App>>,
    client: Client,
    Payload(Body { proof, new_password }): Payload<Body>,
) -> Result<StatusCode, Problem> {
    let held = codes::holder(&app, &proof, &[Purpose::ResetPassword], &client).await?;
    let new = chosen(new_password, &held).map_err(refused)?;
    super::reset(&app, held, new, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who has forgotten a password.
#[derive(ToSchema)]
pub(crate) struct Forgotten {
    /// The address of the account.
    email: Email,
}

impl FromFields for Forgotten {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { email: fields.required("email", Email::parse)? })
    }
}

/// A code from a mail, and a password.
#[derive(ToSchema)]
#[schema(example = json!({
    "token": "csc_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "new_password": "an entirely different sentence"
}))]
#[expect(dead_code, reason = "it is the schema of a body that is read field by field")]
pub(crate) struct PasswordReset {
    /// What the link in the mail carries as `token`; or give `email` and `code`.
    token: Option<String>,
    /// The address that the code was sent to.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// The short code in the mail, in any case, with or without the hyphen. Only a few are looked at for one address in
    /// an hour.
    #[schema(example = "K7QM-4XRT")]
    code: Option<String>,
    /// The password to come.
    new_password: Password,
}

/// What a reset reads.
pub(crate) struct Body {
    proof: Proof,
    new_password: Password,
}

impl FromFields for Body {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let proof = Proof::from_fields(fields);
        let new_password = fields.text("new_password").map(Password::presented);
        Some(Self { proof: proof?, new_password: new_password? })
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::InvalidCode => Self::new(Code::InvalidCode),
            ResetError::Breached(error) => breached("new_password", error),
            ResetError::Overloaded(error) => error.into(),
            ResetError::Database(error) => error.into(),
        }
    }
}

//! Proof: a one-time code as a body or a form offers it, either form of it.

use super::{Fields, FromFields};
use crate::{
    auth::codes::{CodeError, Proof},
    crypto::one_time_code::{OneTimeToken, TypedCode},
    domain::Email,
    problem::{Code, Problem},
};

impl Proof {
    /// What a link carried. Something that cannot be a token is as wrong as one that never was.
    pub(crate) fn of_link(token: &str) -> Self {
        OneTimeToken::parse(token).map_or(Self::Nothing, Self::Token)
    }

    /// What somebody typed.
    pub(crate) fn typed(email: Email, code: &str) -> Self {
        TypedCode::parse(code).map_or(Self::Nothing, |code| Self::Typed { email, code })
    }
}

impl FromFields for Proof {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        if fields.has("code") && !fields.has("token") {
            let email = fields.required("email", Email::parse);
            let code = fields.text("code");
            return Some(Self::typed(email?, &code?));
        }
        fields.text("token").map(|token| Self::of_link(&token))
    }
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Invalid => Self::new(Code::InvalidCode),
            CodeError::Limited(error) => error.into(),
            CodeError::Database(error) => error.into(),
        }
    }
}

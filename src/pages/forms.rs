//! Forms: what a page of ours sends back, without a script.
//!
//! The right to send one is the code in it, which only the reader of a mail has: no cookie is involved that another
//! site could use.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
    response::Response,
};
use url::form_urlencoded;

use super::personal;
use crate::{
    app::App,
    auth::{
        codes::{CodeError, Held, Proof},
        dependencies::read_body,
        limits::{LimitError, Standing},
    },
    domain::{Email, Password},
    problem::{Code, Problem},
};

/// The fields of a form; of several by one name the last.
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// What was entered, without the space around it; empty where nothing was.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// Whether a button of this name sent the form.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A password, exactly as it was entered.
    pub(crate) fn password(&mut self, name: &str) -> Password {
        Password::presented(self.0.remove(name).unwrap_or_default())
    }

    /// The code: from the link, or typed.
    pub(crate) fn proof(&self) -> Proof {
        match (self.text("token"), Email::parse(self.text("email"))) {
            ("", Ok(email)) => Proof::typed(email, self.text("code")),
            (token, _) => Proof::of_link(token),
        }
    }
}

impl FromRequest<Arc<App>> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        Ok(Self::parse(&read_body(request, app).await?))
    }
}

/// What the link to a page carried as `token`; empty if nothing.
pub(crate) struct LinkToken(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for LinkToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Form::parse(query.as_bytes()).text("token").to_owned()))
    }
}

/// Whose account a page is about.
pub(crate) struct Shown {
    pub(crate) username: String,
    pub(crate) sent_to: String,
}

impl Shown {
    pub(crate) fn of(held: &Held) -> Self {
        Self { username: held.user.username.as_str().to_owned(), sent_to: held.sent_to().as_str().to_owned() }
    }
}

/// Why a code was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// It is none, or not any more.
    Invalid,
    /// Too many were typed.
    TooMany(Standing),
}

impl Refusal {
    /// Tells what people can do about from what only operators can.
    pub(crate) fn of(error: CodeError) -> Result<Self, Problem> {
        match error {
            CodeError::Invalid => Ok(Self::Invalid),
            CodeError::Limited(LimitError::Exceeded(standing)) => Ok(Self::TooMany(standing)),
            CodeError::Limited(error) => Err(error.into()),
            CodeError::Database(error) => Err(error.into()),
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Invalid => "This code does not work: look for a mistake, or for a newer mail.",
            Self::TooMany(_) => "Too many codes were tried. Use the link in the mail, or try again later.",
        }
    }

    /// The page that says so, with how long to wait.
    pub(crate) fn on(self, page: &impl Template) -> Result<Response, Problem> {
        match self {
            Self::Invalid => personal(StatusCode::BAD_REQUEST, page),
            Self::TooMany(standing) => {
                let mut response = personal(StatusCode::TOO_MANY_REQUESTS, page)?;
                response.extensions_mut().insert(standing);
                Ok(response)
            }
        }
    }
}

//! The form that the token endpoint reads (RFC 6749 §4.3.2 and §6).

use std::collections::BTreeMap;

use axum::http::HeaderValue;
use url::form_urlencoded;

use super::error::OAuthError;
use crate::domain::Password;

/// The parameters of a request, each at most once (RFC 6749 §3.2).
pub(super) struct Form(BTreeMap<String, String>);

/// What a client offers for tokens.
pub(super) enum Grant {
    /// A user's name and password.
    Password {
        /// An address or a username.
        username: String,
        /// The password.
        password: Password,
    },
    /// A refresh token.
    RefreshToken {
        /// The token.
        refresh_token: String,
    },
}

impl Form {
    pub(super) fn parse(content_type: Option<&HeaderValue>, body: &[u8]) -> Result<Self, OAuthError> {
        let media_type = content_type.and_then(|value| value.to_str().ok()?.split(';').next());
        if !media_type.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(OAuthError::invalid_request("a parameter is given twice"));
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn grant(mut self) -> Result<Grant, OAuthError> {
        match self.take("grant_type")?.as_str() {
            "password" => Ok(Grant::Password {
                username: self.take("username")?,
                password: Password::presented(self.take("password")?),
            }),
            "refresh_token" => Ok(Grant::RefreshToken { refresh_token: self.take("refresh_token")? }),
            _ => Err(OAuthError::unsupported_grant_type()),
        }
    }

    /// A parameter that must be there; an empty one counts as missing (RFC 6749 §3.2).
    fn take(&mut self, name: &'static str) -> Result<String, OAuthError> {
        let value = self.0.remove(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| OAuthError::invalid_request("a parameter is missing: grant_type, and what belongs to it"))
    }
}

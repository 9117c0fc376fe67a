//! Bodies: JSON read strictly and parsed into words, with every fault reported at once.
//!
//! A body that is no JSON at all is 400; one that is JSON but not what was asked for is 422, with an entry for
//! each field. Fields that nobody knows are ignored.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::strict_json;
use crate::{
    app::App,
    problem::{Code, FieldError, Problem},
};

/// The body of a request, read and parsed.
pub(crate) struct Payload<T>(pub(crate) T);

/// A body that can be read from the fields of a JSON object.
pub(crate) trait FromFields: Sized {
    /// Reads what is needed; `None` when a field was at fault, which [`Fields`] has noted.
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// A word that cannot be parsed says why, for programs and for people.
pub(crate) trait Fault: std::error::Error {
    /// The stable word for this fault.
    fn code(&self) -> &'static str;
}

/// The fields of a JSON object and what was wrong with them.
pub(crate) struct Fields {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads a string that must be there, parsed into a word.
    pub(crate) fn required<T, E: Fault>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = parse(&self.text(name)?);
        self.checked(name, parsed)
    }

    /// Takes a word that was parsed, or notes why it could not be.
    pub(crate) fn checked<T, E: Fault>(&mut self, name: &'static str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.fault(name, error.code(), error.to_string())).ok()
    }

    /// Reads a string that may be absent or null, parsed into a word.
    pub(crate) fn optional<T, E: Fault>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.has(name) { self.required(name, parse) } else { None }
    }

    /// Reads a string that must be there, as it is.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.values.remove(name) {
            Some(Value::String(text)) => Some(text),
            None | Some(Value::Null) => {
                self.fault(name, "missing", "This field is required.");
                None
            }
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.fault(name, "not_a_string", "This field must be a string.");
                None
            }
        }
    }

    /// Reads a truth that may be absent or null.
    pub(crate) fn truth(&mut self, name: &'static str) -> Option<bool> {
        match self.values.remove(name) {
            Some(Value::Bool(truth)) => Some(truth),
            None | Some(Value::Null) => None,
            Some(_) => {
                self.fault(name, "not_a_boolean", "This field must be true or false.");
                None
            }
        }
    }

    /// Reads a list of strings that may be absent or null.
    pub(crate) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let list = match self.values.remove(name) {
            None | Some(Value::Null) => return None,
            Some(Value::Array(list)) => list,
            Some(_) => Vec::from([Value::Null]),
        };
        let texts: Option<Vec<_>> = list.into_iter().map(|item| item.as_str().map(str::to_owned)).collect();
        if texts.is_none() {
            self.fault(name, "not_a_list_of_strings", "This field must be a list of strings.");
        }
        texts
    }

    /// Whether the object has the field, with anything but null in it.
    #[must_use]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, field: &'static str, code: &'static str, message: impl Into<Cow<'static, str>>) {
        self.errors.push(FieldError::new(field, code, message));
    }

    fn parse<T: FromFields>(bytes: &[u8]) -> Result<T, Problem> {
        let value =
            strict_json::read(bytes).map_err(|error| Problem::new(Code::MalformedBody).with_detail(detail(&error)))?;
        let Value::Object(values) = value else {
            return Err(Problem::new(Code::ValidationFailed).with_detail("The body must be a JSON object."));
        };
        let mut fields = Self { values, errors: Vec::new() };
        match T::from_fields(&mut fields) {
            Some(body) if fields.errors.is_empty() => Ok(body),
            _ => Err(Problem::new(Code::ValidationFailed).with_errors(fields.errors)),
        }
    }
}

/// Says where the text went wrong, never what it held.
fn detail(error: &serde_json::Error) -> String {
    format!("The body is not JSON as this service reads it: line {}, column {}.", error.line(), error.column())
}

impl<T: FromFields> FromRequest<Arc<App>> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_json(request.headers()) || !is_plain(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let bytes = read_body(request, app).await?;
        Fields::parse(&bytes).map(Payload)
    }
}

/// Reads a body within its bounds of size and time.
pub(crate) async fn read_body(request: Request, app: &App) -> Result<Bytes, Problem> {
    let bounds = &app.config.http;
    let limit = usize::try_from(bounds.max_body_bytes).unwrap_or(usize::MAX);
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(Problem::new(Code::BodyTooLarge));
    }
    let reading = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(bounds.body_timeout(), reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::new(Code::BodyTooLarge)),
        Ok(Err(_broken_off)) => Err(Problem::new(Code::MalformedBody).with_detail("The body did not arrive whole.")),
        Err(_elapsed) => Err(Problem::new(Code::RequestTimeout)),
    }
}

/// Whether the body is said to be as it is, not compressed: nothing here would unpack it.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether the body is said to be JSON in UTF-8, the only charset that JSON has (RFC 8259 §8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_media_type = parts.next().is_some_and(|part| part.eq_ignore_ascii_case("application/json"));
    is_media_type
        && parts.all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

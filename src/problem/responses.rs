//! Problems in the OpenAPI document: one response per status, with an example for each code.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::{
    Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
    example::{Example, ExampleBuilder},
};

use super::{Code, MEDIA_TYPE};

/// Declares a type that lists, for `#[utoipa::path(responses(…))]`, the codes that an operation refuses with.
macro_rules! refusals {
    ($name:ident: $($code:ident),+ $(,)?) => {
        /// What this operation may refuse with, besides what every operation may.
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::response::Response>> {
                $crate::problem::responses::of(&[$($crate::problem::Code::$code),+])
            }
        }
    };
}
pub(crate) use refusals;

/// The responses that these codes make, by status.
pub(crate) fn of(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut responses = BTreeMap::new();
    for code in codes {
        add(&mut responses, *code, code.entry().status);
    }
    responses
}

/// Adds what one more code means to the responses of an operation, under the status that it has there.
pub(crate) fn add(responses: &mut BTreeMap<String, RefOr<Response>>, code: Code, status: u16) {
    let empty = || RefOr::T(ResponseBuilder::new().content(MEDIA_TYPE, content()).build());
    let RefOr::T(response) = responses.entry(status.to_string()).or_insert_with(empty) else { return };
    let line = format!("- `{}`: {}", code.as_str(), code.entry().title);
    let is_first = response.description.is_empty();
    response.description = if is_first { line } else { format!("{}\n{line}", response.description) };
    if let Some(RefOr::T(content)) = response.content.get_mut(MEDIA_TYPE) {
        content.examples.insert(code.as_str().to_owned(), RefOr::T(example(code, status)));
    }
}

fn content() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build()
}

fn example(code: Code, status: u16) -> Example {
    ExampleBuilder::new().summary(code.entry().title).value(Some(body(code, status))).build()
}

fn body(code: Code, status: u16) -> Value {
    let entry = code.entry();
    let body = json!({
        "type": format!("http://127.0.0.1:8000/problems/{}", entry.code),
        "title": entry.title,
        "status": status,
        "detail": entry.detail,
        "instance": "/",
        "code": entry.code,
        "request_id": "0192f1c47a5e7c3b9d2e5f60718293a4",
    });
    let errors = match code {
        Code::EmailTaken => {
            json!([{"field": "email", "code": "taken", "message": "This address has an account already."}])
        }
        Code::UsernameTaken => json!([{"field": "username", "code": "taken", "message": "This name is taken."}]),
        Code::ValidationFailed => json!([{"field": "email", "code": "missing", "message": "This field is required."}]),
        _ => json!([]),
    };
    with_errors(body, errors)
}

/// The body with its `errors`, which only some codes have.
fn with_errors(mut body: Value, errors: Value) -> Value {
    let has_errors = errors.as_array().is_some_and(|errors| !errors.is_empty());
    if let (Value::Object(members), true) = (&mut body, has_errors) {
        members.insert("errors".to_owned(), errors);
    }
    body
}

//! The head of the OpenAPI document, and what all of its operations have in common.

use utoipa::{
    OpenApi as _,
    openapi::{
        OpenApi,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::problem::{Code, ProblemBody, responses};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Countersign",
        description = "A self-hosted authentication service: register, sign in, be recognised.\n\n\
                       Every error has a stable `code` to branch on; its `type` is the address of a page that explains it.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "auth", description = "Registering, signing in, being recognised."),
        (name = "metadata", description = "What other services need to accept our tokens."),
        (name = "health", description = "How the service is."),
        (name = "documentation", description = "What the answers mean."),
    ),
    components(schemas(ProblemBody)),
)]
struct Head;

/// The document without its operations.
pub(crate) fn head() -> OpenApi {
    let mut document = Head::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access token that registration, login and refresh answer with."))
        .build();
    document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// Adds to every operation what any operation may refuse with.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        // Health has a body of its own, also when it is bad.
        if path.starts_with("/health") {
            continue;
        }
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            add_common_refusals(operation);
        }
    }
    document
}

/// The document as text, the way it is committed and served.
#[must_use]
pub fn text(document: &OpenApi) -> String {
    document.to_pretty_json().unwrap_or_default() + "\n"
}

fn add_common_refusals(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let is_protected = operation.security.is_some();
    let refusals = &mut operation.responses.responses;
    if has_body {
        for code in [
            Code::MalformedBody,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ] {
            responses::add(refusals, code, code.entry().status);
        }
    }
    if is_protected {
        for code in
            [Code::MissingToken, Code::InvalidToken, Code::TokenExpired, Code::SessionEnded, Code::AccountDisabled]
        {
            responses::add(refusals, code, 401);
        }
    }
    for code in [Code::InternalError, Code::ServiceUnavailable] {
        responses::add(refusals, code, code.entry().status);
    }
}

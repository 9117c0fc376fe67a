//! The head of the OpenAPI document, and what all of its operations have in common.

use utoipa::{
    OpenApi as _,
    openapi::{
        Header, Object, OpenApi, RefOr, Type,
        path::Operation,
        security::{Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityRequirement, SecurityScheme},
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
        (name = "admin", description = "Looking after users; needs the role `admin`."),
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
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let flow = Flow::Password(Password::new("/auth/token", Scopes::new()));
    components.add_security_scheme(PASSWORD, SecurityScheme::OAuth2(OAuth2::with_description([flow], SIGN_IN)));
    document
}

/// A token that the reader has.
const BEARER: &str = "bearer";

/// A token that the documentation page gets for the reader.
const PASSWORD: &str = "password";

const SIGN_IN: &str = "Signs in with an address or a username and a password; leave the client fields empty.";

/// The document of a service that does not take passwords at the token endpoint.
pub(crate) fn without_password_grant(mut document: OpenApi) -> OpenApi {
    if let Some(components) = &mut document.components {
        components.security_schemes.remove(PASSWORD);
    }
    for operation in operations(&mut document) {
        if let Some(requirements) = &mut operation.security {
            requirements.retain(|requirement| *requirement == SecurityRequirement::new::<_, _, &str>(BEARER, []));
        }
    }
    document
}

/// Adds to every operation what any operation may refuse with.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    for operation in operations(&mut document) {
        // Health has a body of its own, also when it is bad.
        // The token endpoint refuses in the form of RFC 6749.
        let is_foreign = operation.operation_id.as_deref() == Some("token");
        if !is_foreign && !operation.tags.iter().flatten().any(|tag| tag == "health") {
            add_common_refusals(operation);
        }
        describe_limits(operation);
        if let Some(requirements) = &mut operation.security {
            requirements.push(SecurityRequirement::new::<_, _, &str>(PASSWORD, []));
        }
    }
    document
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document
        .paths
        .paths
        .values_mut()
        .flat_map(|item| [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten())
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

/// Adds the fields of the limits: where an operation may answer 429, every answer may say what is left.
fn describe_limits(operation: &mut Operation) {
    if !operation.responses.responses.contains_key(TOO_MANY_REQUESTS) {
        return;
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        for (name, about) in [
            (
                "RateLimit-Policy",
                r#"How often the client's address, or on a 429 the account, may ask: `"login";q=30;w=60` is 30 in 60 seconds."#,
            ),
            (
                "RateLimit",
                r#"How often it still may, and in how many seconds it may as often as ever: `"login";r=29;t=2`."#,
            ),
        ] {
            response.headers.insert(name.to_owned(), described(about, Type::String));
        }
        if status == TOO_MANY_REQUESTS {
            let about = "When to ask again, in seconds.";
            response.headers.insert("Retry-After".to_owned(), described(about, Type::Integer));
        }
    }
}

const TOO_MANY_REQUESTS: &str = "429";

fn described(about: &str, kind: Type) -> RefOr<Header> {
    let mut header = Header::new(Object::with_type(kind));
    header.description = Some(about.to_owned());
    RefOr::T(header)
}

//! The extractor as a handler's caller sees it: who gets in, and what the others are told (RFC 6750 §3, RFC 9457).

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use countersign_token::{Algorithm, Claims, CurrentUser, Issuer, Role};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{claims, signer, verifier};

struct Editor;

impl Role for Editor {
    const NAME: &'static str = "editor";
}

struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}

#[tokio::test]
async fn a_valid_token_names_the_user_and_opens_what_its_roles_open() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token(i64::MAX));

    for (path, expected) in [("/me", "42"), ("/editors", "42"), ("/anyone", "42")] {
        let response = service.get(path, &[&bearer]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(text(response).await, expected, "{path}");
    }
    for scheme in ["bearer", "BEARER", "bEaReR", "Bearer  "] {
        let response = service.get("/me", &[&bearer.replace("Bearer", scheme)]).await;
        assert_eq!(response.status(), StatusCode::OK, "{scheme}");
    }
}

#[tokio::test]
async fn who_is_refused_learns_what_to_do_and_no_more() {
    let service = Service::new();
    let token = service.token(i64::MAX);
    let (good, old) = (format!("Bearer {token}"), format!("Bearer {}", service.token(1000)));
    let (bare, invalid) = (Some("Bearer"), Some(r#"Bearer error="invalid_token""#));

    for (name, path, sent, status, challenge, code) in [
        ("no header", "/me", &[][..], 401, bare, "missing_token"),
        ("another scheme", "/me", &["Basic YTpi"], 401, bare, "missing_token"),
        ("another scheme with the token", "/me", &[&format!("Token {token}")], 401, bare, "missing_token"),
        ("the token alone", "/me", &[&token], 401, bare, "missing_token"),
        ("a scheme alone", "/me", &["Bearer"], 401, invalid, "invalid_token"),
        ("a scheme and a space", "/me", &["Bearer "], 401, invalid, "invalid_token"),
        ("no token", "/me", &["Bearer x.y.z"], 401, invalid, "invalid_token"),
        ("two tokens in one header", "/me", &[&format!("{good} {token}")], 401, invalid, "invalid_token"),
        ("two headers", "/me", &[&good, &good], 401, invalid, "invalid_token"),
        ("two schemes", "/me", &["Basic YTpi", &good], 401, invalid, "invalid_token"),
        ("a letter that is none", "/me", &["Bearer é"], 401, invalid, "invalid_token"),
        ("an old token", "/me", &[&old], 401, invalid, "token_expired"),
        ("a bad token where none is needed", "/anyone", &["Bearer x"], 401, invalid, "invalid_token"),
        ("no role", "/admins", &[&good], 403, Some(r#"Bearer error="insufficient_scope""#), "forbidden"),
        ("no role and an old token", "/admins", &[&old], 401, invalid, "token_expired"),
    ] {
        let response = service.get(path, sent).await;

        assert_eq!(response.status().as_u16(), status, "{name}");
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header(header::WWW_AUTHENTICATE), challenge, "{name}");
        assert_eq!(header(header::CONTENT_TYPE), Some("application/problem+json"), "{name}");
        let problem: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()), "{name}");
        assert!(!problem.to_string().contains(&token), "{name}");
    }
}

#[tokio::test]
async fn without_a_token_an_optional_user_is_nobody() {
    let response = Service::new().get("/anyone", &[]).await;

    assert_eq!(text(response).await, "nobody");
}

#[tokio::test]
async fn while_keys_are_missing_nobody_is_told_that_their_token_is_bad() {
    // Nothing listens on port 1.
    let issuer = Issuer::builder("http://127.0.0.1:1", "x").start().unwrap();
    let service = Service { router: router(issuer), ..Service::new() };

    let response = service.get("/me", &[&format!("Bearer {}", service.token(i64::MAX))]).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get(header::WWW_AUTHENTICATE), None);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}

struct Service {
    router: Router,
    signer: countersign_token::Signer,
}

impl Service {
    fn new() -> Self {
        let signer = signer(Algorithm::Es256);
        Self { router: router(verifier(&signer).into()), signer }
    }

    /// A token of a user with the role `editor`.
    fn token(&self, exp: i64) -> String {
        self.signer.sign(&Claims { iat: 0, nbf: 0, exp, ..claims() }).unwrap()
    }

    async fn get(&self, path: &str, authorization: &[&str]) -> Response {
        let request = Request::get(path);
        let request =
            authorization.iter().fold(request, |request, value| request.header(header::AUTHORIZATION, *value));
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }
}

fn router(issuer: Issuer) -> Router {
    Router::new()
        .route("/me", get(async |user: CurrentUser| user.id().to_string()))
        .route("/editors", get(async |user: CurrentUser<Editor>| user.id().to_string()))
        .route("/admins", get(async |user: CurrentUser<Admin>| user.id().to_string()))
        .route(
            "/anyone",
            get(async |user: Option<CurrentUser>| {
                user.map_or_else(|| "nobody".into(), |user: CurrentUser| user.id().to_string())
            }),
        )
        .with_state(issuer)
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().to_vec()).unwrap()
}

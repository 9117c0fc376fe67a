//! The key set and the description of this authorization server.

use countersign_token::{Algorithm, KeySet, Verifier};
use rstest::rstest;
use serde_json::json;

use crate::support::{Engine, TestApp};

/// The clock of every test stands still here.
const NOW: i64 = 1_795_348_800;

#[rstest]
#[tokio::test]
async fn a_service_checks_tokens_with_the_published_keys(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Algorithm::Es256, Algorithm::EdDsa)] algorithm: Algorithm,
) {
    let app = TestApp::with(engine, |config| config.tokens.algorithm = algorithm).await;
    let other = app.another_node().await;
    let pair = app.registered("ada").await.log_in().await;

    let published = other.get("/.well-known/jwks.json").await;

    published.assert_status(200);
    assert_eq!(published.header("content-type"), "application/json");
    assert_eq!(published.header("cache-control"), "public, max-age=300");
    let keys = KeySet::from_jwks(&published.text).expect("a key set");
    let verifier = Verifier::new(app.public_url(), app.public_url(), keys);
    let claims = verifier.verify(&pair.access_token(), NOW).expect("a good token");
    assert_eq!(json!(claims.user_id()), pair.json()["user"]["id"]);
    let key = published.json()["keys"][0].clone();
    assert!(["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none()), "{key}");
}

#[tokio::test]
async fn a_shared_secret_is_not_published() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.tokens.algorithm = Algorithm::Hs256;
        config.tokens.jwt_secret = Some("a secret of thirty-two bytes or more".into());
    })
    .await;
    let ada = app.registered("ada").await;

    let published = app.get("/.well-known/jwks.json").await;

    assert_eq!(published.json(), json!({"keys": []}));
    ada.me(&ada.log_in().await.access_token()).await.assert_status(200);
}

#[rstest]
#[case(None, json!(["refresh_token", "password"]))]
#[case(Some(false), json!(["refresh_token"]))]
#[tokio::test]
async fn the_metadata_names_what_exists(#[case] password_grant: Option<bool>, #[case] grants: serde_json::Value) {
    let app = TestApp::with(Engine::Sqlite, |config| config.tokens.password_grant = password_grant).await;
    let url = app.public_url();

    let metadata = app.get("/.well-known/oauth-authorization-server").await;

    metadata.assert_status(200);
    assert_eq!(metadata.header("cache-control"), "public, max-age=300");
    let expected = json!({
        "issuer": url, "token_endpoint": format!("{url}/auth/token"), "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "service_documentation": format!("{url}/docs"), "response_types_supported": [],
        "grant_types_supported": grants, "token_endpoint_auth_methods_supported": ["none"]
    });
    assert_eq!(metadata.json(), expected);
}

//! What a change of the algorithm keeps.

use countersign::keys::rotation::{Activation, rotate, turn};
use countersign::problem::Code;
use countersign_token::Algorithm;
use serde_json::json;
use std::time::Duration;

use crate::support::{Engine, TestApp};

fn share_a_secret(config: &mut countersign::config::Config) {
    config.tokens.algorithm = Algorithm::Hs256;
    config.tokens.jwt_secret = Some("a secret of thirty-two bytes or more".into());
}

#[tokio::test]
async fn under_a_shared_secret_nothing_is_published_and_older_tokens_die_in_their_time() {
    let app = TestApp::new(Engine::Sqlite).await;
    let before = app.registered("ada").await.log_in().await;

    let app = app.restarted_with(share_a_secret).await;

    let ada = app.somebody("ada");
    assert_eq!(app.get("/.well-known/jwks.json").await.json(), json!({"keys": []}));
    ada.me(&before.access_token()).await.assert_status(200);
    ada.me(&ada.log_in().await.access_token()).await.assert_status(200);
    app.advance(Duration::from_hours(1));
    assert!(turn(app.handles().into()).await.expect("a turn"), "the older key is retired");
    ada.me(&before.access_token()).await.assert_refused_token(Code::TokenExpired);
}

#[tokio::test]
async fn whoever_goes_back_to_published_keys_has_one_at_once() {
    let app = TestApp::with(Engine::Sqlite, share_a_secret).await;
    app.registered("ada").await;

    let app = app.restarted_with(|config| config.tokens.algorithm = Algorithm::EdDsa).await;

    let ada = app.somebody("ada");
    ada.me(&ada.log_in().await.access_token()).await.assert_status(200);
    assert_eq!(app.get("/.well-known/jwks.json").await.json()["keys"][0]["alg"], "EdDSA");
}

#[tokio::test]
async fn another_algorithm_takes_the_place_of_a_key_that_waits() {
    let app = TestApp::new(Engine::Sqlite).await;
    rotate(app.handles().into(), Activation::WhenPublished).await.expect("a next key");

    let app = app.restarted_with(|config| config.tokens.algorithm = Algorithm::EdDsa).await;

    let published = app.get("/.well-known/jwks.json").await.json();
    let algorithms: Vec<_> = published["keys"].as_array().expect("keys").iter().map(|key| &key["alg"]).collect();
    assert_eq!(algorithms.len(), 2, "{published}");
    assert!(algorithms.contains(&&json!("ES256")) && algorithms.contains(&&json!("EdDSA")), "{published}");
}

//! Keys that take turns: by the timetable, by hand, in an emergency.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::keys::rotation::{Activation, retire, rotate, turn};
use countersign::keys::{KeysError, ring::reload};
use countersign::problem::Code;
use countersign_token::Algorithm;
use futures_util::future::join_all;
use rstest::rstest;

use crate::support::{Answer, Engine, TestApp};

const DAY: Duration = Duration::from_hours(24);
/// `max-age`, the leeway, and twice the interval at which nodes look.
const AHEAD: Duration = Duration::from_secs(300 + 5 + 10);
/// The life of a token and the margin after it.
const BELIEVED: Duration = Duration::from_mins(30 + 1);

/// What every node does within seconds.
async fn look(app: &TestApp) {
    turn(app.handles().into()).await.expect("a turn");
    reload(app.handles()).await.expect("the keys");
}

/// The names of the published keys.
async fn published(app: &TestApp) -> BTreeSet<String> {
    let keys = app.get("/.well-known/jwks.json").await.json();
    let keys = keys["keys"].as_array().expect("a list");
    keys.iter().map(|key| key["kid"].as_str().expect("a name").to_owned()).collect()
}

/// The name of the key that signed a token.
pub(super) fn signer(pair: &Answer) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};

    let token = pair.access_token();
    let header = Base64UrlUnpadded::decode_vec(token.split('.').next().unwrap_or_default()).expect("base64url");
    let header: serde_json::Value = serde_json::from_slice(&header).expect("a header");
    header["kid"].as_str().expect("a name").to_owned()
}

#[rstest]
#[tokio::test]
async fn a_key_is_published_before_it_signs_and_believed_after(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let first = signer(&app.registered("ada").await.log_in().await);

    app.advance(30 * DAY - AHEAD - Duration::from_secs(1));
    look(&app).await;
    assert_eq!(published(&app).await, [first.clone()].into(), "not before it is due");

    app.advance(Duration::from_secs(1));
    look(&app).await;
    let both = published(&app).await;
    assert_eq!(both.len(), 2);
    app.advance(AHEAD - Duration::from_millis(1));
    look(&app).await;
    let last_of_first = app.somebody("ada").log_in().await;
    assert_eq!(signer(&last_of_first), first, "published, and not signing");

    app.advance(Duration::from_millis(1));
    look(&app).await;
    let of_second = app.somebody("ada").log_in().await;
    assert!(signer(&of_second) != first && both.contains(&signer(&of_second)));

    app.advance(Duration::from_secs(1795));
    look(&app).await;
    for pair in [&last_of_first, &of_second] {
        app.somebody("ada").me(&pair.access_token()).await.assert_status(200);
    }

    app.advance(BELIEVED);
    look(&app).await;
    assert_eq!(published(&app).await, [signer(&of_second)].into());
}

#[rstest]
#[tokio::test]
async fn a_timetable_made_by_a_clock_that_ran_ahead_is_corrected_with_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let first = signer(&ada.log_in().await);

    // A key is published under the wrong date, and signs when that is set right.
    app.advance(400 * DAY);
    look(&app).await;
    app.set_back(400 * DAY);
    look(&app).await;
    app.advance(AHEAD);
    look(&app).await;
    let second = signer(&ada.log_in().await);
    assert_ne!(second, first);

    // A key has begun to sign under the wrong date, and makes way for one whose age can be told.
    app.advance(400 * DAY);
    look(&app).await;
    app.advance(AHEAD);
    look(&app).await;
    let third = signer(&ada.log_in().await);
    app.set_back(400 * DAY);
    look(&app).await;
    app.advance(AHEAD);
    look(&app).await;
    let fourth = signer(&ada.log_in().await);
    look(&app).await;
    assert_eq!(signer(&ada.log_in().await), fourth, "and that is all");
    assert_eq!(BTreeSet::from([first, second, third, fourth]).len(), 4);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_many_nodes_that_turn_at_once_one_does(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (second, third) = (app.another_node().await, app.another_node().await);
    let nodes = [&app, &second, &third];
    let everybody = async || join_all((0..24).map(|place| look(nodes[place % 3]))).await;
    let before = signer(&app.registered("ada").await.log_in().await);

    app.advance(30 * DAY);
    everybody().await;
    assert_eq!(published(&app).await.len(), 2);
    app.advance(AHEAD);
    everybody().await;

    for node in nodes {
        look(node).await;
        assert_eq!(published(node).await.len(), 2);
    }
    let after = join_all(nodes.map(|node| async { signer(&node.somebody("ada").log_in().await) })).await;
    assert!(after.iter().all(|kid| *kid == after[0] && *kid != before), "{before} {after:?}");
}

#[rstest]
#[tokio::test]
async fn a_key_that_another_node_signs_with_is_looked_up_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    let ada = app.registered("ada").await;
    let before = ada.log_in().await;

    let key = rotate(app.handles().into(), Activation::AtOnce).await.expect("a key");
    reload(app.handles()).await.expect("the keys");
    let after = ada.log_in().await;

    assert_eq!(signer(&after), key.kid);
    for pair in [&after, &before] {
        other.somebody("ada").me(&pair.access_token()).await.assert_status(200);
    }
}

#[rstest]
#[tokio::test]
async fn a_key_that_may_be_stolen_is_worth_nothing_at_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let pair = ada.log_in().await;
    ada.me(&pair.access_token()).await.assert_status(200);

    retire(app.handles().into(), &signer(&pair)).await.expect("a retired key");
    reload(app.handles()).await.expect("the keys");

    assert!(!published(&app).await.contains(&signer(&pair)));
    ada.me(&pair.access_token()).await.assert_refused_token(Code::InvalidToken);
    let next = ada.refresh(&pair.refresh_token()).await;
    ada.me(&next.access_token()).await.assert_status(200);
    let again = retire(app.handles().into(), &signer(&pair)).await;
    assert!(matches!(again, Err(KeysError::NoSuchKey(kid)) if kid == signer(&pair)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_retires_a_key_while_others_rotate_leaves_one_that_signs(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let other = app.another_node().await;
    app.registered("ada").await;

    for _ in 0..10 {
        let kid = rotate(app.handles().into(), Activation::WhenPublished).await.expect("a key").kid;
        let at_once = async { rotate(other.handles().into(), Activation::AtOnce).await.map(drop) };
        let (retired, _) = tokio::join!(retire(app.handles().into(), &kid), at_once);

        retired.expect("a retired key");
        reload(app.handles()).await.expect("a key that signs");
        let pair = app.somebody("ada").log_in().await;
        assert_ne!(signer(&pair), kid);
    }
}

#[tokio::test]
async fn a_shared_secret_is_not_rotated() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.tokens.algorithm = Algorithm::Hs256;
        config.tokens.jwt_secret = Some("a secret of thirty-two bytes or more".into());
    })
    .await;

    let refused = rotate(app.handles().into(), Activation::WhenPublished).await;

    assert!(matches!(refused, Err(KeysError::SharedSecret)), "{:?}", refused.err());
    assert!(!turn(app.handles().into()).await.expect("a turn"));
}

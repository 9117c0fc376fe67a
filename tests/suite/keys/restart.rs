//! What a restart keeps, and what the root secret guards.

use countersign::keys::KeysError;
use countersign::keys::rotation::{Activation, rotate};
use countersign::problem::Code;
use countersign_token::Algorithm;
use rstest::rstest;

use crate::support::{Answer, Engine, ROOT_SECRET, TestApp};

const NEW_SECRET: &str = "the root secret that takes its place";

async fn keys(app: &TestApp) -> String {
    app.get("/.well-known/jwks.json").await.text
}

async fn assert_goes_on(app: &TestApp, pair: &Answer) -> Answer {
    let ada = app.somebody("ada");
    ada.me(&pair.access_token()).await.assert_status(200);
    let next = ada.refresh(&pair.refresh_token()).await;
    next.assert_status(200);
    next
}

#[rstest]
#[tokio::test]
async fn a_restart_keeps_sessions_and_keys(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Algorithm::Es256, Algorithm::EdDsa)] algorithm: Algorithm,
) {
    let app = TestApp::with(engine, |config| config.tokens.algorithm = algorithm).await;
    let (pair, before) = (app.registered("ada").await.log_in().await, keys(&app).await);

    let app = app.restarted(ROOT_SECRET).await;

    assert_eq!(keys(&app).await, before);
    assert_goes_on(&app, &pair).await;
}

#[rstest]
#[tokio::test]
async fn the_root_secret_is_replaced_without_anyone_noticing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let (pair, before) = (app.registered("ada").await.log_in().await, keys(&app).await);

    let app = app.restarted(&format!("{NEW_SECRET},{ROOT_SECRET}")).await;
    assert_eq!(keys(&app).await, before);
    let pair = assert_goes_on(&app, &pair).await;

    // The old one may be dropped, and opens nothing any more.
    let app = app.restarted(NEW_SECRET).await;
    assert_eq!(keys(&app).await, before);
    assert_goes_on(&app, &pair).await;
    assert!(app.another_node_under(ROOT_SECRET).await.is_err());
}

/// In the order of docs/rotation.md; midway a node seals everything back under the old one.
#[rstest]
#[tokio::test]
async fn a_root_secret_is_replaced_on_one_node_after_another(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (old_first, new_first) = (format!("{ROOT_SECRET},{NEW_SECRET}"), format!("{NEW_SECRET},{ROOT_SECRET}"));
    let mut app = TestApp::new(engine).await;
    let mut pair = app.registered("ada").await.log_in().await;

    for (first, second) in [
        (&*old_first, ROOT_SECRET),
        (&old_first, &old_first),
        (&new_first, &old_first),
        (&new_first, &new_first),
        (NEW_SECRET, &new_first),
        (NEW_SECRET, NEW_SECRET),
    ] {
        app = app.restarted(first).await;
        let beside = app.another_node_under(second).await.expect("a node beside it");
        rotate(beside.handles().into(), Activation::WhenPublished).await.expect("a key that both can read");
        pair = assert_goes_on(&app, &pair).await;
        pair = assert_goes_on(&beside, &pair).await;
    }

    assert!(app.another_node_under(ROOT_SECRET).await.is_err());
}

#[rstest]
#[tokio::test]
async fn a_wrong_root_secret_is_refused_and_changes_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let pair = app.registered("ada").await.log_in().await;

    let refused = app.another_node_under(NEW_SECRET).await.err().expect("a refusal").to_string();

    assert_eq!(
        refused,
        "the root secret does not open this database: of refresh_token_key, it was sealed under another root secret than the ones given. Give \
         COUNTERSIGN_SECRET_KEY the secret the database was begun with; to replace it, give both as `new,old`"
    );
    let app = app.restarted(ROOT_SECRET).await;
    assert_goes_on(&app, &pair).await;
}

#[rstest]
#[tokio::test]
async fn a_node_that_lacks_the_new_root_secret_goes_on_and_makes_no_key(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let pair = app.registered("ada").await.log_in().await;
    let successor = app.another_node_under(&format!("{NEW_SECRET},{ROOT_SECRET}")).await.expect("a server");
    let before = keys(&successor).await;

    let refused = rotate(app.handles().into(), Activation::AtOnce).await;

    assert!(matches!(refused, Err(KeysError::RootSecret { .. })), "{:?}", refused.err());
    assert_eq!(keys(&successor).await, before);
    let next = assert_goes_on(&app, &pair).await;
    assert_goes_on(&successor, &next).await;
}

#[tokio::test]
async fn another_database_knows_nobody_of_this_one() {
    let pair = TestApp::new(Engine::Sqlite).await.registered("ada").await.log_in().await;

    let elsewhere = TestApp::new(Engine::Sqlite).await;

    let ada = elsewhere.registered("ada").await;
    ada.me(&pair.access_token()).await.assert_refused_token(Code::InvalidToken);
    ada.refresh(&pair.refresh_token()).await.assert_problem(Code::InvalidRefreshToken);
}

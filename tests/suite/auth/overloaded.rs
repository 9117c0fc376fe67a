//! More passwords than can be hashed in time: who is refused costs nothing and loses nothing.

use countersign::crypto::Turn;
use countersign::problem::Code;
use rstest::rstest;

use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn a_login_in_excess_asks_nothing_of_the_database(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let mallory = app.somebody("ada").with_password("not the right one");
    let turns = every_turn(&app);
    let calls = || app.handles().database.calls().counts().map(|(_, calls)| calls).sum::<u64>();
    let before = calls();

    for _ in 0..20 {
        let refused = mallory.log_in().await;
        refused.assert_problem(Code::Overloaded);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1, "{refused:?}");
    }

    // The service's own jobs may have asked something meanwhile, but not for each of them.
    assert!(calls() - before < 20, "{} calls", calls() - before);
    drop(turns);
    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_registration_in_excess_leaves_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let turns = every_turn(&app);

    ada.register().await.assert_problem(Code::Overloaded);

    drop(turns);
    ada.register().await.assert_status(201);
}

#[rstest]
#[tokio::test]
async fn the_right_password_is_no_failure_if_the_new_one_cannot_be_hashed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.access_token();
    let mut turns = every_turn(&app);
    drop(turns.pop());

    for _ in 0..app.handles().config.limits.failures_before_wait * 2 {
        ada.change_password(&token, "another horse battery staple").await.assert_problem(Code::Overloaded);
    }

    drop(turns);
    ada.log_in().await.assert_status(200);
}

/// Takes all the time that the hashing threads have to give.
fn every_turn(app: &TestApp) -> Vec<Turn> {
    std::iter::from_fn(|| app.handles().hasher.turn().ok()).collect()
}

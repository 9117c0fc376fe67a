//! More passwords than can be hashed in time: who is refused costs nothing and loses nothing.

use countersign::auth::login::{Attempt, Login, LoginError, login};
use countersign::crypto::Turn;
use countersign::domain::{Client, Email, Password};
use countersign::metrics::LoginOutcome;
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
    let before = calls(&app);

    for _ in 0..20 {
        let refused = mallory.log_in().await;
        refused.assert_problem(Code::Overloaded);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1, "{refused:?}");
        assert!(refused.header("ratelimit").starts_with("\"login\";r="), "{refused:?}");
    }

    // The service's own jobs may have asked something meanwhile, but not for each of them.
    assert!(calls(&app) - before < 20, "{} calls", calls(&app) - before);
    let refused = app.handles().metrics.logins.counts().find(|(outcome, _)| *outcome == LoginOutcome::Overloaded);
    assert_eq!(refused.map(|(_, logins)| logins), Some(20));
    drop(turns);
    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_login_that_finds_no_turn_behind_the_door_looks_for_nobody(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let _turns = every_turn(&app);
    let before = calls(&app);

    for _ in 0..20 {
        let attempt = Attempt {
            login: Login::Email(Email::parse(&ada.email).unwrap()),
            password: Password::presented(ada.password.clone()),
            client: Client { ip: [192, 0, 2, 1].into(), user_agent: None, request_id: None },
        };
        assert!(matches!(login(app.handles(), attempt).await, Err(LoginError::Overloaded(_))));
    }

    assert!(calls(&app) - before < 20, "{} calls", calls(&app) - before);
}

#[tokio::test]
async fn an_address_beyond_its_quota_hears_of_the_quota_and_not_of_the_load() {
    let app = TestApp::with(Engine::Sqlite, |config| config.limits.logins_per_minute = 2).await;
    let ada = app.registered("ada").await;
    let _turns = every_turn(&app);

    let [first, second, third] = [ada.log_in().await, ada.log_in().await, ada.log_in().await];

    first.assert_problem(Code::Overloaded);
    second.assert_problem(Code::Overloaded);
    third.assert_problem(Code::RateLimited);
    assert_eq!(third.header("ratelimit"), r#""login";r=0;t=30"#);
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

/// How often the database was asked anything.
fn calls(app: &TestApp) -> u64 {
    app.handles().database.calls().counts().map(|(_, calls)| calls).sum()
}

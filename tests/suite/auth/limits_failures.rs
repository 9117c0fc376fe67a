//! Wrong passwords: who offers too many waits, and the owner does not.

use std::time::Duration;

use countersign::auth::attempts;
use countersign::config::Config;
use countersign::database::{Reads, Statement};
use countersign::domain::UserId;
use countersign::models::address_failures::{Pair, Waits};
use countersign::problem::Code;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Engine, Person, ROOT_SECRET, TestApp};

/// Nobody is limited by address alone, and this machine's proxy is believed.
fn by_failures_alone(config: &mut Config) {
    config.limits.logins_per_minute = 0;
    config.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

async fn start(engine: Engine) -> TestApp {
    TestApp::with(engine, by_failures_alone).await
}

/// Somebody who does not know the password of `name`.
fn guesser<'a>(app: &'a TestApp, name: &str) -> Person<'a> {
    app.somebody(name).with_password("not the right one")
}

async fn guess(person: &Person<'_>, times: usize) {
    for _ in 0..times {
        person.log_in().await.assert_problem(Code::InvalidCredentials);
    }
}

#[track_caller]
fn assert_held_back(answer: &Answer, seconds: u64) {
    answer.assert_problem(Code::TooManyAttempts);
    assert_eq!(answer.header("retry-after"), seconds.to_string());
}

#[rstest]
#[tokio::test]
async fn from_the_fifth_failure_on_each_wait_is_twice_the_one_before(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ada", "nobody")] name: &str,
) {
    let app = start(engine).await;
    app.registered("ada").await;
    let guesser = guesser(&app, name);

    guess(&guesser, 5).await;

    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        assert_held_back(&guesser.log_in().await, wait);
        app.advance(Duration::from_secs(wait) - Duration::from_millis(1));
        assert_held_back(&guesser.log_in().await, 1);
        app.advance(Duration::from_millis(1));
        guess(&guesser, 1).await;
    }
}

#[rstest]
#[tokio::test]
async fn the_right_password_is_not_looked_at_while_its_address_waits(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = start(engine).await;
    let ada = app.registered("ada").await;
    guess(&guesser(&app, "ada"), 5).await;

    assert_held_back(&ada.log_in().await, 1);
    app.somebody("ada").at("192.0.2.1").log_in().await.assert_status(200);
    app.advance(Duration::from_secs(1));
    ada.log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn a_success_forgets_the_failures_of_its_address(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = start(engine).await;
    let ada = app.registered("ada").await;

    for _ in 0..3 {
        guess(&guesser(&app, "ada"), 4).await;
        ada.log_in().await.assert_status(200);
    }
}

#[rstest]
#[tokio::test]
async fn a_user_has_one_count_however_they_are_called(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = start(engine).await;
    app.registered("ada").await;
    let names = [
        json!({"email": "ada@example.com"}),
        json!({"email": " ADA@Example.COM"}),
        json!({"username": "ada"}),
        json!({"username": "ADA"}),
        json!({"username": "aDa", "email": "Ada@example.com"}),
    ];

    for name in &names {
        log_in_as(&app, name).await.assert_problem(Code::InvalidCredentials);
    }

    for name in &names {
        assert_held_back(&log_in_as(&app, name).await, 1);
    }
    let form = [("grant_type", "password"), ("username", "Ada"), ("password", "wrong")];
    let token = Answer::to(app.request(reqwest::Method::POST, "/auth/token").form(&form)).await;
    token.assert_status(429);
    assert_eq!((token.header("retry-after"), &token.json()["error"]), ("1", &json!("temporarily_unavailable")));
}

#[rstest]
#[tokio::test]
async fn after_a_hundred_failures_only_the_owners_addresses_are_let_in(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = start(engine).await;
    let ada = app.somebody("ada").at("2001:db8::1");
    ada.register().await.assert_status(201);
    for name in ["ada", "nobody"] {
        guess_from_everywhere(&app, name, 100).await;
        assert_held_back(&guesser(&app, name).at("203.0.113.1").log_in().await, 900);
    }

    assert_held_back(&app.somebody("ada").at("203.0.113.2").log_in().await, 900);
    guess(&guesser(&app, "ada").at("2001:db8::2"), 4).await;
    app.somebody("ada").at("2001:db8::3").log_in().await.assert_status(200);

    app.somebody("ada").at("203.0.113.2").log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn an_address_is_known_for_thirty_days(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| {
        by_failures_alone(config);
        config.limits.failures_before_known_addresses = 10;
    })
    .await;
    app.registered("ada").await;
    app.somebody("ada").at("192.0.2.1").log_in().await.assert_status(200);
    guess_from_everywhere(&app, "ada", 10).await;

    app.advance(Duration::from_hours(24 * 30) - Duration::from_secs(1));
    guess(&guesser(&app, "ada").at("192.0.2.1"), 1).await;
    app.advance(Duration::from_secs(1));

    assert_held_back(&app.somebody("ada").at("192.0.2.1").log_in().await, 900);
}

#[rstest]
#[tokio::test]
async fn a_reset_password_ends_every_wait(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = start(engine).await;
    let id = app.somebody("ada").at("192.0.2.1").register().await.json()["user"]["id"].as_i64().expect("an id");
    guess_from_everywhere(&app, "ada", 100).await;
    guess(&guesser(&app, "ada").at("192.0.2.1"), 5).await;

    let mut transaction = app.handles().database.begin().await.expect("a transaction");
    attempts::clear(&app.handles().digests, &mut transaction, UserId::new(id).expect("an id"))
        .await
        .expect("forgotten");
    transaction.commit().await.expect("a commit");

    app.somebody("ada").at("192.0.2.1").log_in().await.assert_status(200);
    app.somebody("ada").at("203.0.113.1").log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_guesses_at_once_on_two_nodes_no_more_are_looked_at_than_one_by_one(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = start(engine).await;
    let other = app.another_node().await;
    app.registered("ada").await;
    let (here, there) = (guesser(&app, "ada"), guesser(&other, "ada"));

    let answers = join_all((0..40).map(|place| if place % 2 == 0 { &here } else { &there }.log_in())).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 5);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 35);
    drop(other);
    let app = app.restarted(ROOT_SECRET).await;
    assert_held_back(&app.somebody("ada").log_in().await, 1);
}

#[rstest]
#[tokio::test]
async fn a_stolen_access_token_does_not_guess_on(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = start(engine).await;
    let ada = app.registered("ada").await;
    let token = ada.log_in().await.access_token();
    let thief = guesser(&app, "ada").at("203.0.113.1");

    for _ in 0..3 {
        thief.change_password(&token, "an entirely different sentence").await.assert_problem(Code::InvalidCredentials);
    }
    for _ in 0..2 {
        thief.delete_account(&token).await.assert_problem(Code::InvalidCredentials);
    }

    assert_held_back(&thief.change_password(&token, "an entirely different sentence").await, 1);
    assert_held_back(&thief.delete_account(&token).await, 1);
    assert_held_back(&thief.log_in().await, 1);
    ada.change_password(&token, "an entirely different sentence").await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn the_right_password_of_a_disabled_account_is_no_failure(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    static DISABLE: Statement = Statement::new("update users set is_active = false");
    let app = start(engine).await;
    let ada = app.registered("ada").await;
    app.tamper(&DISABLE).await;

    for _ in 0..10 {
        ada.log_in().await.assert_problem(Code::AccountDisabled);
    }
}

#[rstest]
#[case("alter table address_failures rename to gone")]
#[case("alter table account_failures rename to gone")]
#[tokio::test]
async fn what_cannot_be_counted_is_not_looked_at(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] harm: &'static str,
) {
    let app = start(engine).await;
    let ada = app.registered("ada").await;
    app.tamper(Box::leak(Box::new(Statement::new(harm)))).await;

    for person in [ada, guesser(&app, "ada"), guesser(&app, "nobody")] {
        person.log_in().await.assert_problem(Code::InternalError);
    }
}

#[rstest]
#[tokio::test]
async fn what_was_counted_and_not_looked_at_is_given_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = start(engine).await;
    let (database, now) = (&app.handles().database, app.handles().clock.now());
    let pair = Pair { account: [1; 16], address: [2; 16] };
    let waits = Waits { first_after: 2, longest_millis: 900_000 };
    let counted = async || pair.count(&mut database.once(), waits, now).await.expect("a count");
    counted().await.expect("the first");

    let second = counted().await.expect("the second");
    assert_eq!(counted().await, None);
    pair.give_back(&mut database.once(), second, now).await.expect("given back");

    let again = counted().await.expect("the second again");
    assert_eq!(again, second);
}

#[rstest]
#[tokio::test]
async fn failures_that_hold_nobody_back_are_forgotten(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    static ACCOUNTS: Statement = Statement::new("select count(*) from account_failures");
    static ADDRESSES: Statement = Statement::new("select count(*) from address_failures");
    static KNOWN: Statement = Statement::new("select count(*) from known_addresses");
    let app = start(engine).await;
    app.registered("ada").await;
    guess(&guesser(&app, "ada"), 1).await;
    guess(&guesser(&app, "nobody"), 1).await;
    let kept = async |after: Duration| {
        app.advance(after);
        attempts::purge::purge(app.handles()).await.expect("a purge");
        let mut rows: Vec<i64> = Vec::new();
        for table in [&ADDRESSES, &ACCOUNTS, &KNOWN] {
            rows.push(app.handles().database.one(table, &[]).await.expect("a count"));
        }
        rows
    };

    assert_eq!(kept(Duration::from_hours(23)).await, [2, 2, 1]);
    assert_eq!(kept(Duration::from_hours(1)).await, [0, 2, 1]);
    assert_eq!(kept(Duration::from_hours(6 * 24)).await, [0, 1, 1]);
    assert_eq!(kept(Duration::from_hours(23 * 24)).await, [0, 1, 0]);
}

/// So many wrong passwords, four from each of as many addresses as it takes.
async fn guess_from_everywhere(app: &TestApp, name: &str, times: usize) {
    for time in 0..times {
        guess(&guesser(app, name).at(&format!("198.51.100.{}", time / 4)), 1).await;
    }
}

async fn log_in_as(app: &TestApp, name: &serde_json::Value) -> Answer {
    let mut body = name.clone();
    body["password"] = json!("wrong");
    app.post("/auth/login", &body).await
}

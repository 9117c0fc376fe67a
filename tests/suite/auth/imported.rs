//! Users of other programs: they sign in with the password they have, and leave the old hash behind.

use countersign::audit::Scribe;
use countersign::crypto::PasswordHash;
use countersign::database::{Reads, Statement};
use countersign::domain::{Email, Roles, Username};
use countersign::moving::import::{self, Newcomer, Outcome, Purpose};
use countersign::problem::Code;
use rstest::rstest;
use serde::Deserialize;

use crate::support::{Engine, TestApp};

/// A hash that another library has made; `tests/fixtures/make_foreign_hashes.py` tells how.
#[derive(Deserialize)]
struct Made {
    scheme: String,
    password: String,
    hash: String,
}

static STORED: Statement = Statement::new("select hashed_password from users where email = $1");

/// What comes cheap enough for a test; the costs that the libraries choose are tested beside the code.
fn made() -> Vec<Made> {
    let made: Vec<Made> =
        serde_json::from_str(include_str!("../../fixtures/foreign_hashes.json")).expect("the fixture");
    made.into_iter().filter(|made| !made.scheme.contains("default") && !made.scheme.contains("recommended")).collect()
}

fn newcomer(number: usize, hash: &str) -> Newcomer {
    Newcomer {
        email: Email::parse(&format!("user{number}@example.com")).expect("an address"),
        username: Some(Username::parse(&format!("user{number}")).expect("a name")),
        password_hash: PasswordHash::parse(hash).expect("a hash"),
        is_active: true,
        email_verified: true,
        roles: Roles::default(),
        created_at: None,
    }
}

async fn take_in(app: &TestApp, newcomers: &[Newcomer]) {
    let (database, scribe) = (&app.handles().database, Scribe::from(app.handles()));
    let outcomes = import::import(database, scribe, newcomers, Purpose::AddNew).await.expect("an answer");
    assert!(outcomes.iter().all(Outcome::is_imported), "{outcomes:?}");
}

async fn stored(app: &TestApp, number: usize) -> String {
    let email = format!("user{number}@example.com");
    app.handles().database.one(&STORED, &[email.as_str().into()]).await.expect("an answer")
}

#[rstest]
#[tokio::test]
async fn one_login_replaces_the_hash_of_another_program(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    // More sign-ins from one address than are let through in a minute.
    let app = TestApp::with(engine, |config| config.limits.logins_per_minute = 0).await;
    let made = made();
    let newcomers: Vec<_> = made.iter().enumerate().map(|(number, made)| newcomer(number, &made.hash)).collect();
    take_in(&app, &newcomers).await;

    for (number, Made { scheme, password, hash }) in made.iter().enumerate() {
        let user = app.somebody(&format!("user{number}")).with_password(password);
        app.somebody(&format!("user{number}")).with_password("another one").log_in().await.assert_status(401);
        assert_eq!(stored(&app, number).await, *hash, "{scheme}: a wrong password changes nothing");

        user.log_in().await.assert_status(200);

        let ours = stored(&app, number).await;
        let is_ours = ["$2b$04$", "$bcrypt-sha256$"].iter().any(|prefix| ours.starts_with(prefix));
        assert!(is_ours, "{scheme}: {ours}");
        user.log_in().await.assert_status(200);
    }
}

#[rstest]
#[tokio::test]
async fn whoever_had_no_password_has_none_here(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    take_in(&app, &[newcomer(1, "!")]).await;

    for password in ["", "!", "correct horse battery staple"] {
        let answer = app.somebody("user1").with_password(password).log_in().await;

        answer.assert_problem(Code::InvalidCredentials);
    }
}

#[rstest]
#[tokio::test]
async fn a_batch_is_taken_in_once_however_often_it_is_tried(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    static COUNT: Statement = Statement::new("select count(*) from users");
    static WRITTEN_DOWN: Statement = Statement::new("select details from audit_events where kind = 'imported'");
    let app = TestApp::new(engine).await;
    let (database, scribe) = (&app.handles().database, Scribe::from(app.handles()));
    let mut batch: Vec<_> = (0..100).map(|number| newcomer(number, "!")).collect();
    batch.push(newcomer(7, "!"));
    let nameless =
        Newcomer { email: Email::parse("user7@example.org").expect("an address"), username: None, ..newcomer(7, "!") };
    batch.push(nameless);

    let first = import::import(database, scribe, &batch, Purpose::AddNew).await.expect("an answer");
    let again = import::import(database, scribe, &batch, Purpose::AddNew).await.expect("an answer");

    assert_eq!(first.iter().filter(|outcome| outcome.is_imported()).count(), 101);
    assert_eq!(first[100], Outcome::AlreadyThere);
    assert!(matches!(&first[101], Outcome::Imported(name) if name.as_str().starts_with("user7-")), "{:?}", first[101]);
    assert!(again.iter().all(|outcome| *outcome == Outcome::AlreadyThere), "{again:?}");
    assert_eq!(database.one::<i64>(&COUNT, &[]).await, Ok(101));
    let written: String = database.one(&WRITTEN_DOWN, &[]).await.expect("one event for both");
    assert!(written.contains("\"users\":101"), "{written}");
}

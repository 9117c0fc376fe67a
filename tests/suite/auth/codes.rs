//! One-time codes: good once, for one thing, for a while; everything else is refused alike.

use std::time::Duration;

use countersign::problem::Code;
use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::mail::{ABOUT_TO_CHANGE, CONFIRM, CONFIRM_NEW, RESET};
use crate::support::{Answer, Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn of_fifty_resets_at_once_one_succeeds(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    ada.forgets().await;
    let token = app.mail(&ada.email, RESET).await.token();

    let passwords: Vec<String> = (0..50).map(|number| format!("{NEW} {number}")).collect();
    let answers = join_all(passwords.iter().map(|new| ada.resets(&token, new))).await;

    let won: Vec<_> = answers.iter().zip(&passwords).filter(|(answer, _)| answer.status == 204).collect();
    assert_eq!(won.len(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 204) {
        lost.assert_problem(Code::InvalidCode);
    }
    app.somebody("ada").with_password(won[0].1).log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn of_fifty_confirmations_at_once_one_succeeds(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let token = app.mail(&ada.email, CONFIRM).await.token();

    let answers = join_all((0..50).map(|_| ada.verifies(&token))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 204) {
        lost.assert_problem(Code::InvalidCode);
    }
}

#[rstest]
#[tokio::test]
async fn every_wrong_code_is_refused_alike(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (app.somebody("ada"), app.registered("bob").await);
    let access_token = ada.register().await.access_token();
    let confirm = app.mail(&ada.email, CONFIRM).await.token();
    ada.changes_email(&access_token, "ada@example.org").await;
    let (change, undo) = (app.mail("ada@example.org", CONFIRM_NEW).await, app.mail(&ada.email, ABOUT_TO_CHANGE).await);
    ada.forgets().await;
    let superseded = app.mail(&ada.email, RESET).await;
    ada.forgets().await;
    let reset = app.mail(&ada.email, RESET).await;
    bob.forgets().await;
    let expired = app.mail(&bob.email, RESET).await;
    app.advance(Duration::from_mins(30));
    ada.forgets().await;
    let live = app.mail(&ada.email, RESET).await;

    let (to_reset, to_verify, to_undo) = ("/auth/password/reset", "/auth/email/verify", "/auth/email/undo");
    let token = |token: &str| json!({"token": token, "new_password": NEW});
    let typed = |email: &str, code: &str| json!({"email": email, "code": code, "new_password": NEW});
    let wrong: Vec<(&str, &str, Value)> = vec![
        ("nonsense", to_reset, token("nonsense")),
        ("nothing", to_reset, token("")),
        ("one that never was", to_reset, token(&format!("csc_{}", "A".repeat(43)))),
        ("a reset that a newer one replaced", to_reset, token(&superseded.token())),
        ("another that a newer one replaced", to_reset, token(&reset.token())),
        ("a reset after its time", to_reset, token(&expired.token())),
        ("a confirmation that a reset has replaced", to_verify, json!({"token": confirm})),
        ("a change as a reset", to_reset, token(&change.token())),
        ("an undo as a reset", to_reset, token(&undo.token())),
        ("a reset as a confirmation", to_verify, json!({"token": live.token()})),
        ("an undo as a confirmation", to_verify, json!({"token": undo.token()})),
        ("a reset as an undo", to_undo, json!({"token": live.token()})),
        ("a refresh token", to_reset, token(&bob.log_in().await.refresh_token())),
        ("an access token", to_verify, json!({"token": access_token})),
        ("a short code as a token", to_reset, token(&live.code())),
        ("a short code for somebody else", to_reset, typed(&bob.email, &live.code())),
        ("a short code for nobody", to_reset, typed("nobody@example.com", &live.code())),
        ("a short code as a confirmation", to_verify, json!({"email": ada.email, "code": live.code()})),
        ("a short code that a newer one replaced", to_reset, typed(&ada.email, &superseded.code())),
        ("no short code", to_reset, typed(&ada.email, "K7QM")),
    ];
    for (what, path, body) in wrong {
        let answer = app.post(path, &body).await;
        assert_eq!(answer.json()["code"], "invalid_code", "{what}: {answer:?}");
        assert_eq!(told(&answer), told(&app.post(path, &token("x")).await), "{what}");
    }

    ada.resets(&live.token(), NEW).await.assert_status(204);
}

#[rstest]
#[tokio::test]
async fn another_password_or_address_kills_every_code(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    let confirm = app.mail(&ada.email, CONFIRM).await.token();
    ada.changes_email(&access_token, "ada@example.org").await;
    let change = app.mail("ada@example.org", CONFIRM_NEW).await.token();

    let access_token = ada.change_password(&access_token, NEW).await.access_token();
    ada.verifies(&confirm).await.assert_problem(Code::InvalidCode);
    ada.verifies(&change).await.assert_problem(Code::InvalidCode);

    let ada = app.somebody("ada").with_password(NEW);
    ada.changes_email(&access_token, "ada@example.net").await.assert_status(202);
    ada.forgets().await;
    let reset = app.mail(&ada.email, RESET).await.token();
    // The reset of an address that nobody has confirmed is the only code; so the change has to be asked for again.
    ada.changes_email(&access_token, "ada@example.net").await.assert_status(202);
    let change = app.mail("ada@example.net", CONFIRM_NEW).await.token();
    ada.verifies(&change).await.assert_status(204);
    ada.resets(&reset, "yet another sentence").await.assert_problem(Code::InvalidCode);
}

#[rstest]
#[tokio::test]
async fn codes_die_at_their_time(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let confirm = app.mail(&ada.email, CONFIRM).await.token();
    let bob = app.registered("bob").await;
    bob.forgets().await;
    let reset = app.mail(&bob.email, RESET).await.token();

    app.advance(Duration::from_mins(30) - Duration::from_secs(1));
    bob.resets(&reset, "short").await.assert_problem(Code::ValidationFailed);
    app.advance(Duration::from_secs(1));
    bob.resets(&reset, NEW).await.assert_problem(Code::InvalidCode);

    app.advance(Duration::from_hours(23) + Duration::from_mins(29));
    ada.verifies(&confirm).await.assert_status(204);
    let eve = app.registered("eve").await;
    let confirm = app.mail(&eve.email, CONFIRM).await.token();
    app.advance(Duration::from_hours(24));
    eve.verifies(&confirm).await.assert_problem(Code::InvalidCode);
}

#[rstest]
#[tokio::test]
async fn dead_codes_are_forgotten_and_live_ones_are_not(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (ada, bob) = (app.registered("ada").await, app.registered("bob").await);
    ada.forgets().await;
    app.mail(&ada.email, RESET).await;
    let live = app.mail(&bob.email, CONFIRM).await.token();

    app.advance(Duration::from_mins(30));
    let deleted = countersign::auth::codes::purge::purge(app.handles()).await.expect("a purge");

    assert_eq!(deleted, 1);
    bob.verifies(&live).await.assert_status(204);
}

#[rstest]
#[tokio::test]
async fn a_client_that_types_codes_for_many_addresses_has_to_wait(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::with(engine, |config| config.limits.logins_per_minute = 3).await;
    let guess = |number: usize| json!({"email": format!("somebody-{number}@example.com"), "code": "K7QM-4XRT"});
    let pages = ["/confirm-email", "/reset-password"];

    for number in 0..3 {
        app.post("/auth/email/verify", &guess(number)).await.assert_problem(Code::InvalidCode);
    }

    let refused = app.post("/auth/email/verify", &guess(3)).await;
    refused.assert_problem(Code::RateLimited);
    let fields =
        |answer: &Answer| ["retry-after", "ratelimit", "ratelimit-policy"].map(|name| answer.header(name).to_owned());
    let said = ["20", r#""login";r=0;t=20"#, r#""login";q=3;w=60"#];
    assert_eq!(fields(&refused), said);
    let mut reset = guess(4);
    reset["new_password"] = NEW.into();
    app.post("/auth/password/reset", &reset).await.assert_problem(Code::RateLimited);
    for page in pages {
        let form = [("email", "somebody-5@example.com"), ("code", "K7QM-4XRT"), ("new_password", NEW)];
        let origin = app.public_url().to_owned();
        let answer = Answer::to(app.request(Method::POST, page).header("origin", origin).form(&form)).await;
        assert_eq!(answer.status, 429, "{page}: {}", answer.text);
        assert_eq!(fields(&answer), said, "{page}");
    }
    app.advance(Duration::from_secs(20));
    app.post("/auth/email/verify", &guess(6)).await.assert_problem(Code::InvalidCode);
}

#[rstest]
#[tokio::test]
async fn short_codes_cannot_be_tried_for_long(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.limits.typed_codes_per_hour = 3).await;
    let ada = app.registered("ada").await;
    ada.forgets().await;
    let mail = app.mail(&ada.email, RESET).await;
    let guess = |email: &str| json!({"email": email, "code": "0000-0000", "new_password": NEW});

    for email in [ada.email.as_str(), "nobody@example.com"] {
        for _ in 0..3 {
            app.post("/auth/password/reset", &guess(email)).await.assert_problem(Code::InvalidCode);
        }
        app.post("/auth/password/reset", &guess(email)).await.assert_problem(Code::RateLimited);
    }

    // Another mail does not buy more tries; the link is no guess and works on.
    ada.forgets().await;
    let mail_again = app.mail(&ada.email, RESET).await;
    assert_ne!(mail.token(), mail_again.token());
    let typed = json!({"email": ada.email, "code": mail_again.code(), "new_password": NEW});
    app.post("/auth/password/reset", &typed).await.assert_problem(Code::RateLimited);
    ada.resets(&mail_again.token(), NEW).await.assert_status(204);
}

#[rstest]
#[tokio::test]
async fn no_header_changes_where_a_link_leads(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;

    let poisons = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-proto", "gopher"),
        ("x-original-url", "https://evil.example/"),
    ];
    for (name, value) in poisons {
        app.advance(Duration::from_hours(1));
        let request = app.request(Method::POST, "/auth/password/forgot").header(name, value);
        Answer::to(request.json(&json!({"email": ada.email}))).await.assert_status(202);

        let mail = app.mail(&ada.email, RESET).await;

        assert!(
            mail.link().starts_with(&format!("{}/reset-password?token=csc_", app.public_url())),
            "{name}: {mail:?}"
        );
        assert!(!mail.text.contains("evil") && !mail.text.contains("gopher"), "{name}: {mail:?}");
    }
}

#[rstest]
#[tokio::test]
async fn no_code_rests_in_the_database_as_it_is(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    use countersign::database::{Reads, Statement};
    static ROWS: Statement =
        Statement::new("select token_digest, typed_digest from one_time_codes where purpose = 'reset_password'");
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    ada.forgets().await;
    let mail = app.mail(&ada.email, RESET).await;

    let (token, typed): (Vec<u8>, Vec<u8>) = app.handles().database.one(&ROWS, &[]).await.expect("a row");

    assert_eq!((token.len(), typed.len()), (32, 16));
    let rests =
        |digest: &[u8], text: &str| digest.windows(6).any(|part| text.as_bytes().windows(6).any(|it| it == part));
    assert!(!rests(&token, &mail.token()) && !rests(&typed, &mail.code().replace('-', "")));
}

/// What an answer says, without what differs between any two answers.
fn told(answer: &Answer) -> (u16, Value, Vec<String>) {
    let mut body = answer.json();
    body.as_object_mut().expect("an object").remove("request_id");
    (answer.status, body, answer.headers.keys().map(|name| name.as_str().to_owned()).collect())
}

//! Registration: an account from an address, a name and a password.

use countersign::problem::Code;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Engine, TestApp};

#[rstest]
#[tokio::test]
async fn a_newcomer_is_registered_and_signed_in(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");

    let answer = ada.register().await;

    answer.assert_status(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let me = ada.me(&answer.access_token()).await;
    me.assert_status(200);
    assert_eq!(me.json(), answer.json()["user"]);
    assert_eq!(
        me.json(),
        json!({
            "id": 1, "email": "ada@example.com", "username": "ada", "is_active": true, "email_verified": false,
            "roles": [], "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:00:00Z"
        })
    );
}

#[rstest]
#[tokio::test]
async fn an_address_is_one_address_however_it_is_written(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ADA@example.com", "  ada@example.com ", "ada@EXAMPLE.com", "\tada@example.com")] spelling: &str,
) {
    let app = TestApp::new(engine).await;
    app.registered("ada").await;

    let answer = app.somebody("another").with_email(spelling).register().await;

    answer.assert_problem(Code::EmailTaken);
    assert_eq!(answer.faults(), [("email".to_owned(), "taken".to_owned())]);
}

#[rstest]
#[tokio::test]
async fn a_domain_is_one_domain_in_unicode_and_in_ascii(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.somebody("eva").with_email("eva@bücher.example").register().await.assert_status(201);

    for spelling in ["eva@xn--bcher-kva.example", "eva@bu\u{308}cher.example", "Eva@BÜCHER.example"] {
        app.somebody("another").with_email(spelling).register().await.assert_problem(Code::EmailTaken);
    }
}

#[rstest]
#[tokio::test]
async fn a_name_is_taken_without_regard_to_case(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.registered("ada").await;

    let answer = app.somebody("other").with_username("ADA").register().await;

    answer.assert_problem(Code::UsernameTaken);
    assert_eq!(answer.faults(), [("username".to_owned(), "taken".to_owned())]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_registrations_at_once_one_succeeds(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::with(engine, |config| config.limits.registrations_per_hour = 0).await;
    let spellings =
        ["jo@bücher.example", " JO@bücher.example", "Jo@BU\u{308}CHER.example ", "jo@xn--bcher-kva.example"];

    let crowd = (0..100).map(|place| {
        let person = app.somebody(&format!("jo-{place}")).with_email(spellings[place % spellings.len()]);
        async move { person.register().await }
    });
    let answers = futures_util::future::join_all(crowd).await;

    let (welcome, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(welcome.len(), 1);
    for answer in refused {
        answer.assert_problem(Code::EmailTaken);
    }
    let next = app.registered("next").await.log_in().await;
    next.assert_status(200);
}

#[rstest]
#[case::email("email", json!("nowhere"))]
#[case::email("email", json!("two@at@example.com"))]
#[case::email("email", json!(""))]
#[case::email("email", json!(format!("{}@example.com", "a".repeat(250))))]
#[case::email("email", json!("a\u{0}b@example.com"))]
#[case::email("email", json!(7))]
#[case::email("email", Value::Null)]
#[case::username("username", json!("ab"))]
#[case::username("username", json!("a".repeat(33)))]
#[case::username("username", json!("-dash"))]
#[case::username("username", json!("dot."))]
#[case::username("username", json!("with space"))]
#[case::username("username", json!("ümlaut"))]
#[case::username("username", json!(["ada"]))]
#[case::password("password", json!("seven77"))]
#[case::password("password", json!("x9".repeat(129)))]
#[case::password("password", json!("password1"))]
#[case::password("password", json!("my ada is great"))]
#[case::password("password", json!(12_345_678))]
#[tokio::test]
async fn a_field_that_breaks_its_rule_is_named(#[case] field: &str, #[case] value: Value) {
    let app = TestApp::new(Engine::Sqlite).await;
    let mut body = json!({"email": "ada@example.com", "username": "ada", "password": "correct horse battery staple"});
    body[field] = value;

    let answer = app.post("/auth/register", &body).await;

    answer.assert_problem(Code::ValidationFailed);
    assert_eq!(answer.faults().iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), [field]);
}

#[tokio::test]
async fn all_faulty_fields_are_named_at_once() {
    let app = TestApp::new(Engine::Sqlite).await;

    let answer = app.post("/auth/register", &json!({"username": "-", "password": "short"})).await;

    answer.assert_problem(Code::ValidationFailed);
    let fields: Vec<_> = answer.faults().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["email", "password", "username"]);
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_ignored() {
    let app = TestApp::new(Engine::Sqlite).await;
    let body = json!({
        "email": "ada@example.com", "username": "ada", "password": "correct horse battery staple",
        "roles": ["admin"], "is_active": false
    });

    let answer = app.post("/auth/register", &body).await;

    answer.assert_status(201);
    assert_eq!(answer.json()["user"]["roles"], json!([]));
    assert_eq!(answer.json()["user"]["is_active"], true);
}

#[rstest]
#[case::eight_characters("8 chars!")]
#[case::spaces_and_symbols("  spaces count too  ")]
#[case::another_script("пароль из слов и точек")]
#[case::pictures("🦉🦉🦉🦉🦊🦊🦊🦊")]
#[case::the_most_characters(&"long-".repeat(51))]
#[case::with_a_nul("before\u{0}and after it")]
#[tokio::test]
async fn any_password_of_a_fair_length_signs_in_again(#[case] password: &str) {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.somebody("ada").with_password(password);

    ada.register().await.assert_status(201);

    ada.log_in().await.assert_status(200);
}

//! The pages that links in mails open: looking burns nothing, the button does it, without a script.

use countersign::problem::Code;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use rstest::rstest;

use crate::support::mail::{ABOUT_TO_CHANGE, CONFIRM, CONFIRM_NEW, RESET};
use crate::support::{Answer, Engine, TestApp};

const NEW: &str = "an entirely different sentence";

#[rstest]
#[tokio::test]
async fn a_scanner_that_opens_every_link_burns_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.somebody("ada");
    let access_token = ada.register().await.access_token();
    ada.changes_email(&access_token, "ada@example.org").await;
    let bob = app.registered("bob").await;
    bob.forgets().await;
    let links = [
        app.mail(&ada.email, CONFIRM).await,
        app.mail("ada@example.org", CONFIRM_NEW).await,
        app.mail(&ada.email, ABOUT_TO_CHANGE).await,
        app.mail(&bob.email, RESET).await,
    ];

    for mail in &links {
        for method in [Method::GET, Method::HEAD, Method::GET, Method::OPTIONS] {
            Answer::to(app.request(method, &mail.path())).await;
        }
        let page = app.get(&mail.path()).await;
        page.assert_status(200);
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
        assert!(!page.text.contains("<script") && !page.text.contains("http://") && !page.text.contains("https://"));
    }

    ada.verifies(&links[0].token()).await.assert_status(204);
    bob.resets(&links[3].token(), NEW).await.assert_status(204);
    ada.verifies(&links[1].token()).await.assert_status(204);
    ada.undoes(&links[2].token()).await.assert_status(204);
}

#[tokio::test]
async fn a_password_manager_may_fill_in_the_page() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ada = app.registered("ada").await;
    ada.forgets().await;

    let page = app.get(&app.mail(&ada.email, RESET).await.path()).await;

    assert!(page.text.contains(r#"type="password" name="new_password" autocomplete="new-password""#), "{page:?}");
    assert!(!page.text.contains("onpaste") && !page.text.contains("maxlength"), "{page:?}");
}

#[rstest]
#[tokio::test]
async fn the_buttons_do_what_they_say(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;

    let mail = app.mail(&ada.email, CONFIRM).await;
    let page = app.get(&mail.path()).await;
    assert!(page.text.contains("<strong>ada</strong>") && page.text.contains(&ada.email), "{}", page.text);
    let confirmed = press(&app, "/confirm-email", &[("token", &mail.token())]).await;
    confirmed.assert_status(200);
    assert!(confirmed.text.contains("Your address is confirmed"), "{}", confirmed.text);
    press(&app, "/confirm-email", &[("token", &mail.token())]).await.assert_status(400);
    app.get(&mail.path()).await.assert_status(400);

    ada.forgets().await;
    let mail = app.mail(&ada.email, RESET).await;
    let short = press(&app, "/reset-password", &[("token", &mail.token()), ("new_password", "short")]).await;
    short.assert_status(422);
    assert!(short.text.contains("at least 8 characters") && short.text.contains(&mail.token()), "{}", short.text);
    let form = [("token", mail.token()), ("new_password", NEW.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    press(&app, "/reset-password", &form).await.assert_status(200);
    let ada = app.somebody("ada").with_password(NEW);
    let access_token = ada.log_in().await.access_token();

    ada.changes_email(&access_token, "ada@example.org").await.assert_status(202);
    let mail = app.mail(&ada.email, ABOUT_TO_CHANGE).await;
    press(&app, "/undo-email-change", &[("token", &mail.token())]).await.assert_status(200);
    ada.me(&access_token).await.assert_refused_token(Code::SessionEnded);
    press(&app, "/undo-email-change", &[("token", &mail.token())]).await.assert_status(400);
}

#[rstest]
#[tokio::test]
async fn a_short_code_can_be_typed_into_the_page(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let app = TestApp::new(engine).await;
    let ada = app.registered("ada").await;
    let confirm = app.mail(&ada.email, CONFIRM).await.code();

    assert!(app.get("/confirm-email").await.text.contains("one-time-code"));
    let wrong = press(&app, "/confirm-email", &[("email", &ada.email), ("code", "0000-0000")]).await;
    wrong.assert_status(400);
    assert!(wrong.text.contains("This code does not work") && wrong.text.contains(&ada.email), "{}", wrong.text);
    press(&app, "/confirm-email", &[("email", &ada.email), ("code", &confirm)]).await.assert_status(200);

    ada.forgets().await;
    let reset = app.mail(&ada.email, RESET).await.code();
    let form = [("email", ada.email.as_str()), ("code", &reset), ("new_password", NEW)];
    press(&app, "/reset-password", &form).await.assert_status(200);
    app.somebody("ada").with_password(NEW).log_in().await.assert_status(200);
}

#[rstest]
#[tokio::test]
async fn the_owner_of_an_address_takes_an_account_over_on_the_page(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let stranger = app.somebody("mallory").with_email("ada@example.com");
    let session = stranger.register().await.access_token();
    let mail = app.mail("ada@example.com", CONFIRM).await;
    assert!(app.get(&mail.path()).await.text.contains("I did not open this account"));
    let form =
        |new: &'static str| [("token", mail.token()), ("new_password", new.to_owned()), ("takeover", "yes".into())];

    let short = form("short");
    let short: Vec<_> = short.iter().map(|(name, value)| (*name, value.as_str())).collect();
    press(&app, "/confirm-email", &short).await.assert_status(422);
    let good = form(NEW);
    let good: Vec<_> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
    press(&app, "/confirm-email", &good).await.assert_status(200);

    stranger.me(&session).await.assert_refused_token(Code::SessionEnded);
    stranger.log_in().await.assert_problem(Code::InvalidCredentials);
}

#[tokio::test]
async fn what_people_chose_is_shown_as_text() {
    let app = TestApp::new(Engine::Sqlite).await;

    let poison = r#""><script>alert(1)</script>"#;
    let page = press(&app, "/reset-password", &[("email", poison), ("code", poison), ("token", "")]).await;
    let link = app.get("/confirm-email?token=%22%3E%3Cscript%3E").await;

    assert!(!page.text.contains("<script"), "{}", page.text);
    assert!(!link.text.contains("<script"), "{}", link.text);
    link.assert_status(400);
}

#[tokio::test]
async fn a_page_takes_forms_and_nothing_else() {
    let app = TestApp::new(Engine::Sqlite).await;

    app.post("/confirm-email", &serde_json::json!({"token": "x"})).await.assert_problem(Code::UnsupportedMediaType);
    Answer::to(app.request(Method::DELETE, "/confirm-email")).await.assert_problem(Code::MethodNotAllowed);
}

/// Sends a form as a browser does.
async fn press(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = Answer::to(app.request(Method::POST, path).form(fields)).await;
    assert!(answer.header(CONTENT_TYPE.as_str()).starts_with("text/html"), "{answer:?}");
    answer
}

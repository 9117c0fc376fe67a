//! `/openapi.json`: fetched once, and asked for again without being sent again.

use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use rstest::rstest;

use crate::support::{Answer, Engine, TestApp};

#[tokio::test]
async fn the_document_has_a_tag_that_is_its_own() {
    let (app, other) = (
        TestApp::new(Engine::Sqlite).await,
        TestApp::with(Engine::Sqlite, |config| config.tokens.password_grant = Some(false)).await,
    );

    let (document, again, another) =
        (app.get("/openapi.json").await, app.get("/openapi.json").await, other.get("/openapi.json").await);

    let tag = document.header("etag");
    assert!(tag.starts_with('"') && tag.len() == 66, "{tag}");
    assert_eq!(document.header("cache-control"), "public, max-age=0, must-revalidate");
    assert_eq!(again.header("etag"), tag);
    assert_ne!(another.header("etag"), tag);
    assert_ne!(another.text, document.text);
}

#[rstest]
#[case::the_tag("TAG", 304)]
#[case::among_others("\"another\", TAG", 304)]
#[case::made_weak_by_a_proxy("W/TAG", 304)]
#[case::any("*", 304)]
#[case::another("\"another\"", 200)]
#[case::nonsense("TAG-not", 200)]
#[tokio::test]
async fn whoever_has_the_document_is_not_sent_it_again(#[case] known: &str, #[case] status: u16) {
    let app = TestApp::new(Engine::Sqlite).await;
    let tag = app.get("/openapi.json").await.header("etag").to_owned();

    let request = app.request(Method::GET, "/openapi.json").header(IF_NONE_MATCH, known.replace("TAG", &tag));
    let answer = Answer::to(request).await;

    answer.assert_status(status);
    assert_eq!(answer.header("etag"), tag);
    assert_eq!(answer.text.is_empty(), status == 304);
}

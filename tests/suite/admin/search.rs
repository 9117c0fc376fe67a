//! Searching for users, page by page.

use std::collections::BTreeSet;

use countersign::problem::Code;
use rstest::rstest;
use serde_json::Value;
use url::form_urlencoded;

use super::{SignedIn, administrator};
use crate::support::{Answer, Engine, TestApp};

async fn search(ada: &SignedIn<'_>, parameters: &[(&str, &str)]) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    ada.get(&format!("/admin/users?{query}")).await
}

fn names(page: &Answer) -> Vec<String> {
    let users = page.assert_status(200).json()["users"].clone();
    users.as_array().expect("a list").iter().map(|user| text(&user["username"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Every page, with something happening before each but the first.
async fn pages(ada: &SignedIn<'_>, query: &str, limit: &str, between: impl AsyncFn(usize)) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = search(ada, &[("query", query), ("limit", limit), ("cursor", &cursor)]).await;
        pages.push(names(&page));
        match &page.json()["next_cursor"] {
            Value::Null => return pages,
            next => cursor = text(next),
        }
        between(pages.len()).await;
    }
}

#[rstest]
#[tokio::test]
async fn users_are_found_by_the_beginning_of_their_address_or_name(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    let root = administrator(&app, "root").await;
    for (username, email) in [
        ("Carol", "anna@example.com"),
        ("Anton", "z@example.com"),
        ("an_d-y", "carl@example.com"),
        ("bert", "b@example.com"),
    ] {
        app.somebody("x").with_username(username).with_email(email).register().await.assert_status(201);
    }
    let found = async |query: &str| names(&search(&root, &[("query", query)]).await);

    assert_eq!(found("an").await, ["Carol", "an_d-y", "Anton"], "by address, then by name");
    assert_eq!(found("AN").await, found("an").await);
    assert_eq!(found(" anna@example.com ").await, ["Carol"]);
    assert_eq!(found("car").await, ["an_d-y", "Carol"]);
    assert_eq!(found("an_").await, ["an_d-y"]);
    assert_eq!(found("").await, ["root", "Carol", "Anton", "an_d-y", "bert"], "all, by number");
    let nothing = [
        "%",
        "_",
        "a%",
        "a_n",
        "*",
        "\\",
        "'",
        "' or 1=1 --",
        "(",
        "[",
        ".*",
        "\0",
        "a\0",
        "ä",
        "\u{ff0a}",
        "n",
        "{{7*7}}",
        &"a".repeat(3000),
    ];
    for query in nothing {
        assert_eq!(found(query).await, [""; 0], "{query:?}");
    }
}

#[rstest]
#[tokio::test]
async fn pages_are_complete_and_without_doubles_while_users_come(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("", "u")] query: &str,
    #[values("1", "3", "4", "100")] limit: &str,
) {
    let app = TestApp::new(engine).await;
    let root = administrator(&app, "root").await;
    let register = async |name: &str, email: &str| {
        let somebody = app.somebody(name).with_email(&format!("{email}@example.com"));
        somebody.register().await.assert_status(201);
    };
    let mut expected = BTreeSet::new();
    for number in 0..8 {
        // Half match by address and name, half by name alone.
        let email = if number % 2 == 0 { format!("u{number}") } else { format!("x{number}") };
        register(&format!("user{number}"), &email).await;
        expected.insert(format!("user{number}"));
    }

    let pages = pages(&root, query, limit, async |page| {
        // Not for ever: each page would make another one.
        if page > 5 {
            return;
        }
        register(&format!("u-{page}-a"), &format!("u{page}0a")).await;
        register(&format!("u-{page}-b"), &format!("y{page}")).await;
    })
    .await;

    let limit: usize = limit.parse().expect("a number");
    assert!(pages.iter().all(|page| page.len() <= limit), "{pages:?}");
    assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit), "{pages:?}");
    let seen: Vec<&String> = pages.iter().flatten().collect();
    let once: BTreeSet<String> = seen.iter().map(|name| (*name).clone()).collect();
    assert_eq!(seen.len(), once.len(), "{pages:?}");
    assert!(once.is_superset(&expected), "{pages:?}");
}

#[rstest]
#[tokio::test]
async fn a_cursor_that_is_not_of_this_list_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (app, elsewhere) = (TestApp::new(engine).await, TestApp::new(engine).await);
    let (root, foreigner) = (administrator(&app, "root").await, administrator(&elsewhere, "root").await);
    for number in 0..3 {
        app.registered(&format!("user{number}")).await;
        elsewhere.registered(&format!("user{number}")).await;
    }
    let question = [("query", "user"), ("limit", "1")];
    let cursor = text(&search(&root, &question).await.json()["next_cursor"]);
    let of_others = text(&search(&root, &[("limit", "1")]).await.json()["next_cursor"]);
    let of_events = text(&root.get("/admin/audit-events?limit=1").await.json()["next_cursor"]);
    let foreign = text(&search(&foreigner, &question).await.json()["next_cursor"]);
    let with = async |cursor: &str| search(&root, &[("query", "user"), ("cursor", cursor)]).await;
    with(&cursor).await.assert_status(200);
    search(&root, &[("query", "USER"), ("cursor", &cursor)]).await.assert_status(200);

    for wrong in [&of_others, &of_events, &foreign] {
        with(wrong).await.assert_problem(Code::InvalidCursor);
    }
    search(&root, &[("query", "use"), ("cursor", &cursor)]).await.assert_problem(Code::InvalidCursor);
    search(&root, &[("cursor", &cursor)]).await.assert_problem(Code::InvalidCursor);
    let path = format!("/admin/audit-events?cursor={cursor}");
    root.get(&path).await.assert_problem(Code::InvalidCursor);
    for position in (0..cursor.len()).step_by(7) {
        let mut altered = cursor.clone().into_bytes();
        altered[position] ^= 1;
        with(&String::from_utf8_lossy(&altered)).await.assert_problem(Code::InvalidCursor);
    }
    for nonsense in ["1", "id:1", "' or 1=1", "\0", "=", "{}", &"A".repeat(5000)] {
        with(nonsense).await.assert_problem(Code::InvalidCursor);
    }
}

#[rstest]
#[case("0")]
#[case("101")]
#[case("-1")]
#[case("1.5")]
#[case("9223372036854775808")]
#[case("all")]
#[tokio::test]
async fn a_page_has_one_to_a_hundred_entries(#[case] limit: &str) {
    let app = TestApp::new(Engine::Sqlite).await;
    let root = administrator(&app, "root").await;

    let refused = search(&root, &[("limit", limit)]).await;

    refused.assert_problem(Code::ValidationFailed);
    assert_eq!(refused.faults(), [("limit".to_owned(), "out_of_range".to_owned())]);
    root.get(&format!("/admin/audit-events?limit={limit}")).await.assert_problem(Code::ValidationFailed);
}

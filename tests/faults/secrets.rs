//! Secrets that can be recognised go in wherever secrets go in. Then everything that the service wrote is searched.

use std::fs;

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign::database::{Engine, Reads, Statement};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::home::Home;
use crate::visitor::{Reply, Visitor};

const PASSWORD: &str = "marker-of-the-first-password-Q7";
const NEXT_PASSWORD: &str = "marker-of-the-next-password-W3";
const WRONG_PASSWORD: &str = "marker-of-a-wrong-password-X9";
const ROOT_SECRET: &str = "marker-of-the-root-secret-that-seals-K1";
const JWT_SECRET: &str = "marker-of-the-shared-jwt-secret-J5-and-more";
const MADE_UP_TOKEN: &str = "marker.of.a-token-that-nobody-made";

static HASHES: Statement = Statement::new("select hashed_password from users");

#[rstest]
#[case(Engine::Sqlite, "HS256")]
#[case(Engine::Postgres, "ES256")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_in_no_line_of_the_log_in_no_metric_and_nowhere_in_the_database(
    #[case] engine: Engine,
    #[case] algorithm: &str,
) {
    let home = Home::new(engine)
        .with("COUNTERSIGN_SECRET_KEY", ROOT_SECRET)
        .with("COUNTERSIGN_TOKENS__ALGORITHM", algorithm)
        .with("JWT_SECRET", JWT_SECRET)
        .with("COUNTERSIGN_METRICS__LISTEN", "127.0.0.1:0")
        .with("COUNTERSIGN_LOGS__FILTER", "trace");
    let service = home.start();
    let visitor = service.visitor();

    let mut issued = succeed(&visitor).await;
    issued.extend(fail(&visitor).await);
    let hashes: Vec<String> = home.database().await.all(&HASHES, &[]).await.unwrap();
    let files = match engine {
        // Before it ends: its log of writes is then still beside it.
        Engine::Sqlite => {
            ["countersign.db", "countersign.db-wal"].map(|name| fs::read(home.file().with_file_name(name)))
        }
        Engine::Postgres => [Ok(Vec::new()), Ok(Vec::new())],
    };
    let scraped = service.scrape().await;
    service.process.signal(rustix::process::Signal::TERM);
    let (status, said) = service.process.ended();
    assert_eq!(status.code(), Some(0), "{said}");

    let files: Vec<u8> = files.into_iter().flat_map(Result::unwrap).collect();
    let mut searched = 0;
    for secret in given().into_iter().chain(forms_of(&issued)) {
        assert!(!holds(said.as_bytes(), &secret), "in the log: {}", lines_with(&said, &secret));
        assert!(!holds(&files, &secret), "in the database: {}", String::from_utf8_lossy(&secret));
        assert!(!holds(scraped.as_bytes(), &secret), "in the metrics: {}", lines_with(&scraped, &secret));
        searched += 1;
    }
    for personal in ["ada", "example.com", "10.0.", "127.0.0.1"] {
        assert!(!scraped.contains(personal), "in the metrics: {}", lines_with(&scraped, personal.as_bytes()));
    }
    for hash in &hashes {
        assert!(!holds(said.as_bytes(), hash.as_bytes()), "in the log: {}", lines_with(&said, hash.as_bytes()));
    }
    let answered = said.matches("countersign::access").count();
    assert!(answered >= 18, "what the log does not hold it cannot betray: {answered} requests");
    if engine == Engine::Postgres {
        assert!(said.contains("TRACE"), "the driver was at its loudest");
    }
    assert!(!said.contains("panicked"), "{said}");
    println!(
        "{engine}, {algorithm}: {searched} secrets and {} hashes, 0 found in {} KiB of log and {} KiB of database",
        hashes.len(),
        said.len() / 1024,
        files.len() / 1024,
    );
}

/// A life in which everything goes well. Answers the tokens that were issued.
async fn succeed(visitor: &Visitor) -> Vec<String> {
    let ada = json!({"email": "ada@example.com", "username": "ada", "password": PASSWORD});
    let registered = post(visitor, "/auth/register", None, &ada, 201).await;
    let login = post(visitor, "/auth/login", None, &ada, 200).await;
    let (access, refresh) = (login.text("access_token"), login.text("refresh_token"));
    assert_eq!(visitor.me(access).await.unwrap().status, 200);
    let refreshed = post(visitor, "/auth/refresh", None, &json!({"refresh_token": refresh}), 200).await;
    let form = [("grant_type", "password"), ("username", "ada"), ("password", PASSWORD)];
    let token = visitor.submit("/auth/token", &form).await.unwrap();
    assert_eq!(token.status, 200, "{token:?}");
    let change = json!({"current_password": PASSWORD, "new_password": NEXT_PASSWORD});
    let changed = post(visitor, "/auth/password/change", Some(access), &change, 200).await;
    let gone = visitor.log_out(changed.text("access_token")).await.unwrap();
    assert_eq!(gone.status, 204, "{gone:?}");
    [registered, login, refreshed, token, changed].iter().flat_map(tokens).collect()
}

/// A life in which everything goes wrong. Answers the tokens that were made up.
async fn fail(visitor: &Visitor) -> Vec<String> {
    let wrong = json!({"email": "ada@example.com", "password": WRONG_PASSWORD});
    post(visitor, "/auth/login", None, &wrong, 401).await;
    let nobody = json!({"email": "nobody@example.com", "password": WRONG_PASSWORD});
    post(visitor, "/auth/login", None, &nobody, 401).await;
    // A name where none may be, with the password in everybody's place.
    let confused = json!({"email": WRONG_PASSWORD, "username": format!("{WRONG_PASSWORD}!"), "password": "short"});
    post(visitor, "/auth/register", None, &confused, 422).await;
    let weak = json!({"email": "b@example.com", "username": "marker", "password": WRONG_PASSWORD});
    post(visitor, "/auth/register", None, &weak, 422).await;
    post(visitor, "/auth/register", None, &json!([WRONG_PASSWORD]), 422).await;
    for body in
        [format!("{{\"password\": {WRONG_PASSWORD}}}"), format!("{{\"{WRONG_PASSWORD}\": 1, \"{WRONG_PASSWORD}\": 2}}")]
    {
        assert_eq!(visitor.send_text("/auth/login", "application/json", body).await.unwrap().status, 400);
    }
    let text = visitor.send_text("/auth/login", "text/plain", WRONG_PASSWORD.to_owned()).await.unwrap();
    assert_eq!(text.status, 415, "{text:?}");
    let long = visitor.send_text("/auth/login", "application/json", WRONG_PASSWORD.repeat(3000)).await.unwrap();
    assert_eq!(long.status, 413, "{long:?}");
    let form = [("grant_type", "password"), ("username", "ada"), ("password", WRONG_PASSWORD)];
    assert_eq!(visitor.submit("/auth/token", &form).await.unwrap().status, 400);
    let form = [("grant_type", WRONG_PASSWORD), ("password", WRONG_PASSWORD)];
    assert_eq!(visitor.submit("/auth/token", &form).await.unwrap().status, 400);
    assert_eq!(visitor.me(MADE_UP_TOKEN).await.unwrap().status, 401);
    let path = format!("/auth/me?access_token={MADE_UP_TOKEN}");
    assert_eq!(visitor.ask(Method::GET, &path, Some(MADE_UP_TOKEN), None).await.unwrap().status, 401);
    let forged = format!("csr_{}", Base64UrlUnpadded::encode_string(&[0x5A; 68]));
    post(visitor, "/auth/refresh", None, &json!({"refresh_token": forged}), 401).await;
    vec![forged]
}

async fn post(visitor: &Visitor, path: &str, bearer: Option<&str>, body: &Value, status: u16) -> Reply {
    let reply = visitor.ask(Method::POST, path, bearer, Some(body)).await.unwrap();
    assert_eq!(reply.status, status, "{path}: {reply:?}");
    reply
}

fn tokens(reply: &Reply) -> Vec<String> {
    let tokens = [reply.text("access_token").to_owned(), reply.text("refresh_token").to_owned()];
    assert!(tokens.iter().all(|token| !token.is_empty()), "{reply:?}");
    tokens.to_vec()
}

/// What was given from outside, as it is and as programs like to print it.
fn given() -> Vec<Vec<u8>> {
    let texts = [PASSWORD, NEXT_PASSWORD, WRONG_PASSWORD, ROOT_SECRET, JWT_SECRET, MADE_UP_TOKEN];
    texts.iter().flat_map(|text| forms(text.as_bytes())).collect()
}

/// Tokens whole, and the part of each that makes it worth something.
fn forms_of(tokens: &[String]) -> Vec<Vec<u8>> {
    let parts = tokens.iter().flat_map(|token| match token.strip_prefix("csr_") {
        // After the session and its generation, the secret of the session.
        Some(opaque) => forms(&Base64UrlUnpadded::decode_vec(opaque).unwrap()[20..36]),
        None => forms(token.rsplit('.').next().unwrap().as_bytes()),
    });
    parts.chain(tokens.iter().map(|token| token.as_bytes().to_vec())).collect()
}

fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        base64ct::Base64Unpadded::encode_string(secret).into_bytes(),
        Base64UrlUnpadded::encode_string(secret).into_bytes(),
        // As `{:?}` prints bytes.
        format!("{secret:?}").trim_matches(['[', ']']).as_bytes().to_vec(),
    ]
}

fn holds(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

fn lines_with(said: &str, secret: &[u8]) -> String {
    said.lines().filter(|line| holds(line.as_bytes(), secret)).take(3).collect::<Vec<_>>().join("\n")
}

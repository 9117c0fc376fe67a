//! Keys over HTTP: read once, read again when needed, kept when the issuer fails.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONNECTION, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign_token::{Algorithm, Claims, Issuer, IssuerError, KeySet, Signer, VerifyError, generate_pkcs8};

use crate::support::{AUDIENCE, ISSUER, claims};

#[tokio::test]
async fn published_keys_are_read_once_for_many_tokens() {
    let server = Server::publishing(&[&signer("key-1")], 300).await;
    let issuer = server.issuer();
    let token = fresh(&signer("key-1"));

    for _ in 0..100 {
        assert_eq!(issuer.verify(&token).await.unwrap().user_id(), 42);
    }

    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_key_that_appears_between_two_reads_is_fetched_once_for_all_who_need_it() {
    let server = Server::publishing(&[&signer("key-1")], 300).await;
    let issuer = server.issuer();
    issuer.verify(&fresh(&signer("key-1"))).await.unwrap();
    server.publish(&[&signer("key-1"), &signer("key-2")]);
    let token = fresh(&signer("key-2"));

    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (issuer, token) = (issuer.clone(), token.clone());
            tokio::spawn(async move { issuer.verify(&token).await })
        })
        .collect();

    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().user_id(), 42);
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn invented_key_names_cost_the_issuer_one_request() {
    let server = Server::publishing(&[&signer("key-1")], 300).await;
    let issuer = server.issuer();
    issuer.verify(&fresh(&signer("key-1"))).await.unwrap();

    for number in 0..100 {
        let kid = format!("invented-{number}");
        let der = KEYS.get(1).unwrap();
        let token = fresh(&Signer::from_pkcs8(Algorithm::Es256, &kid, der).unwrap());
        assert_eq!(issuer.verify(&token).await, Err(IssuerError::Refused(VerifyError::UnknownKey { kid })));
    }

    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn whatever_a_failing_issuer_answers_the_last_good_keys_stay() {
    let (good, unknown) = (fresh(&signer("key-1")), fresh(&signer("key-2")));

    for answer in [
        Answer::Status(500),
        Answer::Status(404),
        Answer::Keys(r#"{"keys":[]}"#.into()),
        Answer::Keys("<html>bad gateway</html>".into()),
        Answer::Keys(format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(70_000))),
        Answer::Redirect,
    ] {
        let server = Server::publishing(&[&signer("key-1")], 300).await;
        let issuer = server.issuer();
        issuer.verify(&good).await.unwrap();

        // An unknown key makes the issuer be asked at once.
        server.answer(answer.clone());
        issuer.verify(&unknown).await.unwrap_err();

        assert_eq!(server.requests(), 2, "{answer:?}");
        assert_eq!(issuer.verify(&good).await.unwrap().user_id(), 42, "{answer:?}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_stops_no_token() {
    let server = Server::publishing(&[&signer("key-1")], 300).await;
    let issuer = server.issuer();
    issuer.verify(&fresh(&signer("key-1"))).await.unwrap();

    server.stop().await;
    issuer.verify(&fresh(&signer("key-2"))).await.unwrap_err();

    assert_eq!(issuer.verify(&fresh(&signer("key-1"))).await.unwrap().user_id(), 42);
}

#[tokio::test]
async fn keys_are_read_again_when_they_are_old() {
    let server = Server::publishing(&[&signer("key-1")], 1).await;
    let issuer = server.issuer();
    let token = fresh(&signer("key-1"));
    issuer.verify(&token).await.unwrap();

    server.publish(&[&signer("key-2")]);

    until(async || issuer.verify(&token).await.is_err()).await;
    assert!(issuer.verify(&fresh(&signer("key-2"))).await.is_ok());
}

#[tokio::test]
async fn a_service_may_start_before_its_issuer() {
    let server = Server::publishing(&[], 300).await;
    server.answer(Answer::Status(503));
    let issuer = server.issuer();
    let token = fresh(&signer("key-1"));
    assert_eq!(issuer.verify(&token).await, Err(IssuerError::KeysUnavailable));

    server.publish(&[&signer("key-1")]);

    until(async || issuer.verify(&token).await.is_ok()).await;
}

/// Waits for what happens in the background, and not for ever.
async fn until(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), met).await.unwrap();
}

/// A key set on a real port, which counts requests and can be told to misbehave.
struct Server {
    shared: Arc<Shared>,
    address: std::net::SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    answer: Mutex<Answer>,
    max_age: u32,
    requests: AtomicUsize,
}

#[derive(Clone, Debug)]
enum Answer {
    Keys(String),
    Status(u16),
    Redirect,
}

impl Server {
    async fn publishing(signers: &[&Signer], max_age: u32) -> Self {
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::Keys(jwks(signers))),
            max_age,
            requests: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/keys", get(keys)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, serving }
    }

    fn issuer(&self) -> Issuer {
        Issuer::builder(ISSUER, AUDIENCE).jwks_url(format!("http://{}/keys", self.address)).start().unwrap()
    }

    fn publish(&self, signers: &[&Signer]) {
        self.answer(Answer::Keys(jwks(signers)));
    }

    fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    let answer = shared.answer.lock().unwrap().clone();
    shared.requests.fetch_add(1, Ordering::SeqCst);
    // Without a connection kept alive, a server that has stopped is one that does not answer.
    let headers = [(CACHE_CONTROL, format!("public, max-age={}", shared.max_age)), (CONNECTION, "close".into())];
    match answer {
        Answer::Keys(keys) => (headers, keys).into_response(),
        Answer::Status(status) => axum::http::StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect => (axum::http::StatusCode::FOUND, [(LOCATION, "/keys")]).into_response(),
    }
}

/// Two private keys, each of which signs under its own name.
static KEYS: std::sync::LazyLock<[Vec<u8>; 2]> =
    std::sync::LazyLock::new(|| [(); 2].map(|()| generate_pkcs8(Algorithm::Es256).unwrap().to_vec()));

fn signer(kid: &str) -> Signer {
    let [first, second] = &*KEYS;
    Signer::from_pkcs8(Algorithm::Es256, kid, if kid == "key-1" { first } else { second }).unwrap()
}

fn jwks(signers: &[&Signer]) -> String {
    let keys = KeySet::new(signers.iter().map(|signer| signer.verification_key().clone())).unwrap();
    serde_json::to_string(&keys.jwks()).unwrap()
}

/// A token that is valid by the machine's clock, which an [`Issuer`] goes by.
fn fresh(signer: &Signer) -> String {
    signer.sign(&Claims { iat: 0, nbf: 0, exp: i64::MAX, ..claims() }).unwrap()
}

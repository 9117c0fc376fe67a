//! The example as it runs: a process of its own, with the issuer's keys over HTTP or a shared secret.

#![expect(clippy::unwrap_used, reason = "in a test, what fails to prepare should say where")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::routing::get;
use countersign_token::{Algorithm, Claims, KeySet, Signer, Uuid, generate_pkcs8};
use reqwest::StatusCode;

const ISSUER: &str = "https://auth.example.com";
const SECRET: &str = "a secret of thirty-two bytes or more";

#[tokio::test]
async fn it_accepts_good_tokens_and_refuses_others_even_while_the_issuer_is_down() {
    let signer = Signer::from_pkcs8(Algorithm::Es256, "key-1", &generate_pkcs8(Algorithm::Es256).unwrap()).unwrap();
    let issuer = Issuer::publishing(&signer).await;
    let service = Service::start(&[("ISSUER", ISSUER), ("JWKS_URL", &issuer.jwks_url)]);

    assert_accepts_only_good_tokens(&service, &signer).await;
    issuer.stop().await;
    assert_accepts_only_good_tokens(&service, &signer).await;
}

#[tokio::test]
async fn it_works_from_a_shared_secret() {
    let signer = Signer::from_secret(SECRET.as_bytes()).unwrap();
    let service = Service::start(&[("ISSUER", ISSUER), ("JWT_SECRET", SECRET)]);

    assert_accepts_only_good_tokens(&service, &signer).await;
}

async fn assert_accepts_only_good_tokens(service: &Service, signer: &Signer) {
    let good = signer.sign(&claims(i64::MAX, &[])).unwrap();
    let admin = signer.sign(&claims(i64::MAX, &["admin"])).unwrap();
    let expired = signer.sign(&claims(1000, &["admin"])).unwrap();
    // The claims of one under the signature of the other.
    let (rest, _) = admin.rsplit_once('.').unwrap();
    let tampered = format!("{rest}.{}", good.rsplit_once('.').unwrap().1);

    for (path, token, status) in [
        ("/me", Some(&good), StatusCode::OK),
        ("/admin", Some(&admin), StatusCode::OK),
        ("/admin", Some(&good), StatusCode::FORBIDDEN),
        ("/me", Some(&tampered), StatusCode::UNAUTHORIZED),
        ("/me", Some(&expired), StatusCode::UNAUTHORIZED),
        ("/me", None, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(service.get(path, token).await.status(), status, "{path} {token:?}");
    }
    let said: Claims = service.get("/me", Some(&good)).await.json().await.unwrap();
    assert_eq!(said.user_id(), 42);
}

fn claims(exp: i64, roles: &[&str]) -> Claims {
    Claims {
        iss: ISSUER.into(),
        aud: ISSUER.into(),
        sub: 42.into(),
        sid: Uuid::from_u128(1),
        jti: "b3f1c2".into(),
        iat: 0,
        nbf: 0,
        exp,
        roles: roles.iter().map(ToString::to_string).collect(),
    }
}

/// The example's process, ended with the test.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_axum-service"))
            .envs(variables.iter().copied())
            .env("LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, address }
    }

    async fn get(&self, path: &str, token: Option<&String>) -> reqwest::Response {
        let request = reqwest::Client::new().get(format!("{}{path}", self.address));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Publishes a key set on a real port until it is stopped.
struct Issuer {
    jwks_url: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Issuer {
    async fn publishing(signer: &Signer) -> Self {
        let keys = KeySet::new([signer.verification_key().clone()]).unwrap();
        let body = serde_json::to_string(&keys.jwks()).unwrap();
        let router = Router::new().route("/jwks.json", get(async move || ([("connection", "close")], body)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let jwks_url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { jwks_url, serving }
    }

    async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
        // Nobody answers there any more.
        reqwest::get(&self.jwks_url).await.unwrap_err();
    }
}

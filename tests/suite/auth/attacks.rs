//! Forged access tokens against the running service: one family a table, every row refused with its code.
//!
//! The forger holds the very key that signs, so that each row is refused for what it says and not for its signature.
//! The tables of `crates/countersign-token/tests` go deeper; these show that the service stands behind that verifier.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign::models::signing_key::{SigningKey, State};
use countersign::problem::Code;
use countersign_token::{Algorithm, generate_pkcs8};
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, TestApp};

use Code::{InvalidToken, SessionEnded, TokenExpired};

/// The clock of every test stands still here.
const NOW: i64 = 1_795_348_800;

#[tokio::test]
async fn the_token_that_every_forgery_starts_from_is_accepted() {
    let scene = Scene::new().await;

    scene.present(&scene.genuine).await.assert_status(200);
    scene.present(&scene.sign(&scene.header, &scene.claims)).await.assert_status(200);
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let scene = Scene::new().await;
    let mut forged = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "EdDSA", "ES384", "es256"] {
        let header = with(&scene.header, "alg", json!(alg));
        forged.push((format!("{alg}, signed"), scene.sign(&header, &scene.claims)));
        forged.push((format!("{alg}, unsigned"), token(&header, &scene.claims, |_| Vec::new())));
    }
    let jwk = &scene.jwks["keys"][0];
    let x = jwk["x"].as_str().expect("a coordinate");
    let secrets = [
        ("the key set", scene.jwks.to_string().into_bytes()),
        ("the JWK", jwk.to_string().into_bytes()),
        ("x", decode(x)),
        ("x in base64url", x.as_bytes().to_vec()),
        ("the key's name", jwk["kid"].to_string().into_bytes()),
        ("nothing", Vec::new()),
    ];
    for (name, secret) in secrets {
        let sign = |message: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message).as_ref().to_vec();
        forged.push((
            format!("HMAC under {name}"),
            token(&with(&scene.header, "alg", json!("HS256")), &scene.claims, sign),
        ));
        forged.push((format!("HMAC under {name}, as ES256"), token(&scene.header, &scene.claims, sign)));
    }

    scene.refuses(InvalidToken, forged).await;
}

#[tokio::test]
async fn a_key_is_the_services_own_and_found_by_its_whole_name() {
    let scene = Scene::new().await;
    let foreign = generate_pkcs8(Algorithm::Es256).expect("a key");
    let foreign = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &foreign).expect("a key");
    let mut forged = vec![("a foreign key under our name".into(), sign_with(&foreign, &scene.header, &scene.claims))];
    for (member, value) in [
        ("jwk", scene.jwks["keys"][0].clone()),
        ("jku", json!(format!("{}/.well-known/jwks.json", scene.app.public_url()))),
        ("x5u", json!("http://127.0.0.1:1/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
    ] {
        let header = with(&scene.header, member, value);
        forged.push((format!("{member}, a foreign key"), sign_with(&foreign, &header, &scene.claims)));
        forged.push((format!("{member}, our key"), scene.sign(&header, &scene.claims)));
    }
    for kid in [
        json!(""),
        json!("../../../../dev/null"),
        json!("/proc/self/environ"),
        json!("' or '1'='1"),
        json!("x' union select 'k' --"),
        json!("$(id)"),
        json!("k".repeat(129)),
        json!(1),
        Value::Null,
    ] {
        let header = with(&scene.header, "kid", kid.clone());
        forged.push((format!("kid {kid}"), scene.sign(&header, &scene.claims)));
    }

    scene.refuses(InvalidToken, forged).await;
}

#[tokio::test]
async fn every_claim_is_there_once_and_right() {
    let scene = Scene::new().await;
    let mut forged = Vec::new();
    for claim in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles"] {
        let mut claims = scene.claims.clone();
        claims.as_object_mut().expect("claims").remove(claim);
        forged.push((format!("no {claim}"), scene.sign(&scene.header, &claims)));
        for wrong in [Value::Null, json!({}), json!(true), json!(["x", 1])] {
            let claims = with(&scene.claims, claim, wrong.clone());
            forged.push((format!("{claim} {wrong}"), scene.sign(&scene.header, &claims)));
        }
    }
    for (claim, value) in [
        ("iss", json!("https://elsewhere.example")),
        ("aud", json!("https://elsewhere.example")),
        ("aud", json!([scene.app.public_url()])),
        ("sub", json!("0")),
        ("sub", json!(1)),
        ("sub", json!("1 or 1=1")),
        ("sid", json!("00000000-0000-0000-0000-000000000000")),
        ("sid", json!("../sessions")),
        ("nbf", json!(NOW + 60)),
        ("iat", json!(NOW + 60)),
        ("exp", json!("9999999999")),
        ("exp", json!(1e300)),
    ] {
        let claims = with(&scene.claims, claim, value.clone());
        forged.push((format!("{claim} {value}"), scene.sign(&scene.header, &claims)));
    }
    for typ in [json!("JWT"), json!("id+jwt"), json!(""), Value::Null] {
        forged.push((format!("typ {typ}"), scene.sign(&with(&scene.header, "typ", typ), &scene.claims)));
    }
    let twice = |object: &Value, member: &str| format!("{},{member}}}", object.to_string().trim_end_matches('}'));
    forged.push((
        "alg twice".into(),
        scene.sign_text(&twice(&scene.header, r#""alg":"none""#), &scene.claims.to_string()),
    ));
    forged
        .push(("sub twice".into(), scene.sign_text(&scene.header.to_string(), &twice(&scene.claims, r#""sub":"2""#))));
    forged.push((
        "roles twice".into(),
        scene.sign_text(&scene.header.to_string(), &twice(&scene.claims, r#""roles":["admin"]"#)),
    ));

    scene.refuses(InvalidToken, forged).await;
}

#[tokio::test]
async fn a_token_has_one_spelling() {
    let scene = Scene::new().await;
    let genuine = &scene.genuine;
    let (rest, signature) = genuine.rsplit_once('.').expect("three segments");
    let (header, claims) = rest.split_once('.').expect("three segments");
    let forged = [
        ("padded", format!("{genuine}=")),
        ("a fourth segment", format!("{genuine}.")),
        ("five segments", format!("{header}..{claims}.{signature}.AAAA")),
        ("no header", format!(".{claims}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("no signature", format!("{rest}.")),
        ("two segments", rest.to_owned()),
        ("a quoted token", format!("\"{genuine}\"")),
        ("two tokens", format!("{genuine},{genuine}")),
        ("a token after a space", format!("x {genuine}")),
        ("the standard alphabet", format!("{rest}.{}", signature.replace('-', "+").replace('_', "/") + "+")),
        ("r = s = 0", format!("{rest}.{}", encode(&[0; 64]))),
        ("r = s = 1", format!("{rest}.{}", encode(&[[0; 31].as_slice(), &[1], &[0; 31], &[1]].concat()))),
        (
            "another token's signature",
            format!("{rest}.{}", scene.sign(&scene.header, &json!({})).rsplit_once('.').expect("three segments").1),
        ),
        ("a quarter of a megabyte of dots", ".".repeat(1 << 18)),
        ("a quarter of a megabyte of letters", "A".repeat(1 << 18)),
    ];
    let cut = (1..genuine.len()).step_by(7).map(|end| (format!("cut to {end}"), genuine[..end].to_owned()));

    scene.refuses(InvalidToken, forged.map(|(name, token)| (name.to_owned(), token))).await;
    scene.refuses(InvalidToken, cut).await;
}

#[tokio::test]
async fn a_genuine_signature_is_not_enough() {
    let scene = Scene::new().await;
    let eves = scene.app.registered("eve").await.log_in().await;
    let claims = |claim: &str, value: Value| scene.sign(&scene.header, &with(&scene.claims, claim, value));

    for (name, token, code) in [
        ("another user in this session", claims("sub", eves.json()["user"]["id"].to_string().into()), InvalidToken),
        ("another user's session", claims("sid", eves.claim("sid")), InvalidToken),
        ("a user who never was", claims("sub", json!("4711")), InvalidToken),
        ("a session that never was", claims("sid", json!("0192f1c4-7a5e-7c3b-9d2e-5f60718293a4")), SessionEnded),
        ("a session id of another kind", claims("sid", json!("0192f1c4-7a5e-4c3b-9d2e-5f60718293a4")), InvalidToken),
        ("a token of yesterday", claims("exp", json!(NOW - 86_400)), TokenExpired),
        ("a token of just now", claims("exp", json!(NOW - 5)), TokenExpired),
    ] {
        scene.refuses(code, [(name.to_owned(), token)]).await;
    }
    // A role that the token claims is not one that the user has.
    let promoted = scene.present(&claims("roles", json!(["admin"]))).await;
    assert_eq!(promoted.assert_status(200).json()["roles"], json!([]));
}

#[tokio::test]
async fn a_token_comes_in_one_authorization_header_and_nowhere_else() {
    let scene = Scene::new().await;
    let me = |path: &str| scene.app.request(Method::GET, path);
    let sent = async |value: &str| Answer::to(me("/auth/me").header(AUTHORIZATION, value)).await;
    let genuine = &scene.genuine;

    let twice = me("/auth/me").bearer_auth(genuine).bearer_auth("x");
    Answer::to(twice).await.assert_refused_token(InvalidToken);
    let beside_basic = me("/auth/me").header(AUTHORIZATION, "Basic eDp5").bearer_auth(genuine);
    Answer::to(beside_basic).await.assert_refused_token(InvalidToken);
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        sent(&format!("{scheme} {genuine}")).await.assert_status(200);
    }
    for none in ["Bearer", "Bearer ", "Basic eDp5", genuine, &format!("Bearer:{genuine}"), &format!("DPoP {genuine}")] {
        let answer = sent(none).await;
        answer.assert_problem(Code::MissingToken);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{none}");
    }
    for elsewhere in [
        me(&format!("/auth/me?access_token={genuine}")),
        me("/auth/me").header("Cookie", format!("access_token={genuine}")),
        me("/auth/me").header("X-Access-Token", genuine),
    ] {
        Answer::to(elsewhere).await.assert_problem(Code::MissingToken);
    }
}

/// The service, a signed-in user, and a forger who has got hold of the key that signs.
struct Scene {
    app: TestApp,
    key: EcdsaKeyPair,
    genuine: String,
    header: Value,
    claims: Value,
    jwks: Value,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new(Engine::Sqlite).await;
        let genuine = app.registered("ada").await.log_in().await.access_token();
        let jwks = app.get("/.well-known/jwks.json").await.json();
        let handles = app.handles();
        let keys = SigningKey::all(&handles.database).await.expect("keys");
        let active = keys.iter().find(|key| key.state == State::Active).expect("a key that signs");
        let sealed = active.sealed_private_key.as_deref().expect("a private part");
        let der = handles.sealer.open(&format!("signing_key/{}", active.kid), sealed).expect("the private part");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).expect("a key");
        let parts: Vec<_> =
            genuine.split('.').take(2).map(|part| serde_json::from_slice(&decode(part)).expect("JSON")).collect();
        let [header, claims] = parts.try_into().expect("two parts");
        Self { app, key, genuine, header, claims, jwks }
    }

    async fn present(&self, token: &str) -> Answer {
        self.app.somebody("ada").me(token).await
    }

    async fn refuses(&self, code: Code, forged: impl IntoIterator<Item = (String, String)>) {
        for (name, token) in forged {
            let answer = self.present(&token).await;
            assert_eq!((answer.status, &answer.json()["code"]), (401, &json!(code.as_str())), "{name}: {answer:?}");
            answer.assert_refused_token(code);
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        sign_with(&self.key, header, claims)
    }

    fn sign_text(&self, header: &str, claims: &str) -> String {
        token_of(header, claims, |message| low_s(&self.key, message))
    }
}

fn sign_with(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    token(header, claims, |message| low_s(key, message))
}

/// Of the two spellings of a signature the one with the lower `s`, which alone is accepted.
fn low_s(key: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    loop {
        let signature = key.sign(&SystemRandom::new(), message).expect("a signature");
        if signature.as_ref()[32] < 0x7f {
            return signature.as_ref().to_vec();
        }
    }
}

fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    token_of(&header.to_string(), &claims.to_string(), sign)
}

fn token_of(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    format!("{signed}.{}", encode(&sign(signed.as_bytes())))
}

fn with(object: &Value, member: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[member] = value;
    object
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).expect("base64url")
}

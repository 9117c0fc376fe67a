//! Forgeries: one table per idea, each row a token that must be refused, and for which reason.
//!
//! Where a table is about the header or the claims, the signature is genuine: what is refused is refused for what it
//! says. Each row differs from an accepted token in one thing.

use aws_lc_rs::hmac;
use countersign_token::{Algorithm, KeySet, Verifier, VerifyError};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, AnyText, HEADER, ISSUER, NOW, claims, encode, refused, signer, text, token, verifier};

use VerifyError::{
    BadSignature, Expired, Malformed, NotYetValid, RefusedHeader, WrongAlgorithm, WrongAudience, WrongIssuer, WrongType,
};

#[test]
fn the_token_that_every_attack_starts_from_is_accepted() {
    let key = AnyText::new();

    assert_eq!(verifier(&key.signer).verify(&key.sign(HEADER, text(&claims())), NOW), Ok(claims()));
}

#[test]
fn no_algorithm_but_the_keys_is_followed() {
    let key = AnyText::new();
    let header = |alg: &str| format!(r#"{{"alg":{alg},"typ":"at+jwt","kid":"key-1"}}"#);

    for (alg, expected) in [
        (r#""none""#, WrongAlgorithm),
        (r#""None""#, WrongAlgorithm),
        (r#""NONE""#, WrongAlgorithm),
        (r#""nOnE""#, WrongAlgorithm),
        (r#""none ""#, WrongAlgorithm),
        (r#""""#, WrongAlgorithm),
        (r#""es256""#, WrongAlgorithm),
        (r#""ES256K""#, WrongAlgorithm),
        (r#""ES384""#, WrongAlgorithm),
        (r#""HS256""#, WrongAlgorithm),
        (r#""RS256""#, WrongAlgorithm),
        (r#""PS256""#, WrongAlgorithm),
        (r#""EdDSA""#, WrongAlgorithm),
        ("null", Malformed),
        ("256", Malformed),
        (r#"["ES256"]"#, Malformed),
    ] {
        let signed = key.sign(header(alg), text(&claims()));
        let unsigned = token(header(alg), text(&claims()), |_| vec![]);
        refused(&key, &signed, &expected, alg);
        refused(&key, &unsigned, &expected, alg);
    }
    refused(&key, &key.sign(r#"{"typ":"at+jwt","kid":"key-1"}"#, text(&claims())), &Malformed, "no alg");
}

#[test]
fn a_public_key_is_no_secret() {
    let key = AnyText::new();
    let point = key.point();
    let jwk = key.signer.verification_key().jwk().unwrap();
    // SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2): a fixed head, then the point.
    let head =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let der = [head, point].concat();
    let pem = pem(&der);
    let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();

    for (encoding, secret) in [
        ("PEM", pem.as_bytes()),
        ("PEM without its last newline", pem.trim_end().as_bytes()),
        ("PEM with CRLF", pem.replace('\n', "\r\n").as_bytes()),
        ("PEM's base64", pem.lines().nth(1).unwrap().as_bytes()),
        ("DER", &der),
        ("JWK text", serde_json::to_string(jwk).unwrap().as_bytes()),
        ("JWK set text", serde_json::to_string(&verifier(&key.signer).keys().jwks()).unwrap().as_bytes()),
        ("raw point", point),
        ("raw point without its first byte", &point[1..]),
        ("compressed point", &compressed),
        ("x", &point[1..33]),
        ("x in base64url", jwk.x.as_ref().unwrap().as_bytes()),
        ("kid", b"key-1"),
        ("nothing", b""),
    ] {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |message: &[u8]| hmac::sign(&secret, message).as_ref().to_vec();

        let honest = token(r#"{"alg":"HS256","typ":"at+jwt","kid":"key-1"}"#, text(&claims()), sign);
        let lying = token(HEADER, text(&claims()), sign);

        refused(&key, &honest, &WrongAlgorithm, encoding);
        refused(&key, &lying, &BadSignature, encoding);
    }
}

#[test]
fn a_key_set_makes_no_secret_of_ours() {
    let planted = json!({"keys": [
        {"kty": "oct", "kid": "key-1", "alg": "HS256", "k": encode(&[1; 32])},
        {"kty": "EC", "crv": "P-256", "kid": "off the curve", "x": encode(&[1; 32]), "y": encode(&[1; 32])},
        {"kty": "EC", "crv": "secp256k1", "kid": "wrong curve", "x": encode(&[1; 32]), "y": encode(&[1; 32])},
        {"kty": "RSA", "kid": "short", "n": encode(&[0xff; 128]), "e": "AQAB"},
        {"kty": "RSA", "kid": "for encryption", "use": "enc", "n": encode(&[0xff; 256]), "e": "AQAB"},
        {"kty": "RSA", "kid": "other algorithm", "alg": "PS256", "n": encode(&[0xff; 256]), "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": encode(&[1; 32])},
    ]});

    assert!(KeySet::from_jwks(&planted.to_string()).unwrap().is_empty());
    assert!(KeySet::from_jwks(r#"{"keys":[],"keys":[]}"#).is_err());
}

#[test]
fn a_key_that_the_token_brings_along_is_not_tried() {
    let (key, foreign) = (AnyText::new(), AnyText::new());
    let jwk = serde_json::to_value(foreign.signer.verification_key().jwk()).unwrap();
    let url = "http://127.0.0.1:1/keys.json";

    for (member, value) in [
        ("jwk", jwk.clone()),
        ("jwk", Value::Null),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", Value::Null),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("epk", jwk),
    ] {
        let mut header: Value = serde_json::from_str(HEADER).unwrap();
        header[member] = value;

        refused(&key, &foreign.sign(header.to_string(), text(&claims())), &RefusedHeader, member);
        refused(&key, &key.sign(header.to_string(), text(&claims())), &RefusedHeader, member);
    }
    refused(&key, &foreign.sign(HEADER, text(&claims())), &BadSignature, "a foreign key under our name");
}

#[test]
fn a_key_is_found_by_its_whole_name_only() {
    let key = AnyText::new();

    for kid in [
        "",
        "KEY-1",
        "key-1 ",
        "key-1\0",
        "key-10",
        "key-",
        "../../dev/null",
        "..\\..\\key-1",
        "/etc/passwd",
        "file:///dev/null",
        "https://attacker.example/keys.json",
        "' or '1'='1",
        "x' union select 'secret' --",
        "key-1; rm -rf /",
        "$(id)",
        "${jndi:ldap://attacker.example}",
        "%00",
        "*",
        "кey-1",
    ] {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}).to_string();

        refused(&key, &key.sign(header, text(&claims())), &VerifyError::UnknownKey { kid: kid.into() }, kid);
    }
    for kid in [Value::Null, json!(1), json!(["key-1"]), json!({"kid": "key-1"}), json!("k".repeat(129))] {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}).to_string();

        refused(&key, &key.sign(header, text(&claims())), &Malformed, "a kid that is no name");
    }
    refused(&key, &key.sign(r#"{"alg":"ES256","typ":"at+jwt"}"#, text(&claims())), &Malformed, "no kid");
}

#[test]
fn a_token_for_something_else_is_not_taken() {
    let key = AnyText::new();
    let header = |typ: Value| json!({"alg": "ES256", "typ": typ, "kid": "key-1"}).to_string();

    for typ in
        ["JWT", "jwt", "", "at+jwt ", "at+JWT2", "application/jwt", "text/at+jwt", "id+jwt", "logout+jwt", "dpop+jwt"]
    {
        refused(&key, &key.sign(header(json!(typ)), text(&claims())), &WrongType, typ);
    }
    for typ in [Value::Null, json!(["at+jwt"]), json!(1)] {
        refused(&key, &key.sign(header(typ), text(&claims())), &Malformed, "a typ that is no text");
    }
    refused(&key, &key.sign(r#"{"alg":"ES256","kid":"key-1"}"#, text(&claims())), &Malformed, "no typ");

    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        let token = key.sign(header(json!(typ)), text(&claims()));
        assert_eq!(verifier(&key.signer).verify(&token, NOW), Ok(claims()), "{typ}");
    }
}

#[test]
fn every_claim_is_there_and_of_its_type() {
    let key = AnyText::new();
    let text_claim = [Value::Null, json!(1), json!(true), json!([ISSUER]), json!({})];
    let instant = [
        Value::Null,
        json!("1795348800"),
        json!(1_795_348_800.0),
        json!(1.5e9),
        json!(true),
        json!([1]),
        json!(u64::MAX),
    ];
    let sub = ["", "0042", "+42", "42 ", "4.2e1", "ada", "0x2a", "-0", "9223372036854775808", "٤٢"].map(Value::from);
    let sid = [
        "",
        "01936B1E-9C00-7000-8000-000000000001",
        "01936b1e9c0070008000000000000001",
        "{01936b1e-9c00-7000-8000-000000000001}",
        "urn:uuid:01936b1e-9c00-7000-8000-000000000001",
        "01936b1e-9c00-7000-8000-00000000000",
        "../sessions/1",
    ]
    .map(Value::from);
    let roles = [Value::Null, json!("admin"), json!({"admin": true}), json!([1]), json!([null]), json!([["admin"]])];

    for (claim, bad) in [
        ("iss", [&text_claim[..], &[]].concat()),
        ("aud", [&text_claim[..], &[json!([AUDIENCE, ISSUER])]].concat()),
        ("sub", [&text_claim[..], &[json!(42)], &sub].concat()),
        ("sid", [&text_claim[..], &sid].concat()),
        ("jti", [&text_claim[..], &[json!("")]].concat()),
        ("iat", instant.to_vec()),
        ("nbf", instant.to_vec()),
        ("exp", instant.to_vec()),
        ("roles", roles.to_vec()),
    ] {
        let mut altered = serde_json::to_value(claims()).unwrap();
        for value in bad {
            altered[claim] = value.clone();
            invalid(&key, &altered, claim);
        }
        altered.as_object_mut().unwrap().remove(claim);
        invalid(&key, &altered, claim);
    }
}

#[test]
fn the_right_token_in_the_wrong_place_or_time_is_refused() {
    let key = AnyText::new();

    for (claim, value, expected) in [
        ("iss", json!("https://auth.example.com/"), WrongIssuer),
        ("iss", json!("https://AUTH.example.com"), WrongIssuer),
        ("iss", json!("https://auth.example.com.attacker.example"), WrongIssuer),
        ("iss", json!(""), WrongIssuer),
        ("aud", json!("https://other.example.com"), WrongAudience),
        ("aud", json!("https://api.example.com/"), WrongAudience),
        ("aud", json!(""), WrongAudience),
        ("aud", json!("*"), WrongAudience),
        ("exp", json!(NOW - 5), Expired),
        ("exp", json!(0), Expired),
        ("exp", json!(i64::MIN), Expired),
        ("nbf", json!(NOW + 6), NotYetValid),
        ("nbf", json!(i64::MAX), NotYetValid),
        ("iat", json!(NOW + 6), NotYetValid),
        ("iat", json!(i64::MAX), NotYetValid),
    ] {
        let mut said = serde_json::to_value(claims()).unwrap();
        said[claim] = value.clone();

        refused(&key, &key.sign(HEADER, said.to_string()), &expected, &format!("{claim} {value}"));
    }
}

#[test]
fn keys_of_several_algorithms_do_not_stand_in_for_one_another() {
    let signers = [Algorithm::EdDsa, Algorithm::Hs256].map(signer);
    let p256 = AnyText::new();
    let keys = signers.iter().chain([&p256.signer]).map(|signer| signer.verification_key().clone());
    // Three keys, two of which are named `key-1`, are in one ring only if each has its own name.
    assert!(KeySet::new(keys).is_err());

    let [ed25519, secret] = signers;
    let both = KeySet::new([&p256.signer, &secret].map(|signer| signer.verification_key().clone())).unwrap();
    let verifier = Verifier::new(ISSUER, AUDIENCE, both);

    for (name, token, expected) in [
        ("Ed25519 under the name of P-256", ed25519.sign(&claims()).unwrap(), WrongAlgorithm),
        (
            "P-256 under the name of the secret",
            p256.sign(
                json!({"alg": "ES256", "typ": "at+jwt", "kid": secret.verification_key().kid()}).to_string(),
                text(&claims()),
            ),
            WrongAlgorithm,
        ),
        (
            "P-256 as HS256",
            p256.sign(
                json!({"alg": "HS256", "typ": "at+jwt", "kid": secret.verification_key().kid()}).to_string(),
                text(&claims()),
            ),
            BadSignature,
        ),
    ] {
        assert_eq!(verifier.verify(&token, NOW), Err(expected), "{name}");
    }
}

fn invalid(key: &AnyText, claims: &Value, claim: &str) {
    let answer = verifier(&key.signer).verify(&key.sign(HEADER, claims.to_string()), NOW);
    assert!(matches!(answer, Err(VerifyError::InvalidClaims(_))), "{claim}: {claims}: {answer:?}");
}

fn pem(der: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    let lines: Vec<String> = Base64::encode_string(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

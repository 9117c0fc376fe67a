//! Test vectors that others have made: Project Wycheproof's for the four primitives, and the examples of the RFCs.
//!
//! The primitive follows its standard; the rules that tokens of this service add are tested elsewhere.

use countersign_token::{KeyError, VerificationKey};
use serde_json::json;
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify};

use crate::support::{decode, encode};

#[test]
fn es256_agrees_with_wycheproof() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();

    let run = set.test_groups.iter().flat_map(|group| {
        let (x, y) = group.key.key[1..].split_at(32);
        let key = json!({"kty": "EC", "crv": "P-256", "kid": "w", "x": encode(x), "y": encode(y)});
        let key = VerificationKey::from_jwk(&key.to_string()).unwrap();
        group.tests.iter().map(move |test| agrees(&key, &test.sig, &test.msg, test.result, test.tc_id))
    });

    assert!(run.count() > 200);
}

#[test]
fn eddsa_agrees_with_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();

    let run = set.test_groups.iter().flat_map(|group| {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "w", "x": encode(&group.key.pk)});
        let key = VerificationKey::from_jwk(&key.to_string()).unwrap();
        group.tests.iter().map(move |test| agrees(&key, &test.sig, &test.msg, test.result, test.tc_id))
    });

    assert!(run.count() > 100);
}

#[test]
fn rs256_agrees_with_wycheproof() {
    use rsa_pkcs1_verify::TestName::{Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256};
    let mut run = 0;

    for name in [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256] {
        for group in &rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let (n, e) = (significant(&group.key.n), significant(&group.key.e));
            let key = json!({"kty": "RSA", "kid": "w", "n": encode(n), "e": encode(e)});
            let key = VerificationKey::from_jwk(&key.to_string()).unwrap();
            for test in &group.tests {
                agrees(&key, &test.sig, &test.msg, test.result, test.tc_id);
                run += 1;
            }
        }
    }

    assert!(run > 900, "{run}");
}

#[test]
fn hs256_agrees_with_wycheproof() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut run = 0;

    for (group, test) in set.test_groups.iter().flat_map(|group| group.tests.iter().map(move |test| (group, test))) {
        match VerificationKey::from_secret(&test.key) {
            // A truncated tag is one in general and none in JOSE (RFC 7518 §3.2).
            Ok(key) if group.tag_size < 256 => assert!(!key.is_signature(&test.tag, &test.msg), "{}", test.tc_id),
            Ok(key) => agrees(&key, &test.tag, &test.msg, test.result, test.tc_id),
            Err(error) => assert!(error == KeyError::Weak && group.key_size < 256, "{}", test.tc_id),
        }
        run += 1;
    }

    assert!(run > 150, "{run}");
}

#[test]
fn the_examples_of_rfc_7515_and_rfc_8037_verify() {
    // RFC 7515 A.1: the same claims are signed in A.2 and A.3 with another header.
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let secret = decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");

    let a1 = VerificationKey::from_secret(&secret).unwrap();
    let a2 = public(&json!({"kty": "RSA", "kid": "a2", "e": "AQAB", "n":
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs\
         D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV\
         MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}));
    let a3 = public(&json!({"kty": "EC", "kid": "a3", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}));
    let rfc8037 = public(&json!({"kty": "OKP", "kid": "rfc8037", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}));

    for (key, header, payload, signature) in [
        (&a1, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", claims, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        (
            &a2,
            "eyJhbGciOiJSUzI1NiJ9",
            claims,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZ\
             cAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-e\
             OkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            &a3,
            "eyJhbGciOiJFUzI1NiJ9",
            claims,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            &rfc8037,
            "eyJhbGciOiJFZERTQSJ9",
            "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        let signature = decode(&signature.replace(' ', ""));
        assert!(key.is_signature(&signature, format!("{header}.{payload}").as_bytes()), "{key:?}");
        assert!(!key.is_signature(&signature, format!("{header}.{payload}A").as_bytes()), "{key:?}");
    }
}

fn public(jwk: &serde_json::Value) -> VerificationKey {
    VerificationKey::from_jwk(&jwk.to_string()).unwrap()
}

/// "Acceptable" is what a verifier may take or refuse; the two others are not.
fn agrees(key: &VerificationKey, signature: &[u8], message: &[u8], result: TestResult, test: usize) {
    let genuine = key.is_signature(signature, message);
    match result {
        TestResult::Valid => assert!(genuine, "{key:?}: test {test} is valid"),
        TestResult::Invalid => assert!(!genuine, "{key:?}: test {test} is invalid"),
        TestResult::Acceptable => {}
    }
}

/// The vectors write numbers with a sign byte; a JWK has none (RFC 7518 §2).
fn significant(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

//! Tokens, keys and forgeries that the tests share.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_token::{Algorithm, Claims, KeySet, Signer, Uuid, Verifier, VerifyError, generate_pkcs8};

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// The second in which tests happen: 2026-11-22T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_348_800;

/// The header of every token that [`AnyText`] would make honestly.
pub(crate) const HEADER: &str = r#"{"alg":"ES256","typ":"at+jwt","kid":"key-1"}"#;

/// The claims of a token issued a minute ago.
pub(crate) fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: 42.into(),
        sid: Uuid::from_u128(0x0193_6b1e_9c00_7000_8000_0000_0000_0001),
        jti: "b3f1c2".into(),
        iat: NOW - 60,
        nbf: NOW - 60,
        exp: NOW + 1740,
        roles: vec!["editor".into()],
    }
}

/// A signer with a key of its own, named `key-1` unless it is a secret.
pub(crate) fn signer(algorithm: Algorithm) -> Signer {
    match algorithm {
        Algorithm::Hs256 => Signer::from_secret(b"a secret of thirty-two bytes or more").unwrap(),
        Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Rs256 => {
            Signer::from_pkcs8(algorithm, "key-1", &generate_pkcs8(algorithm).unwrap()).unwrap()
        }
    }
}

/// A verifier that knows the signer's key and no other.
pub(crate) fn verifier(signer: &Signer) -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, KeySet::new([signer.verification_key().clone()]).unwrap())
}

/// A P-256 key that signs anything: what a forger would like to have.
pub(crate) struct AnyText {
    pair: EcdsaKeyPair,
    pub(crate) signer: Signer,
}

impl AnyText {
    pub(crate) fn new() -> Self {
        let der = generate_pkcs8(Algorithm::Es256).unwrap();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap(),
            signer: Signer::from_pkcs8(Algorithm::Es256, "key-1", &der).unwrap(),
        }
    }

    /// Signs whatever stands in header and claims, correctly.
    pub(crate) fn sign(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        token(header, claims, |message| self.raw(message))
    }

    /// Signs two segments as they stand, whether or not they are any.
    pub(crate) fn sign_text(&self, signed: &str) -> String {
        format!("{signed}.{}", encode(&self.raw(signed.as_bytes())))
    }

    /// Returns the uncompressed point.
    pub(crate) fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn raw(&self, message: &[u8]) -> Vec<u8> {
        // One signature in two has the lower `s` that tokens have.
        loop {
            let signature = self.pair.sign(&SystemRandom::new(), message).unwrap();
            if signature.as_ref().get(32).is_some_and(|first| *first < 0x7f) {
                return signature.as_ref().to_vec();
            }
        }
    }
}

/// Puts a token together from any three parts.
pub(crate) fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.as_ref()), encode(claims.as_ref()));
    format!("{signed}.{}", encode(&sign(signed.as_bytes())))
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

/// Asserts why a token is refused by the key that it claims.
pub(crate) fn refused(key: &AnyText, token: &str, expected: &VerifyError, name: &str) {
    assert_eq!(verifier(&key.signer).verify(token, NOW).as_ref(), Err(expected), "{name}");
}

pub(crate) fn text(claims: &Claims) -> String {
    serde_json::to_string(claims).unwrap()
}

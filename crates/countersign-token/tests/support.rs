//! Tokens, keys and forgeries that the tests share.

use countersign_token::{Algorithm, Claims, KeySet, Signer, Uuid, Verifier, generate_pkcs8};

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// The second in which tests happen: 2026-11-22T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_348_800;

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

//! What the signer makes, the verifier accepts, with every algorithm, and not a second longer than it should.

use std::time::Duration;

use crate::support::{AUDIENCE, ISSUER, NOW, claims, signer, verifier};
use countersign_token::{Algorithm, KeyError, KeySet, Signer, VerificationKey, Verifier, VerifyError};

#[test]
fn every_algorithm_signs_what_it_verifies() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256] {
        let signer = signer(algorithm);

        for _ in 0..20 {
            let token = signer.sign(&claims()).unwrap();

            assert_eq!(verifier(&signer).verify(&token, NOW), Ok(claims()), "{algorithm}");
        }
    }
}

#[test]
fn a_published_key_set_verifies_what_was_signed() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let signer = signer(algorithm);
        let published = serde_json::to_string(&verifier(&signer).keys().jwks()).unwrap();

        let elsewhere = Verifier::new(ISSUER, AUDIENCE, KeySet::from_jwks(&published).unwrap());

        assert_eq!(elsewhere.verify(&signer.sign(&claims()).unwrap(), NOW), Ok(claims()), "{published}");
    }
}

#[test]
fn a_secret_is_never_published() {
    let keys = KeySet::new([VerificationKey::from_secret(&[7; 32]).unwrap()]).unwrap();

    assert_eq!(serde_json::to_string(&keys.jwks()).unwrap(), r#"{"keys":[]}"#);
    assert!(!format!("{keys:?}").contains("[7, "));
}

#[test]
fn a_token_lives_from_nbf_until_exp_give_or_take_the_leeway() {
    let signer = signer(Algorithm::Hs256);
    let token = signer.sign(&claims()).unwrap();
    let (nbf, exp) = (claims().nbf, claims().exp);

    for (leeway, granted) in [(0, 0), (5, 5), (30, 30), (31, 30), (u64::MAX, 30)] {
        let verifier = verifier(&signer).with_leeway(Duration::from_secs(leeway));
        for (now, expected) in [
            (nbf - granted - 1, Err(VerifyError::NotYetValid)),
            (nbf - granted, Ok(claims())),
            (exp + granted - 1, Ok(claims())),
            (exp + granted, Err(VerifyError::Expired)),
            (i64::MAX, Err(VerifyError::Expired)),
            (i64::MIN, Err(VerifyError::NotYetValid)),
        ] {
            assert_eq!(verifier.verify(&token, now), expected, "leeway {leeway}, {now}");
        }
    }
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let key = || VerificationKey::from_secret(&[1; 32]).unwrap();

    assert_eq!(KeySet::new([key(), key()]).unwrap_err(), KeyError::DuplicateName);
}

#[test]
fn a_secret_has_at_least_32_bytes() {
    assert_eq!(VerificationKey::from_secret(&[1; 31]).unwrap_err(), KeyError::Weak);
    assert_eq!(Signer::from_secret(&[1; 31]).unwrap_err(), KeyError::Weak);
}

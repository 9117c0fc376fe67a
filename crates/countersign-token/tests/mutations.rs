//! Whatever is done to a valid token, it is no longer one.

use std::sync::LazyLock;

use countersign_token::{Algorithm, Signer, Verifier};
use proptest::prelude::*;

use crate::support::{NOW, claims, signer, verifier};

/// A verifier and a token of each algorithm, made once: the RSA key takes a while.
static TOKENS: LazyLock<Vec<(Verifier, String)>> = LazyLock::new(|| {
    let token = |signer: Signer| (verifier(&signer), signer.sign(&claims()).unwrap());
    [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256].map(signer).map(token).into()
});

#[test]
fn no_flipped_bit_goes_unnoticed() {
    for (verifier, token) in TOKENS.iter() {
        for (at, bit) in (0..token.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).unwrap();

            assert!(verifier.verify(&flipped, NOW).is_err(), "bit {bit} of byte {at}: {flipped}");
        }
    }
}

proptest! {
    #[test]
    fn no_replaced_piece_goes_unnoticed(
        which in 0..4usize,
        start in any::<prop::sample::Index>(),
        length in 0..40usize,
        piece in "[A-Za-z0-9_.=+/-]{0,40}|\\PC{0,8}",
    ) {
        let (verifier, token) = &TOKENS[which];
        let start = start.index(token.len() + 1);
        let mut changed = token.clone();
        changed.replace_range(start..(start + length).min(token.len()), &piece);
        prop_assume!(changed != *token);

        prop_assert!(verifier.verify(&changed, NOW).is_err());
    }

    #[test]
    fn no_mixture_of_tokens_is_one(header in 0..4usize, said in 0..4usize, signature in 0..4usize) {
        prop_assume!(header != said || said != signature);
        let part = |which: usize, part: usize| TOKENS[which].1.split('.').nth(part).unwrap();
        let mixed = format!("{}.{}.{}", part(header, 0), part(said, 1), part(signature, 2));

        for (verifier, token) in TOKENS.iter() {
            // The claims are the same in all, so only a mixture that differs from the whole is one.
            prop_assert!(mixed == *token || verifier.verify(&mixed, NOW).is_err());
        }
    }

    #[test]
    fn any_text_is_refused_calmly(text in "\\PC*", dots in "[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*") {
        for (verifier, _) in TOKENS.iter() {
            prop_assert!(verifier.verify(&text, NOW).is_err());
            prop_assert!(verifier.verify(&dots, NOW).is_err());
        }
    }

    #[test]
    fn what_is_signed_is_what_is_read(user in any::<i64>(), jti in "\\PC+", roles in prop::collection::vec("\\PC*", 0..5)) {
        let signer = Signer::from_secret(&[9; 32]).unwrap();
        let mut said = claims();
        (said.sub, said.jti, said.roles) = (user.into(), jti, roles);

        let token = signer.sign(&said).unwrap();

        prop_assert_eq!(verifier(&signer).verify(&token, NOW), Ok(said));
    }
}

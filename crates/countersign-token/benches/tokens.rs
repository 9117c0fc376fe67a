//! What a token costs one core, to verify and to sign, with each algorithm.
//!
//! `cargo bench -p countersign-token`; the last figures are in the crate's README.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot prepare has nothing to say")]

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_token::{Algorithm, Claims, KeySet, Signer, Uuid, Verifier, generate_pkcs8};
use divan::Bencher;
use divan::counter::ItemsCount;

const ALGORITHMS: [Algorithm; 4] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256];

const NOW: i64 = 1_795_348_800;

fn main() {
    divan::main();
}

#[divan::bench(args = ALGORITHMS)]
fn verify(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let signer = signer(algorithm);
    let verifier = verifier(&signer);
    let token = signer.sign(&claims()).unwrap();

    bencher.counter(ItemsCount::new(1_u32)).bench(|| verifier.verify(divan::black_box(&token), NOW));
}

#[divan::bench(args = ALGORITHMS)]
fn sign(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let (signer, claims) = (signer(algorithm), claims());

    bencher.counter(ItemsCount::new(1_u32)).bench(|| signer.sign(divan::black_box(&claims)));
}

/// Hostile input is refused at once: before any signature is looked at.
#[divan::bench]
fn refuse_a_megabyte_of_dots(bencher: Bencher<'_, '_>) {
    let verifier = verifier(&signer(Algorithm::Es256));
    let dots = ".".repeat(1 << 20);

    bencher.bench(|| verifier.verify(divan::black_box(&dots), NOW));
}

/// The dearest thing a token under 8 KiB can ask for without a signature: a header of small nested objects.
#[divan::bench]
fn refuse_the_largest_header(bencher: Bencher<'_, '_>) {
    let verifier = verifier(&signer(Algorithm::Es256));
    let members: Vec<String> = (0..680).map(|number| format!("\"{number}\":{{}}")).collect();
    let header = format!("{{{}}}", members.join(","));
    let token = format!("{}..", Base64UrlUnpadded::encode_string(header.as_bytes()));

    bencher.bench(|| verifier.verify(divan::black_box(&token), NOW));
}

fn signer(algorithm: Algorithm) -> Signer {
    match algorithm {
        Algorithm::Hs256 => Signer::from_secret(b"a secret of thirty-two bytes or more").unwrap(),
        Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Rs256 => {
            Signer::from_pkcs8(algorithm, "01936b1e9c007000", &generate_pkcs8(algorithm).unwrap()).unwrap()
        }
    }
}

fn verifier(signer: &Signer) -> Verifier {
    let keys = KeySet::new([signer.verification_key().clone()]).unwrap();
    Verifier::new("https://auth.example.com", "https://auth.example.com", keys)
}

fn claims() -> Claims {
    Claims {
        iss: "https://auth.example.com".into(),
        aud: "https://auth.example.com".into(),
        sub: 42.into(),
        sid: Uuid::from_u128(0x0193_6b1e_9c00_7000_8000_0000_0000_0001),
        jti: "S7dYkq0bT9uGm1cX4vZpWw".into(),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 1800,
        roles: vec!["admin".into()],
    }
}

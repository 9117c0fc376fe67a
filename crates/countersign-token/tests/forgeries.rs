//! Tokens that are nearly the genuine one: cut, spelled otherwise, told twice, signed with numbers that are none.

use countersign_token::{Algorithm, VerifyError};
use serde_json::json;

use crate::support::{AnyText, HEADER, NOW, claims, decode, encode, refused, signer, text, verifier};

use VerifyError::{BadSignature, Malformed};

#[test]
fn nothing_is_said_twice() {
    let key = AnyText::new();
    let open = |object: &str| object.strip_suffix('}').unwrap().to_owned();
    let claims = text(&claims());

    for twice in [r#""alg":"ES256""#, r#""\u0061lg":"none""#, r#""kid":"key-2""#, r#""typ":"JWT""#] {
        refused(&key, &key.sign(format!("{},{twice}}}", open(HEADER)), &claims), &Malformed, twice);
        refused(&key, &key.sign(format!("{{{twice},{}", &HEADER[1..]), &claims), &Malformed, twice);
    }
    for twice in [
        r#""sub":"1""#,
        r#""s\u0075b":"1""#,
        r#""exp":9999999999"#,
        r#""roles":["admin"]"#,
        r#""x":1,"x":1"#,
        r#""x":{"y":1,"y":2}"#,
        r#""x":[{"y":[{"z":1,"z":1}]}]"#,
    ] {
        refused(&key, &key.sign(HEADER, format!("{},{twice}}}", open(&claims))), &Malformed, twice);
        refused(&key, &key.sign(HEADER, format!("{{{twice},{}", &claims[1..])), &Malformed, twice);
    }
}

#[test]
fn header_and_claims_are_one_json_object_each() {
    let key = AnyText::new();
    let claims = text(&claims());

    for (name, json) in [
        ("nothing", &b""[..]),
        ("null", b"null"),
        ("a list", b"[]"),
        ("a text", br#""ES256""#),
        ("cut", br#"{"alg":"ES256""#),
        ("two objects", b"{}{}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("UTF-16", b"{\0}\0"),
        ("broken UTF-8", b"{\"x\":\"\xc0\xaf\"}"),
        ("a lone surrogate", br#"{"x":"\ud800"}"#),
        ("a comment", b"{/**/}"),
        ("a trailing comma", br#"{"x":1,}"#),
        ("not a number", br#"{"x":NaN}"#),
    ] {
        refused(&key, &key.sign(json, &claims), &Malformed, name);
        refused(&key, &key.sign(HEADER, json), &Malformed, name);
    }
    let values = br#"["https://auth.example.com","https://api.example.com","42","01936b1e-9c00-7000-8000-000000000001","b",1,1,9999999999,[]]"#;
    refused(&key, &key.sign(HEADER, values), &Malformed, "the claims as a list in their order");
    refused(&key, &key.sign(br#"["ES256","key-1","at+jwt"]"#, &claims), &Malformed, "the header as a list");
}

#[test]
fn a_part_of_a_token_is_no_token() {
    let key = AnyText::new();
    let whole = key.signer.sign(&claims()).unwrap();
    let verifier = verifier(&key.signer);

    for end in 0..whole.len() {
        assert!(verifier.verify(&whole[..end], NOW).is_err(), "cut to {end}");
        assert!(verifier.verify(&whole[end + 1..], NOW).is_err(), "beginning at {}", end + 1);
    }
}

#[test]
fn a_token_has_one_spelling() {
    let key = AnyText::new();
    let whole = key.signer.sign(&claims()).unwrap();
    let (rest, signature) = whole.rsplit_once('.').unwrap();
    let (header, said) = rest.split_once('.').unwrap();
    // 64 bytes are 86 characters, the last of which carries two bits of the signature and four that must be zero.
    let last = signature.chars().last().unwrap();
    let stray = char::from(u8::try_from(u32::from(last) + 1).unwrap());

    for (name, spelling) in [
        ("padding", format!("{whole}==")),
        ("one character of padding", format!("{whole}=")),
        ("stray bits", format!("{}{stray}", whole.strip_suffix(last).unwrap())),
        ("a newline at the end", format!("{whole}\n")),
        ("a space before", format!(" {whole}")),
        ("a NUL at the end", format!("{whole}\0")),
        ("a fourth segment", format!("{whole}.")),
        ("a fourth segment with content", format!("{whole}.{signature}")),
        ("five segments, as encrypted tokens have", format!("{header}..{said}.{signature}.AAAA")),
        ("an empty segment before", format!(".{whole}")),
        ("no header", format!(".{said}.{signature}")),
        ("its scheme", format!("Bearer {whole}")),
        ("quotes", format!("\"{whole}\"")),
        ("percent encoding", whole.replace('.', "%2E")),
        ("full-width dots", whole.replace('.', "．")),
        (
            "the JSON form of RFC 7515",
            json!({"protected": header, "payload": said, "signature": signature}).to_string(),
        ),
        ("nothing", String::new()),
        ("two dots", "..".into()),
    ] {
        refused(&key, &spelling, &Malformed, name);
    }

    for (name, signed) in [
        ("padded header", format!("{header}=.{said}")),
        ("padded claims", format!("{header}.{said}=")),
        ("a newline within", format!("{header}.{said}\r\n")),
        ("a space within", format!("{header}. {said}")),
        ("no header", format!(".{said}")),
        ("no claims", format!("{header}.")),
        ("a fourth segment", format!("{header}.{said}.{said}")),
        ("the header as it is", format!("{HEADER}.{said}")),
        ("the claims as they are (RFC 7797)", format!("{header}.{}", text(&claims()))),
        ("a letter of another script", format!("{header}.{said}é")),
    ] {
        refused(&key, &key.sign_text(&signed), &Malformed, name);
    }

    // Of 64 random bytes and more, some letter is `-` or `_` in nearly every signature; look for such a one.
    let (rest, signature) = std::iter::repeat_with(|| key.signer.sign(&claims()).unwrap())
        .map(|token| token.rsplit_once('.').map(|(rest, end)| (rest.to_owned(), end.to_owned())).unwrap())
        .find(|(_, signature)| signature.contains(['-', '_']))
        .unwrap();
    let other = format!("{rest}.{}", signature.replace('-', "+").replace('_', "/"));
    refused(&key, &other, &Malformed, "the standard alphabet");
}

#[test]
fn a_signature_has_no_twin_and_no_zero() {
    let key = AnyText::new();
    let whole = key.signer.sign(&claims()).unwrap();
    let (rest, signature) = whole.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let (r, s) = signature.split_at(32);
    let order = &P256_ORDER[..];
    let (zero, one, twin) = ([0; 32], one(), subtract(&P256_ORDER, s));

    for (name, forged) in [
        ("r = s = 0", [&zero[..], &zero].concat()),
        ("r = 0", [&zero, s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("r = s = 1", [&one[..], &one].concat()),
        ("r = s = n", [order, order].concat()),
        ("r = n", [order, s].concat()),
        ("s = n", [r, order].concat()),
        ("all ones", vec![0xff; 64]),
        ("the twin (r, n − s)", [r, &twin].concat()),
        ("r and s exchanged", [s, r].concat()),
        ("a byte more", [&signature[..], &[0]].concat()),
        ("a byte less", signature[..63].to_vec()),
        ("leading zeros", [&[0], r, &[0], s].concat()),
        ("DER", [&[0x30, 68, 2, 32], r, &[2, 32], s].concat()),
        ("nothing", vec![]),
        ("another token's", decode(key.sign(HEADER, b"{}").rsplit_once('.').unwrap().1)),
    ] {
        refused(&key, &format!("{rest}.{}", encode(&forged)), &BadSignature, name);
    }
}

#[test]
fn empty_signatures_and_zeros_pass_no_algorithm() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256] {
        let signer = signer(algorithm);
        let whole = signer.sign(&claims()).unwrap();
        let (rest, signature) = whole.rsplit_once('.').unwrap();
        let length = decode(signature).len();

        for forged in
            [vec![], vec![0; length], vec![0xff; length], vec![0; length + 1], vec![1; length - 1], vec![0; 32]]
        {
            let answer = verifier(&signer).verify(&format!("{rest}.{}", encode(&forged)), NOW);
            assert_eq!(answer, Err(BadSignature), "{algorithm}, {} bytes", forged.len());
        }
    }
}

#[test]
fn size_is_looked_at_before_anything_else() {
    let key = AnyText::new();
    let padded = |bytes: usize| {
        let mut said = serde_json::to_value(claims()).unwrap();
        said["x"] = json!("x".repeat(bytes));
        key.sign(HEADER, said.to_string())
    };

    assert_eq!(verifier(&key.signer).verify(&padded(5000), NOW), Ok(claims()));
    for (name, token) in [
        ("a megabyte of dots", ".".repeat(1 << 20)),
        ("a megabyte of letters", "A".repeat(1 << 20)),
        ("a genuine token of more than 8 KiB", padded(7000)),
        ("8 KiB of brackets", format!("{}..", encode("[".repeat(6000).as_bytes()))),
    ] {
        refused(&key, &token, &Malformed, name);
    }
}

fn one() -> [u8; 32] {
    let mut one = [0; 32];
    one[31] = 1;
    one
}

fn subtract(from: &[u8; 32], what: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = from
        .iter()
        .zip(what)
        .rev()
        .map(|(a, b)| {
            let digit = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(digit < 0);
            u8::try_from(digit + 256 * borrow).unwrap()
        })
        .collect();
    difference.reverse();
    difference
}

/// The order of P-256 (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

//! Hashes that other implementations publish.

use bcrypt_lanes::{Cost, Hash, Job, Key, KeyError, Lanes, ParseHashError, VerifyError, bcrypt, hash, verify};

/// `crypt_blowfish` 1.3, self-test of `wrapper.c` (Solar Designer, public domain); passwords of at most 72 bytes.
const CRYPT_BLOWFISH: &[(&[u8], &str)] = &[
    (b"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    (b"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    (b"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    (b"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
    (b"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
    (b"\xff\xff\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
    (b"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xff\xa334\xff\xff\xff\xa3345", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.o./n25XVfn6oAPaUvHe.Csk4zRfsYPi"),
    (b"\xff\xa3345", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e"),
    (b"\xff\xa3345", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e"),
    (b"\xa3ab", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS"),
    (b"\xa3ab", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS"),
    (&[0xaa; 72], "$2a$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6"),
    (&repeated([0xaa, 0x55]), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy"),
    (&repeated([0x55, 0xaa, 0xff]), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe"),
];

/// jBCrypt 0.4, `TestBCrypt.java` (Damien Miller), checked with OpenBSD's bcrypt.
const JBCRYPT: &[(&[u8], &str)] = &[
    (b"", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    (b"", "$2a$08$HqWuK6/Ng6sg9gQzbLrgb.Tl.ZHfXLhvt/SgVyWhQqgqcZ7ZuUtye"),
    (b"", "$2a$10$k1wbIrmNyFAPwPVPSVa/zecw2BCEnBwVS2GbrmgzxFUOqW9dk4TCW"),
    (b"", "$2a$12$k42ZFHFWqBp3vWli.nIn8uYyIkbvYRvodzbfbK18SSsY.CsIQPlxO"),
    (b"a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    (b"a", "$2a$08$cfcvVd2aQ8CMvoMpP2EBfeodLEkkFJ9umNEfPD18.hUF62qqlC/V."),
    (b"a", "$2a$10$k87L/MF28Q673VKh8/cPi.SUl7MU/rWuSiIDDFayrKk/1tBsSQu4u"),
    (b"a", "$2a$12$8NJH3LsPrANStV6XtBakCez0cKHXVxmvxIlcz785vxAIZrihHZpeS"),
    (b"abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    (b"abc", "$2a$08$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm"),
    (b"abc", "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi"),
    (b"abc", "$2a$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q"),
    (b"abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
    (b"abcdefghijklmnopqrstuvwxyz", "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
    (b"abcdefghijklmnopqrstuvwxyz", "$2a$10$fVH8e28OQRj9tqiDXs1e1uxpsjN0c7II7YPKXua2NAKYvM6iQk7dq"),
    (b"abcdefghijklmnopqrstuvwxyz", "$2a$12$D4G5f18o7aMMfwasBL7GpuQWuP3pkrZrOAnqP.bmezbMng.QwJ/pG"),
    (b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"),
    (b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$08$Eq2r4G/76Wv39MzSX262huzPz612MZiYHVUJe/OcOql2jo4.9UxTW"),
    (b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$10$LgfYWkbzEvQ4JakH7rOvHe0y8pHKF9OaFgwUZ2q7W2FFZmZzJYlfS"),
    (b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$12$WApznUOJfkEGSmYRfnkrPOr466oFDCaj4b6HY3EXGvfxm43seyhgC"),
];

#[test]
fn every_published_hash_is_made_again_from_its_password() {
    for (password, published) in [CRYPT_BLOWFISH, JBCRYPT].concat() {
        let parsed: Hash = published.parse().unwrap_or_else(|error| panic!("{published}: {error}"));
        let made = Hash { version: parsed.version, ..hash(password, parsed.cost, parsed.salt).unwrap() };

        assert_eq!(made.to_string(), published);
        assert_eq!(verify(password, published), Ok(true), "{published}");
    }
}

#[test]
fn all_published_hashes_run_through_the_lanes_together() {
    let mut waiting: Vec<_> = [CRYPT_BLOWFISH, JBCRYPT].concat();
    let mut lanes = Lanes::new();
    let mut matched = 0;

    while lanes.busy() > 0 || !waiting.is_empty() {
        if let Some((password, published)) = waiting.pop_if(|_| lanes.busy() < Lanes::<Hash>::WIDTH) {
            let stored: Hash = published.parse().unwrap();
            let key = Key::from_password(password).unwrap();
            assert!(lanes.insert(stored.job(&key), stored).is_ok());
        }
        lanes.advance(7, |stored, digest| {
            assert!(stored.matches(&digest), "{stored}");
            matched += 1;
        });
    }

    assert_eq!(matched, CRYPT_BLOWFISH.len() + JBCRYPT.len());
}

#[test]
fn another_password_does_not_match() {
    for (password, published) in CRYPT_BLOWFISH {
        let mut other = password.to_vec();
        other.truncate(71);
        other.push(b'!');

        assert_eq!(verify(&other, published), Ok(false), "{published}");
    }
}

#[test]
fn the_deliberate_deviation_of_crypt_blowfish_is_not_followed() {
    // Its `$2a$` answers these two unlike OpenBSD's, whose digest `$2y$` above has.
    let deviating: [(&[u8], &str); 2] = [
        (b"\xff\xff\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nqd1wy.pTMdcvrRWxyiGL2eMz.2a85."),
        (b"\xff\xa334\xff\xff\xff\xa3345", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.ZC1JEJ8Z4gPfpe1JOr/oyPXTWl9EFd."),
    ];
    for (password, published) in deviating {
        assert_eq!(verify(password, published), Ok(false));
    }
}

#[test]
fn a_hash_of_the_faulty_implementation_is_refused() {
    let stored = "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e";

    assert_eq!(verify(b"\xa3", stored), Err(VerifyError::Hash(ParseHashError::Version)));
}

#[test]
fn what_is_no_hash_is_refused_with_its_reason() {
    let rest = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let cases = [
        (String::new(), ParseHashError::Malformed),
        ("*0".into(), ParseHashError::Malformed),
        ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(), ParseHashError::Malformed),
        (format!("$2a$03${rest}"), ParseHashError::Cost),
        (format!("$2a$32${rest}"), ParseHashError::Cost),
        (format!("$2a$99${rest}"), ParseHashError::Cost),
        (format!("$2$05${rest}"), ParseHashError::Malformed),
        (format!("$2c$05${rest}"), ParseHashError::Version),
        (format!("$2`$05${rest}"), ParseHashError::Version),
        (format!("$2a$5${rest}"), ParseHashError::Malformed),
        (format!("$2a$+5${rest}"), ParseHashError::Malformed),
        (format!("$2a$05${rest}W"), ParseHashError::Malformed),
        (format!("$2a$05${}", &rest[..52]), ParseHashError::Malformed),
        (format!("$2a$05${}", rest.replace("C.E", "C.$")), ParseHashError::Malformed),
        // One spare bit set at the end of the salt, then of the digest.
        (format!("$2a$05${}", rest.replace("C.E", "C/E")), ParseHashError::Malformed),
        (format!("$2a$05${}", rest.replace("OeW", "OeX")), ParseHashError::Malformed),
    ];
    for (text, reason) in cases {
        assert_eq!(text.parse::<Hash>().err(), Some(reason), "{text}");
    }
}

#[test]
fn a_password_that_bcrypt_cannot_take_whole_is_refused() {
    assert!(hash(&[b'x'; 72], Cost::MIN, [0; 16]).is_ok());
    assert_eq!(hash(&[b'x'; 73], Cost::MIN, [0; 16]).err(), Some(KeyError::TooLong));
    assert_eq!(hash(b"pass\0word", Cost::MIN, [0; 16]).err(), Some(KeyError::Nul));
    assert_eq!(Key::from_bytes(&[0; 73]).err(), Some(KeyError::TooLong));
    assert_eq!(Key::from_bytes(b"").err(), Some(KeyError::Empty));
}

#[test]
fn a_hash_of_a_password_that_its_maker_cut_can_be_checked() {
    for (ignored, (password, published)) in
        [(b"chars after 72 are ignored", CRYPT_BLOWFISH[4]), (&[0xff; 26], CRYPT_BLOWFISH[15])]
    {
        let stored: Hash = published.parse().unwrap();
        let key = Key::from_truncated(&[password, ignored].concat());

        assert!(stored.matches(&bcrypt(stored.cost, &stored.salt, &key)), "{published}");
    }
}

#[test]
fn the_bare_function_takes_bytes_as_they_are() {
    // jBCrypt's first vector is the empty password: a key of one NUL byte, which may be repeated at will.
    let stored: Hash = JBCRYPT[0].1.parse().unwrap();
    for length in [1, 2, 71, 72] {
        let key = Key::from_bytes(&vec![0; length]).unwrap();
        assert!(stored.matches(&bcrypt(stored.cost, &stored.salt, &key)));
    }
}

#[test]
fn a_fifth_job_comes_back_with_its_tag() {
    let job = Job { cost: Cost::MIN, salt: [1; 16], key: &Key::from_password(b"one too many").unwrap() };
    let mut lanes = Lanes::new();
    for tag in 0..4 {
        assert!(lanes.insert(job, tag).is_ok());
    }

    let refused = lanes.insert(job, 4);

    assert_eq!((refused, lanes.busy()), (Err(4), 4));
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, where a wrong index is an error")]
const fn repeated<const N: usize>(pattern: [u8; N]) -> [u8; 72] {
    let mut bytes = [0; 72];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = pattern[index % N];
        index += 1;
    }
    bytes
}

//! The texts in which other programs keep their hashes.
//!
//! It reads and does not judge what a hash would cost; numbers that make no sense to the algorithm are refused.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, pbkdf2};
use base64ct::{Base64, Base64Unpadded, Encoding};
use zeroize::Zeroizing;

use super::super::password_hash::UnknownHash;
use super::{Algorithm, Foreign};

/// Reads a hash by its prefix.
pub(super) fn read(text: &str) -> Result<Foreign, UnknownHash> {
    if text.len() > LONGEST {
        return Err(UnknownHash::Unreadable);
    }
    // Django writes the name of its own class before a text that stands by itself.
    let text = text.strip_prefix("argon2$").map_or(text, |rest| rest);
    let rest = text.strip_prefix('$').unwrap_or(text);
    let (name, rest) = rest.split_once('$').unwrap_or((rest, ""));
    let is_modular = text.starts_with('$') || text.starts_with("argon2");
    match (is_modular, name) {
        (true, "argon2id") => argon2(argon2::Algorithm::Argon2id, rest),
        (true, "argon2i") => argon2(argon2::Algorithm::Argon2i, rest),
        (true, "argon2d") => argon2(argon2::Algorithm::Argon2d, rest),
        (true, "pbkdf2-sha256") => modular_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, rest),
        (true, "pbkdf2-sha512") => modular_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, rest),
        (true, "pbkdf2" | "pbkdf2-sha1") => modular_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, rest),
        (true, "scrypt") => modular_scrypt(rest),
        (true, "fbscrypt") => firebase(rest),
        (false, "pbkdf2_sha256") => django_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, rest),
        (false, "pbkdf2_sha1") => django_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, rest),
        (false, "scrypt") => django_scrypt(rest),
        (false, "sha1") => django_sha1(rest),
        _ => salted_sha512(text),
    }
}

/// Longer than any hash with the longest salt that is sensible, and short enough for a row.
const LONGEST: usize = 1024;

/// A shorter digest could be met by chance; a longer one only costs.
const DIGEST_BYTES: std::ops::RangeInclusive<usize> = 16..=128;

/// `v=19$m=65536,t=3,p=4$salt$digest`; without `v=` it is the version of 2015 (1.0).
fn argon2(variant: argon2::Algorithm, rest: &str) -> Result<Foreign, UnknownHash> {
    let (version, rest) = match rest.strip_prefix("v=") {
        Some(rest) => rest.split_once('$').ok_or(UnknownHash::Unreadable)?,
        None => ("16", rest),
    };
    let version = match version {
        "19" => argon2::Version::V0x13,
        "16" => argon2::Version::V0x10,
        _ => return Err(UnknownHash::Unreadable),
    };
    let [parameters, salt, digest] = parts(rest)?;
    let Parameters(parameters) = Parameters::of(parameters, &["m", "t", "p"])?;
    let digest = finished(modular(digest)?)?;
    let [m, t, p] = numbers(&parameters)?;
    // Before the library looks: whatever it thinks of absurd numbers, they are too costly.
    let salt = modular(salt)?;
    let params = argon2::Params::new(m, t, p, Some(digest.len())).map_err(|_| UnknownHash::Unreadable)?;
    if salt.len() < argon2::MIN_SALT_LEN {
        return Err(UnknownHash::Unreadable);
    }
    Ok(Foreign { algorithm: Algorithm::Argon2 { variant, version, params, salt }, digest })
}

/// passlib's `29000$salt$digest`, or PHC's `i=29000,l=32$salt$digest`.
fn modular_pbkdf2(hmac: pbkdf2::Algorithm, rest: &str) -> Result<Foreign, UnknownHash> {
    let [parameters, salt, digest] = parts(rest)?;
    let iterations = match parameters.strip_prefix("i=") {
        Some(phc) => phc.split_once(",l=").map_or(phc, |(iterations, _)| iterations),
        None => parameters,
    };
    pbkdf2(hmac, iterations, modular(salt)?, modular(digest)?)
}

/// Django's `870000$salt$digest`, where the salt is a text.
fn django_pbkdf2(hmac: pbkdf2::Algorithm, rest: &str) -> Result<Foreign, UnknownHash> {
    let [iterations, salt, digest] = parts(rest)?;
    pbkdf2(hmac, iterations, salt.as_bytes().to_vec(), padded(digest)?)
}

fn pbkdf2(hmac: pbkdf2::Algorithm, iterations: &str, salt: Vec<u8>, digest: Vec<u8>) -> Result<Foreign, UnknownHash> {
    let iterations = NonZeroU32::new(number(iterations)?).ok_or(UnknownHash::Unreadable)?;
    Ok(Foreign { algorithm: Algorithm::Pbkdf2 { hmac, iterations, salt }, digest: finished(digest)? })
}

/// `ln=16,r=8,p=1$salt$digest`
fn modular_scrypt(rest: &str) -> Result<Foreign, UnknownHash> {
    let [parameters, salt, digest] = parts(rest)?;
    let Parameters(parameters) = Parameters::of(parameters, &["ln", "r", "p"])?;
    let params = scrypt_params(numbers(&parameters)?)?;
    Ok(Foreign { algorithm: Algorithm::Scrypt { params, salt: modular(salt)? }, digest: finished(modular(digest)?)? })
}

/// Django's `16384$salt$8$5$digest`, where the salt is a text.
fn django_scrypt(rest: &str) -> Result<Foreign, UnknownHash> {
    let [work, salt, r, p, digest] = parts(rest)?;
    let work = number(work)?;
    if !work.is_power_of_two() {
        return Err(UnknownHash::Unreadable);
    }
    let params = scrypt_params([work.ilog2(), number(r)?, number(p)?])?;
    let salt = salt.as_bytes().to_vec();
    Ok(Foreign { algorithm: Algorithm::Scrypt { params, salt }, digest: finished(padded(digest)?)? })
}

/// Django's `salt$digest` of before 2012, with the digest in hex and the salt a text that stands before the password.
fn django_sha1(rest: &str) -> Result<Foreign, UnknownHash> {
    let [salt, made] = parts(rest)?;
    let made = hex::decode(made).ok().filter(|made| made.len() == 20).ok_or(UnknownHash::Unreadable)?;
    let sha = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    Ok(Foreign {
        algorithm: Algorithm::SaltedSha { sha, before: salt.as_bytes().to_vec(), behind: Vec::new() },
        digest: made,
    })
}

/// `v=1,n=14,r=8,p=1,ss=<separator>,sk=<key of the project>$salt$digest`: the form that Supabase gave it.
fn firebase(rest: &str) -> Result<Foreign, UnknownHash> {
    let [parameters, salt, digest] = parts(rest)?;
    let Parameters(parameters) = Parameters::of(parameters, &["v", "n", "r", "p", "ss", "sk"])?;
    let [version, n, r, p, separator, signer_key] =
        <[&str; 6]>::try_from(parameters).map_err(|_| UnknownHash::Unreadable)?;
    if version != "1" {
        return Err(UnknownHash::Unreadable);
    }
    let mut salt_and_separator = padded(salt)?;
    salt_and_separator.extend(padded(separator)?);
    let algorithm = Algorithm::Firebase {
        params: scrypt_params([number(n)?, number(r)?, number(p)?])?,
        salt_and_separator,
        signer_key: Zeroizing::new(padded(signer_key)?),
    };
    Ok(Foreign { algorithm, digest: finished(padded(digest)?)? })
}

/// `{SSHA512}` and base64 of the digest with the salt behind it (RFC 2307, as mail servers and directories write it).
fn salted_sha512(text: &str) -> Result<Foreign, UnknownHash> {
    let both = padded(text.strip_prefix("{SSHA512}").ok_or(UnknownHash::Unreadable)?)?;
    let (made, salt) = both.split_at_checked(64).ok_or(UnknownHash::Unreadable)?;
    let algorithm = Algorithm::SaltedSha { sha: &digest::SHA512, before: Vec::new(), behind: salt.to_vec() };
    Ok(Foreign { algorithm, digest: made.to_vec() })
}

/// The log of N, r and p. What the library refuses for its size is refused for its cost.
fn scrypt_params([log_n, r, p]: [u32; 3]) -> Result<scrypt::Params, UnknownHash> {
    if log_n == 0 || r == 0 || p == 0 {
        return Err(UnknownHash::Unreadable);
    }
    let log_n = u8::try_from(log_n).map_err(|_| UnknownHash::TooCostly)?;
    scrypt::Params::new(log_n, r, p).map_err(|_| UnknownHash::TooCostly)
}

/// The values of `a=1,b=2` in the order in which they must stand.
struct Parameters<'a>(Vec<&'a str>);

impl<'a> Parameters<'a> {
    fn of(text: &'a str, names: &[&str]) -> Result<Self, UnknownHash> {
        let values: Option<Vec<_>> = text
            .splitn(names.len(), ',')
            .zip(names)
            .map(|(parameter, name)| parameter.strip_prefix(name)?.strip_prefix('='))
            .collect();
        values.filter(|values| values.len() == names.len()).map(Self).ok_or(UnknownHash::Unreadable)
    }
}

fn numbers<const N: usize>(texts: &[&str]) -> Result<[u32; N], UnknownHash> {
    let numbers: Vec<u32> = texts.iter().map(|text| number(text)).collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| UnknownHash::Unreadable)
}

/// A whole number without a sign; one that is too large for the machine is too large for us.
fn number(text: &str) -> Result<u32, UnknownHash> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnknownHash::Unreadable);
    }
    text.parse().map_err(|_| UnknownHash::TooCostly)
}

/// The parts between the dollars, of which there must be so many.
fn parts<const N: usize>(text: &str) -> Result<[&str; N], UnknownHash> {
    let parts: Vec<&str> = text.split('$').collect();
    parts.try_into().map_err(|_| UnknownHash::Unreadable)
}

/// Base64 without padding, in which passlib writes `.` for `+`.
fn modular(text: &str) -> Result<Vec<u8>, UnknownHash> {
    let text = text.trim_end_matches('=').replace('.', "+");
    Base64Unpadded::decode_vec(&text).map_err(|_| UnknownHash::Unreadable)
}

/// Base64 with padding, in either alphabet.
fn padded(text: &str) -> Result<Vec<u8>, UnknownHash> {
    let text = text.replace('-', "+").replace('_', "/");
    Base64::decode_vec(&text).map_err(|_| UnknownHash::Unreadable)
}

fn finished(digest: Vec<u8>) -> Result<Vec<u8>, UnknownHash> {
    if DIGEST_BYTES.contains(&digest.len()) { Ok(digest) } else { Err(UnknownHash::Unreadable) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_nobody_wrote_is_refused() {
        let digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for text in [
            String::new(),
            "hunter2".to_owned(),
            "5f4dcc3b5aa765d61d8327deb882cf99".to_owned(),
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99".to_owned(),
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0".to_owned(),
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".to_owned(),
            "{SSHA512}AAAA".to_owned(),
            "sha1$salt$AAAA".to_owned(),
            "sha1$cff36ea83f5706ce9aa7454e63e431fc726b2dc8".to_owned(),
            format!("$argon2id$v=18$m=64,t=1,p=1$c2FsdHNhbHQ${digest}"),
            format!("$argon2id$v=19$t=1,m=64,p=1$c2FsdHNhbHQ${digest}"),
            format!("$argon2id$v=19$m=64,t=1,p=0$c2FsdHNhbHQ${digest}"),
            format!("$argon2id$v=19$m=64,t=1,p=1$c2FsdA${digest}"),
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA".to_owned(),
            format!("$argon2id$v=19$m=64,t=1,p=1,keyid=a$c2FsdHNhbHQ${digest}"),
            format!("argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ${digest}x$"),
            format!("$pbkdf2-sha256$0$c2FsdHNhbHQ${digest}"),
            format!("$pbkdf2-sha256$-5$c2FsdHNhbHQ${digest}"),
            format!("$pbkdf2-md5$5$c2FsdHNhbHQ${digest}"),
            format!("$scrypt$ln=0,r=8,p=1$c2FsdHNhbHQ${digest}"),
            format!("scrypt$1000$salt$8$1${digest}="),
            format!("$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk={digest}=$c2FsdA==${digest}="),
            "x".repeat(2000),
        ] {
            assert_eq!(read(&text).err(), Some(UnknownHash::Unreadable), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_refused(
            text in "\\PC{0,60}|\\$?(argon2id|scrypt|pbkdf2-sha256|fbscrypt|pbkdf2_sha256)\\$[a-z0-9=,$/+.]{0,80}"
        ) {
            let _either_way = read(&text);
        }
    }
}

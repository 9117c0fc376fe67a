//! Password hashes that other programs have made, for users who were brought here from there.
//!
//! It checks them and never makes one: whoever signs in gets a hash of our own. It refuses to read a hash that would
//! cost more time or memory than a login may, so that no row can be a bomb.

mod formats;
mod line;
mod pool;

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::digest;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::password_hash::UnknownHash;

pub(super) use self::pool::ForeignPool;

/// A hash of another program, small enough to be checked.
#[derive(Clone)]
pub(super) struct Foreign {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

/// What the digest was made with.
#[derive(Clone)]
enum Algorithm {
    Argon2 {
        variant: argon2::Algorithm,
        version: argon2::Version,
        params: argon2::Params,
        salt: Vec<u8>,
    },
    Pbkdf2 {
        hmac: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
    },
    /// Scrypt makes a key, under which the key of the project is encrypted.
    Firebase {
        params: scrypt::Params,
        salt_and_separator: Vec<u8>,
        signer_key: Zeroizing<Vec<u8>>,
    },
    /// SHA of the password and the salt, on either side of it: the only one here that is no work at all.
    SaltedSha {
        sha: &'static digest::Algorithm,
        before: Vec<u8>,
        behind: Vec<u8>,
    },
}

/// How much work a check is, in the units of its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Effort {
    kind: Kind,
    units: u64,
}

/// What has a pace of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// KiB that are filled.
    Argon2,
    /// Iterations, times the blocks of output.
    Pbkdf2,
    /// Blocks of 128 bytes that are mixed.
    Scrypt,
    /// Checks.
    Plain,
}

impl Foreign {
    /// Reads a stored text that is no bcrypt.
    pub(super) fn parse(text: &str) -> Result<Self, UnknownHash> {
        let foreign = formats::read(text)?;
        foreign.is_affordable().then_some(foreign).ok_or(UnknownHash::TooCostly)
    }

    /// Whether this is the password. Takes up to seconds: not for async threads.
    pub(super) fn check(&self, password: &[u8]) -> bool {
        let mut made = Zeroizing::new(vec![0; self.digest.len()]);
        self.derive(password, &mut made).is_some() && bool::from(self.digest.ct_eq(&made))
    }

    /// The memory that a check needs beside its thread's, in KiB.
    pub(super) fn memory_kib(&self) -> u32 {
        match &self.algorithm {
            Algorithm::Argon2 { params, .. } => params.m_cost(),
            Algorithm::Scrypt { params, .. } | Algorithm::Firebase { params, .. } => {
                // 128 · r bytes for each of N rows.
                u32::try_from(blocks(params, 1) / 8).unwrap_or(u32::MAX)
            }
            Algorithm::Pbkdf2 { .. } | Algorithm::SaltedSha { .. } => 0,
        }
    }

    pub(super) fn effort(&self) -> Effort {
        match &self.algorithm {
            Algorithm::Argon2 { params, .. } => {
                let units = u64::from(params.m_cost()).saturating_mul(params.t_cost().into());
                Effort { kind: Kind::Argon2, units }
            }
            Algorithm::Pbkdf2 { hmac, iterations, .. } => {
                let block = if *hmac == pbkdf2::PBKDF2_HMAC_SHA1 { 20 } else { hmac_length(*hmac) };
                let blocks = u64::try_from(self.digest.len().div_ceil(block)).unwrap_or(u64::MAX);
                Effort { kind: Kind::Pbkdf2, units: u64::from(iterations.get()).saturating_mul(blocks) }
            }
            Algorithm::Scrypt { params, .. } | Algorithm::Firebase { params, .. } => {
                Effort { kind: Kind::Scrypt, units: blocks(params, params.p()) }
            }
            Algorithm::SaltedSha { .. } => Effort { kind: Kind::Plain, units: 1 },
        }
    }

    fn is_affordable(&self) -> bool {
        let Effort { kind, units } = self.effort();
        units <= kind.most() && self.memory_kib() <= MEMORY_KIB
    }

    fn derive(&self, password: &[u8], out: &mut [u8]) -> Option<()> {
        match &self.algorithm {
            Algorithm::Argon2 { variant, version, params, salt } => {
                let argon2 = argon2::Argon2::new(*variant, *version, params.clone());
                argon2.hash_password_into(password, salt, out).ok()
            }
            Algorithm::Pbkdf2 { hmac, iterations, salt } => {
                pbkdf2::derive(*hmac, *iterations, salt, password, out);
                Some(())
            }
            Algorithm::Scrypt { params, salt } => scrypt::scrypt(password, salt, params, out).ok(),
            Algorithm::Firebase { params, salt_and_separator, signer_key } => {
                let mut key = Zeroizing::new([0; 64]);
                scrypt::scrypt(password, salt_and_separator, params, &mut *key).ok()?;
                encrypt_under(key.first_chunk()?, signer_key, out)
            }
            Algorithm::SaltedSha { sha, before, behind } => {
                let mut salted = Zeroizing::new(Vec::with_capacity(before.len() + password.len() + behind.len()));
                for part in [before, password, behind] {
                    salted.extend_from_slice(part);
                }
                let made = digest::digest(sha, &salted);
                (made.as_ref().len() == out.len()).then(|| out.copy_from_slice(made.as_ref()))
            }
        }
    }
}

impl Kind {
    /// The most that is checked: one to three seconds of a core of 2023, several times what any library makes by
    /// default (argon2-cffi 196,608; Django 1.2 million; Firebase 131,072 and Django's scrypt 655,360).
    fn most(self) -> u64 {
        match self {
            Self::Argon2 => 1 << 20,
            Self::Pbkdf2 => 4_000_000,
            Self::Scrypt => 1 << 22,
            Self::Plain => 1,
        }
    }
}

/// The memory that all checks share, and so the most that one may need: 256 MiB, twice what scrypt takes with the
/// parameters that OWASP recommends (password storage cheat sheet, 2023).
const MEMORY_KIB: u32 = 256 << 10;

/// N · r · `p`: how many blocks of 128 bytes scrypt mixes.
fn blocks(params: &scrypt::Params, p: u32) -> u64 {
    params.n().saturating_mul(params.r().into()).saturating_mul(p.into())
}

fn hmac_length(hmac: pbkdf2::Algorithm) -> usize {
    if hmac == pbkdf2::PBKDF2_HMAC_SHA256 { 32 } else { 64 }
}

/// AES-256-CTR from a zero counter, as Firebase does with the key of the project.
fn encrypt_under(key: &[u8; 32], signer_key: &[u8], out: &mut [u8]) -> Option<()> {
    if signer_key.len() != out.len() {
        return None;
    }
    out.copy_from_slice(signer_key);
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from([0; 16]))).ok().map(drop)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Made {
        library: String,
        scheme: String,
        password: String,
        hash: String,
    }

    /// What the original libraries have made, as far as it is no bcrypt; `tests/fixtures/make_foreign_hashes.py`.
    fn made() -> Vec<Made> {
        let made: Vec<Made> =
            serde_json::from_str(include_str!("../../../tests/fixtures/foreign_hashes.json")).unwrap();
        made.into_iter().filter(|made| !made.scheme.starts_with("bcrypt")).collect()
    }

    #[test]
    fn hashes_of_the_original_libraries_are_right_for_their_password_alone() {
        assert!(made().len() > 40);
        for Made { library, scheme, password, hash } in made() {
            let foreign = Foreign::parse(&hash).unwrap_or_else(|error| panic!("{library} {scheme}: {error}"));

            assert!(foreign.check(password.as_bytes()), "{library} {scheme}");
            if !scheme.contains("default") {
                for other in [String::new(), format!("{password}x"), password.to_uppercase()] {
                    assert!(!foreign.check(other.as_bytes()), "{library} {scheme}");
                }
            }
        }
    }

    /// From Django's own tests (`tests/auth_tests/test_hashers.py` until 5.0); it makes such hashes no more.
    #[test]
    fn what_django_made_before_2012_is_right_for_its_password_alone() {
        let foreign = Foreign::parse("sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8").unwrap();

        assert!(foreign.check("l\u{e8}tmein".as_bytes()));
        assert!(!foreign.check("l\u{e8}tmeinz".as_bytes()) && !foreign.check(b""));
    }

    #[test]
    fn an_altered_digest_is_another_ones() {
        for Made { library, scheme, password, hash } in made().into_iter().filter(|made| made.password.is_ascii()) {
            // `}` and `$` stand before the digest.
            let at = hash.rfind(['$', '}']).unwrap() + 5;
            let other = if &hash[at..=at] == "A" { "B" } else { "A" };
            let altered = format!("{}{other}{}", &hash[..at], &hash[at + 1..]);

            let foreign = Foreign::parse(&altered).unwrap();

            assert!(!foreign.check(password.as_bytes()), "{library} {scheme}");
        }
    }

    #[test]
    fn cost_bombs_are_not_even_read() {
        let digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for bomb in [
            format!("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ${digest}"),
            format!("$argon2id$v=19$m=65536,t=1000,p=1$c2FsdHNhbHQ${digest}"),
            format!("$argon2i$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ${digest}"),
            format!("$pbkdf2-sha256$4294967295$c2FsdHNhbHQ${digest}"),
            format!("$pbkdf2-sha256$i=2000000000,l=32$c2FsdHNhbHQ${digest}"),
            format!("pbkdf2_sha256$999999999$salt${digest}="),
            format!("$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ${digest}"),
            format!("$scrypt$ln=14,r=8,p=4000$c2FsdHNhbHQ${digest}"),
            format!("$scrypt$ln=10,r=1048576,p=1$c2FsdHNhbHQ${digest}"),
            format!("scrypt$1073741824$salt$8$1${digest}="),
            format!("$fbscrypt$v=1,n=31,r=8,p=1,ss=Bw==,sk={digest}=$c2FsdA==${digest}="),
        ] {
            assert_eq!(Foreign::parse(&bomb).err(), Some(UnknownHash::TooCostly), "{bomb}");
        }
    }
}

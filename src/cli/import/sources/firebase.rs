//! Firebase: the JSON of `auth:export`, and the parameters with which a project hashes, as its console shows them.
//!
//! Custom claims stay behind: what they mean is known to the programs that read them.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;
use zeroize::Zeroizing;

use super::super::Refusal;
use super::super::fields::{email, flag, instant, text};
use super::super::records::Fields;
use super::{Account, INVALID_HASH, second_factor_lost};
use crate::domain::Roles;

pub(super) fn account(fields: &Fields, config: Option<&HashConfig>) -> Result<Account, Refusal> {
    let stored = match text(fields, &["passwordHash"]) {
        None => Ok(None),
        Some(REDACTED) => {
            let reason = "Firebase has blanked the hash out; who exports needs the right to see hashes";
            Err(Refusal::new(INVALID_HASH, reason.to_owned()))
        }
        Some(digest) => {
            let config = config
                .ok_or_else(|| Refusal::new("no_hash_config", "its hash needs --firebase-hash-config".to_owned()))?;
            Ok(Some(config.hash(text(fields, &["salt"]).unwrap_or_default(), digest)))
        }
    };
    let has_factor = fields.get("mfaInfo").and_then(Value::as_array).is_some_and(|factors| !factors.is_empty());
    Ok(Account {
        email: email(text(fields, &["email"]))?,
        name: None,
        stored,
        is_active: !flag(fields, "disabled", false)?,
        email_verified: flag(fields, "emailVerified", false)?,
        roles: Roles::default(),
        created_at: instant(fields, &["createdAt"])?,
        notes: if has_factor { vec![second_factor_lost()] } else { Vec::new() },
    })
}

/// "REDACTED" in base64: what the Identity Toolkit gives to whoever may list users and not see hashes.
const REDACTED: &str = "UkVEQUNURUQ=";

/// What every hash of the project needs beside itself.
pub(in super::super) struct HashConfig {
    signer_key: Zeroizing<String>,
    salt_separator: String,
    rounds: u32,
    mem_cost: u32,
}

impl HashConfig {
    /// Reads a file with what the console shows: `base64_signer_key: …, base64_salt_separator: …, rounds: 8, mem_cost: 14`.
    pub(in super::super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            Zeroizing::new(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?);
        Self::parse(&text).with_context(|| {
            format!("{} does not hold base64_signer_key, base64_salt_separator, rounds and mem_cost", path.display())
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let (_, rest) = text.split_once(name)?;
            let rest = rest.trim_start_matches(['"', ' ']).strip_prefix([':', '='])?;
            rest.split([',', '\n', '}']).next().map(|value| value.trim_matches([' ', '"', '\r', '\t']))
        };
        Some(Self {
            signer_key: Zeroizing::new(value("base64_signer_key")?.to_owned()),
            salt_separator: value("base64_salt_separator")?.to_owned(),
            rounds: value("rounds")?.parse().ok()?,
            mem_cost: value("mem_cost")?.parse().ok()?,
        })
    }

    /// A hash of the project that needs nothing else any more.
    fn hash(&self, salt: &str, digest: &str) -> String {
        let Self { signer_key, salt_separator, rounds, mem_cost } = self;
        let signer_key: &str = signer_key;
        format!("$fbscrypt$v=1,n={mem_cost},r={rounds},p=1,ss={salt_separator},sk={signer_key}${salt}${digest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_console_shows_is_understood() {
        let text = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: abc+/==,\n  base64_salt_separator: Bw==,\n  \
                    rounds: 8,\n  mem_cost: 14,\n}\n";
        let json = r#"{"base64_signer_key": "abc+/==", "base64_salt_separator": "Bw==", "rounds": 8, "mem_cost": 14}"#;
        for text in [text, json] {
            let config = HashConfig::parse(text).unwrap();
            assert_eq!(config.hash("c2FsdA==", "ZGln"), "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=abc+/==$c2FsdA==$ZGln");
        }
        assert!(HashConfig::parse("rounds: 8").is_none());
    }
}

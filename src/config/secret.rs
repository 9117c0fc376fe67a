//! Secrets from the settings: types that cannot be printed, and are wiped when dropped.

use std::fmt;

use base64ct::{Base64Unpadded, Encoding};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use zeroize::Zeroizing;

use super::setting::{Rejected, Setting, Shown};

/// The secrets that everything in the database is sealed under, or was.
///
/// The first one seals; all of them open. There is always at least one.
#[derive(Clone)]
pub struct RootSecrets {
    sealing: RootSecret,
    former: Vec<RootSecret>,
}

impl RootSecrets {
    /// Parses one secret, or several separated by commas, newest first.
    ///
    /// Each is at least 32 bytes in hex or base64 (of either alphabet, padded or not), or else a text of at
    /// least 32 characters, which is used as it stands.
    ///
    /// # Errors
    /// The reason, which never repeats the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let mut secrets = Vec::new();
        for (index, entry) in entries.enumerate() {
            secrets.push(RootSecret::parse(entry).ok_or_else(|| too_short(index + 1))?);
        }
        if secrets.is_empty() {
            return Err(too_short(1));
        }
        let sealing = secrets.remove(0);
        Ok(Self { sealing, former: secrets })
    }

    /// Returns the secret under which things are sealed.
    #[must_use]
    pub fn sealing(&self) -> &RootSecret {
        &self.sealing
    }

    /// Returns the secrets under which things may have been sealed, the present one first.
    pub fn opening(&self) -> impl Iterator<Item = &RootSecret> {
        std::iter::once(&self.sealing).chain(&self.former)
    }
}

impl fmt::Debug for RootSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RootSecrets({} hidden)", 1 + self.former.len())
    }
}

/// Key material to derive keys from: at least 32 bytes.
#[derive(Clone)]
pub struct RootSecret(SecretSlice<u8>);

impl RootSecret {
    fn parse(entry: &str) -> Option<Self> {
        let material = decoded(entry).or_else(|| (entry.chars().count() >= LENGTH).then(|| entry.as_bytes().to_vec()));
        material.map(|material| Self(SecretSlice::from(material)))
    }

    /// Exposes the key material.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for RootSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RootSecret(hidden)")
    }
}

/// A secret that is used as the bytes that were written: the one shared with the verifiers of HS256 tokens.
#[derive(Clone)]
pub struct SharedSecret(SecretString);

impl SharedSecret {
    /// Exposes the bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl From<&str> for SharedSecret {
    fn from(text: &str) -> Self {
        Self(SecretString::from(text))
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedSecret(hidden)")
    }
}

impl Setting for RootSecrets {
    fn allowed() -> String {
        "32 bytes or more in base64 or hex, or 32 characters or more; several are separated by commas".to_owned()
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        Self::parse(text).map_err(Rejected::Because)
    }

    fn shown(&self) -> Shown {
        Shown::Hidden
    }
}

impl Setting for SharedSecret {
    fn allowed() -> String {
        format!("{LENGTH} bytes or more")
    }

    fn parse(text: &str) -> Result<Self, Rejected> {
        if text.len() < LENGTH {
            return Err(Rejected::Because(format!(
                "is too short: it must be {} (make one: countersign generate secret)",
                Self::allowed()
            )));
        }
        Ok(Self::from(text))
    }

    fn shown(&self) -> Shown {
        Shown::Hidden
    }
}

/// The bytes behind hex or base64, if there are enough. Hex first: its alphabet is part of base64's.
fn decoded(entry: &str) -> Option<Vec<u8>> {
    let enough = |bytes: &Vec<u8>| bytes.len() >= LENGTH;
    let standard = Zeroizing::new(entry.trim_end_matches('=').replace('-', "+").replace('_', "/"));

    let from_hex = hex::decode(entry).ok().filter(enough);
    from_hex.or_else(|| Base64Unpadded::decode_vec(&standard).ok().filter(enough))
}

fn too_short(position: usize) -> String {
    let which = if position > 1 { format!(" in place {position}") } else { String::new() };
    format!("is too short{which}: it must be {} (make one: countersign generate secret)", RootSecrets::allowed())
}

/// The least length of key material in bytes: 256 bits, as the keys derived from it, and as RFC 7518 §3.2 asks of HS256.
const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Base64Url, Base64UrlUnpadded};

    use super::*;

    fn materials(text: &str) -> Vec<Vec<u8>> {
        RootSecrets::parse(text).unwrap().opening().map(|secret| secret.expose().to_vec()).collect()
    }

    #[test]
    fn hex_and_base64_are_decoded_and_other_text_is_used_as_it_stands() {
        let bytes: Vec<u8> = (200..232).collect();
        let text = "correct horse battery staple; no!";

        for encoded in [
            hex::encode(&bytes),
            hex::encode_upper(&bytes),
            Base64::encode_string(&bytes),
            Base64Unpadded::encode_string(&bytes),
            Base64Url::encode_string(&bytes),
            Base64UrlUnpadded::encode_string(&bytes),
        ] {
            assert_eq!(materials(&encoded), [bytes.as_slice()], "{encoded}");
        }
        assert_eq!(materials(text), [text.as_bytes()]);
    }

    #[test]
    fn too_few_bytes_in_an_encoding_may_still_be_enough_characters() {
        let half = hex::encode([7; 16]);

        assert_eq!(materials(&half), [half.as_bytes()]);
    }

    #[test]
    fn the_first_of_a_list_seals_and_all_open() {
        let (new, old) = ("n".repeat(33), "ö".repeat(32));
        let list = format!(" {new} ,{old},");

        let secrets = RootSecrets::parse(&list).unwrap();

        assert_eq!(secrets.sealing().expose(), new.as_bytes());
        assert_eq!(materials(&list), [new.into_bytes(), old.into_bytes()]);
    }

    #[test]
    fn a_short_secret_is_refused_by_its_place_and_not_repeated() {
        let list = format!("{},hunter2", "n".repeat(32));

        let reason = RootSecrets::parse(&list).unwrap_err();

        assert!(reason.contains("in place 2") && reason.contains("countersign generate secret"), "{reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
        assert!(RootSecrets::parse(" , ").is_err());
    }

    #[test]
    fn secrets_do_not_appear_when_printed() {
        let marker = "marker".repeat(6);
        let secrets = RootSecrets::parse(&marker).unwrap();

        let printed = format!("{secrets:?} {:?} {:?}", secrets.sealing(), SharedSecret::from(marker.as_str()));

        assert!(!printed.contains("marker"), "{printed}");
    }
}

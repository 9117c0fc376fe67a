//! The digest by which lists of breached passwords are searched: SHA-1, in halves.
//!
//! It guards nothing here. The lists are in SHA-1, and k-anonymity means that only the first 20 bits of it leave.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use zeroize::Zeroizing;

use crate::domain::Password;

/// How many hexadecimal digits are sent: one in 2^20 of all passwords, some hundreds of the breached ones.
const PREFIX_LEN: usize = 5;

/// The digest of a password, in upper-case hexadecimal digits.
pub struct BreachDigest(Zeroizing<String>);

impl BreachDigest {
    /// The digest of a password in UTF-8, after NFC.
    #[must_use]
    pub fn of(password: &Password) -> Self {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
        Self(Zeroizing::new(hex::encode_upper(digest)))
    }

    /// What is asked for.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.get(..PREFIX_LEN).unwrap_or_default()
    }

    /// Whether a line of the answer, `SUFFIX:COUNT`, is about this password. Lines that count nothing are padding.
    #[must_use]
    pub fn is_named_by(&self, line: &str) -> bool {
        let (suffix, count) = line.trim().split_once(':').unwrap_or_default();
        let ours = self.0.get(PREFIX_LEN..).unwrap_or_default();
        !ours.is_empty() && suffix.eq_ignore_ascii_case(ours) && count.trim().parse().is_ok_and(|count: u64| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_by_its_suffix_and_padding_is_not_counted() {
        // `printf password | sha1sum`
        let digest = BreachDigest::of(&Password::presented("password".to_owned()));

        assert_eq!(digest.prefix(), "5BAA6");
        assert!(digest.is_named_by("1E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004\r"));
        assert!(digest.is_named_by("1e4c9b93f3f0682250b6cf8331b7ee68fd8:1"));
        for line in [
            "1E4C9B93F3F0682250B6CF8331B7EE68FD8:0",
            "1E4C9B93F3F0682250B6CF8331B7EE68FD9:3",
            "1E4C9B93F3F0682250B6CF8331B7EE68FD8",
            ":1",
            "",
        ] {
            assert!(!digest.is_named_by(line), "{line}");
        }
    }
}

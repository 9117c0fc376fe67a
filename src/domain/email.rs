//! An e-mail address in the one spelling under which it is stored, compared and written to.
//!
//! It does not promise that somebody reads mail there: only a confirmed link proves that. It refuses quoted
//! local parts, comments and address literals, as browsers do.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::Serialize;

/// An e-mail address in canonical form.
///
/// The shape is that of the HTML living standard's `input type=email`; the domain is an IDNA A-label (UTS 46,
/// non-transitional) and everything is lowercase, so that each mailbox has one spelling. The local part is
/// ASCII: its lowercase form is then a matter of 26 letters, and no Kelvin sign or dotless i can fold one
/// person's address into another's.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The longest address in bytes: RFC 5321 §4.5.3.1.3 allows a path 256, two of which are its brackets.
    pub const MAX_BYTES: usize = 254;

    /// Parses an address as a person types it; surrounding white space is cut.
    ///
    /// # Errors
    /// [`EmailError`] says which rule failed, in words fit for a form.
    pub fn parse(raw: &str) -> Result<Self, EmailError> {
        let raw = raw.trim();
        if raw.len() > RAW_MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = raw.split_once('@').ok_or(EmailError::Shape)?;
        let mut address = canonical_local(local)?;
        address.push('@');
        address.push_str(&canonical_domain(domain)?);
        if address.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        Ok(Self(address))
    }

    /// Takes an address from where [`Email::parse`] once put it, unexamined.
    ///
    /// A stored address stays readable when a newer Unicode table or rule would refuse it.
    #[must_use]
    pub fn from_stored(canonical: String) -> Self {
        Self(canonical)
    }

    /// The canonical spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the `@`, as an A-label.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EmailError {
    /// The shape is not `local@domain`.
    #[error("this is not an e-mail address; it should look like name@example.com")]
    Shape,
    /// A letter before the `@` is outside ASCII.
    #[error(
        "the part before the @ may only use plain Latin letters, digits and . ! # $ % & ' * + / = ? ^ _ ` {{ | }} ~ -"
    )]
    LocalPart,
    /// The domain cannot be written in DNS.
    #[error("the part behind the @ is not a domain name")]
    Domain,
    /// The canonical form is longer than [`Email::MAX_BYTES`].
    #[error("an e-mail address has at most 254 characters")]
    TooLong,
}

impl EmailError {
    /// The stable short name of the failed rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Shape | Self::LocalPart | Self::Domain => "invalid",
            Self::TooLong => "too_long",
        }
    }
}

/// No text beyond this is looked at: a character of an address takes at most four bytes in another spelling
/// (mathematical letters), so this bounds the work and refuses no address that a keyboard can write.
const RAW_MAX_BYTES: usize = 4 * Email::MAX_BYTES;

/// Lowercases a local part whose every byte the HTML living standard allows.
fn canonical_local(local: &str) -> Result<String, EmailError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    if local.is_empty() {
        return Err(EmailError::Shape);
    }
    if !local.bytes().all(allowed) {
        return Err(EmailError::LocalPart);
    }
    Ok(local.to_ascii_lowercase())
}

/// Turns a domain in any script, case, width and kind of dot into its A-label.
///
/// STD3 leaves letters, digits and hyphens; hyphens may stand anywhere but first and last; labels have 1 to 63
/// bytes. That is the HTML living standard's grammar, checked behind the mapping where it cannot be evaded.
fn canonical_domain(domain: &str) -> Result<String, EmailError> {
    if domain.is_empty() {
        return Err(EmailError::Shape);
    }
    Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map(|domain| domain.to_ascii_lowercase())
        .map_err(|_| EmailError::Domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    #[test]
    fn addresses_that_browsers_accept_are_accepted() {
        let longest = format!("{}@{}.{}.{}.example", "a".repeat(54), "b".repeat(63), "c".repeat(63), "d".repeat(63));
        for (raw, canonical) in [
            ("ada@example.com", "ada@example.com"),
            ("  Ada@Example.COM\t\n", "ada@example.com"),
            ("ada+tag@example.com", "ada+tag@example.com"),
            ("a@b", "a@b"),
            (".ada..l.@example.com", ".ada..l.@example.com"),
            ("!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
            ("ada@straße.example", "ada@xn--strae-oqa.example"),
            ("ada@ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
            ("ada@例え。テスト", "ada@xn--r8jz45g.xn--zckzah"),
            ("ada@r3---sn.example", "ada@r3---sn.example"),
            ("ada@127.0.0.1", "ada@127.0.0.1"),
            (&longest, &longest),
        ] {
            assert_eq!(Email::parse(raw).as_ref().map(Email::as_str), Ok(canonical), "{raw}");
        }
        assert_eq!(longest.len(), Email::MAX_BYTES);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in [
            "",
            " ",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "ada@example.com.",
            "ada@.example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@exa_mple.com",
            "ada@exam ple.com",
            "ada @example.com",
            "ada@@example.com",
            "ada@lovelace@example.com",
            "ada@exam＠ple.com",
            "ada＠example.com",
            "\"ada\"@example.com",
            "ada@[127.0.0.1]",
            "<ada@example.com>",
            "Ada <ada@example.com>",
            "ada@example.com,b@example.com",
            "ada\0@example.com",
            "ada@exam\0ple.com",
            "ada\r\n@example.com",
            "ada@example.com\r\nBcc: all@example.com",
            "adа@example.com",
            "a\u{212a}a@example.com",
            "\u{131}da@example.com",
            "ａｄａ@example.com",
            "ada@xn--a.example",
            "ada@xn--.example",
            "ada@\u{202e}example.com",
            "ada@\u{200d}",
            "ada@。",
            "ada@\u{ad}",
            "\u{feff}ada@example.com",
        ] {
            assert_eq!(Email::parse(raw).map_err(EmailError::code), Err("invalid"), "{raw:?}");
        }
    }

    #[test]
    fn one_byte_or_label_too_many_is_refused() {
        let domain = format!("{0}.{0}.{0}.example", "b".repeat(63));
        let label = format!("ada@{}.example", "b".repeat(64));
        assert_eq!(Email::parse(&format!("{}@{domain}", "a".repeat(55))), Err(EmailError::TooLong));
        assert_eq!(Email::parse(&label), Err(EmailError::Domain));
    }

    #[test]
    fn a_hundred_spellings_are_one_address() {
        let canonical = Email::parse("ada.lovelace@xn--bcher-kva.example.com").unwrap();
        let locals = ["ada.lovelace", "ADA.LOVELACE", "Ada.Lovelace", "aDA.lOVELACE", " ada.lovelace"];
        let books =
            ["bücher", "BÜCHER", "bu\u{308}cher", "BU\u{308}CHER", "ｂüｃｈｅｒ", "xn--bcher-kva", "XN--Bcher-KVA"];
        let tails = [
            ".example.com",
            ".Example.COM\n",
            "．ｅｘａｍｐｌｅ．ｃｏｍ",
            "。example｡com\u{3000}",
            ".exam\u{ad}ple.com",
        ];

        let spellings: Vec<String> = locals
            .iter()
            .flat_map(|local| books.iter().map(move |book| format!("{local}@{book}")))
            .flat_map(|start| tails.iter().map(move |tail| format!("{start}{tail}")))
            .collect();

        assert!(spellings.len() >= 100);
        for spelling in spellings {
            assert_eq!(Email::parse(&spelling), Ok(canonical.clone()), "{spelling:?}");
        }
    }

    #[test]
    fn a_hundred_kilobytes_are_refused_unread() {
        for unit in ["a", "@", "a@", ".", "xn--", "u\u{308}", "\u{308}", "。", "\u{ad}", "ﷺ"] {
            let huge = format!("ada@{}", unit.repeat(100_000 / unit.len()));
            assert_eq!(Email::parse(&huge), Err(EmailError::TooLong));
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_to_something_canonical_or_not_at_all(raw in "\\PC{0,40}@\\PC{0,40}|\\PC{0,80}") {
            if let Ok(email) = Email::parse(&raw) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                prop_assert!(email.as_str().is_ascii() && email.as_str().len() <= Email::MAX_BYTES);
                prop_assert_eq!(email.as_str(), email.as_str().to_ascii_lowercase());
                prop_assert_eq!(email.as_str(), format!("{}@{}", email.local_part(), email.domain()));
            }
        }

        #[test]
        fn case_space_and_normal_form_do_not_tell_addresses_apart(
            local in "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", label in "[a-zà-öø-ÿα-ωа-я]{1,20}", space in "[ \t\n]{0,3}",
        ) {
            let plain = Email::parse(&format!("{local}@{label}.example"));
            let upper = Email::parse(&format!("{space}{}@{}.EXAMPLE{space}", local.to_uppercase(), label));
            let decomposed = Email::parse(&format!("{local}@{}.example", label.nfd().collect::<String>()));
            prop_assert!(plain.is_ok());
            prop_assert_eq!(&plain, &upper);
            prop_assert_eq!(&plain, &decomposed);
        }
    }
}

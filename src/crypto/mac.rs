//! Marks that only this service can make: HMAC-SHA-256 over lists of fields.
//!
//! What is authenticated is a list, each field with its length before it, so that no two lists look alike. A key is
//! derived for one purpose (one block of HKDF-Expand, RFC 5869 §2.3); what it marked means nothing to the key of another.

use aws_lc_rs::hmac::{self, HMAC_SHA256};

/// A mark: an HMAC-SHA-256.
pub type Mark = [u8; MARK_LEN];

/// How many bytes a mark has.
pub const MARK_LEN: usize = 32;

/// A key that makes marks for one purpose, and knows them again.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// How many random bytes keys are derived from (RFC 2104 §3: the length of the hash).
    pub const SEED_LEN: usize = 32;

    /// Derives the key for a purpose.
    #[must_use]
    pub fn derive(seed: &[u8], purpose: &'static str) -> Self {
        let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, seed), &[purpose.as_bytes(), &[1]].concat());
        Self(hmac::Key::new(HMAC_SHA256, derived.as_ref()))
    }

    /// Marks a list of fields; an absent one differs from an empty one.
    #[must_use]
    pub fn mark(&self, fields: &[Option<&[u8]>]) -> Mark {
        let mut mark = [0; MARK_LEN];
        let tag = hmac::sign(&self.0, &written(fields));
        mark.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        mark
    }

    /// Whether this mark was made over these fields, in constant time.
    #[must_use]
    pub fn has_marked(&self, fields: &[Option<&[u8]>], mark: &[u8]) -> bool {
        hmac::verify(&self.0, &written(fields), mark).is_ok()
    }
}

fn written(fields: &[Option<&[u8]>]) -> Vec<u8> {
    let mut text = Vec::new();
    for field in fields {
        match field {
            None => text.push(0),
            Some(bytes) => {
                text.push(1);
                text.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
                text.extend_from_slice(bytes);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_have_the_same_mark() {
        let key = MacKey::derive(&[1; 32], "test");
        let lists: [&[Option<&[u8]>]; 7] = [
            &[],
            &[None],
            &[Some(b"")],
            &[Some(b"ab")],
            &[Some(b"a"), Some(b"b")],
            &[Some(b"ab"), None],
            &[None, Some(b"ab")],
        ];

        for (position, list) in lists.iter().enumerate() {
            let mark = key.mark(list);
            for (other, fields) in lists.iter().enumerate() {
                assert_eq!(key.has_marked(fields, &mark), position == other, "{list:?} and {fields:?}");
            }
        }
    }

    #[test]
    fn another_seed_and_another_purpose_know_nothing_of_a_mark() {
        let mark = MacKey::derive(&[1; 32], "test").mark(&[Some(b"a")]);

        assert!(!MacKey::derive(&[2; 32], "test").has_marked(&[Some(b"a")], &mark));
        assert!(!MacKey::derive(&[1; 32], "other").has_marked(&[Some(b"a")], &mark));
        assert!(!MacKey::derive(&[1; 32], "test").has_marked(&[Some(b"a")], &mark[..31]));
    }
}

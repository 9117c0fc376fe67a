//! Cursors: where a list goes on, in a form that only this service can write.
//!
//! A cursor is good for the one question that it was an answer to: its mark covers what was asked. What is inside is
//! not secret, because whoever holds it has just been shown more.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::mac::{MARK_LEN, MacKey};

/// The key under which cursors are written and recognised.
pub struct CursorKey(MacKey);

impl CursorKey {
    /// Derives the key.
    #[must_use]
    pub fn derive(seed: &[u8]) -> Self {
        Self(MacKey::derive(seed, "cursor/1"))
    }

    /// Writes the position after which the answer to this question goes on.
    #[must_use]
    pub fn write(&self, question: &[&str], position: &str) -> String {
        let mark = self.0.mark(&fields(question, position.as_bytes()));
        Base64UrlUnpadded::encode_string(&[&mark, position.as_bytes()].concat())
    }

    /// Reads the position, if this service wrote the cursor for the same question.
    #[must_use]
    pub fn read(&self, question: &[&str], cursor: &str) -> Option<String> {
        let bytes = Base64UrlUnpadded::decode_vec(cursor).ok()?;
        let (mark, position) = bytes.split_at_checked(MARK_LEN)?;
        let is_ours = self.0.has_marked(&fields(question, position), mark);
        if is_ours { String::from_utf8(position.to_vec()).ok() } else { None }
    }
}

fn fields<'a>(question: &'a [&str], position: &'a [u8]) -> Vec<Option<&'a [u8]>> {
    question.iter().map(|part| Some(part.as_bytes())).chain([Some(position)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_question_only() {
        let key = CursorKey::derive(&[1; 32]);
        let cursor = key.write(&["users", "ad"], "ada@example.com");

        assert_eq!(key.read(&["users", "ad"], &cursor).as_deref(), Some("ada@example.com"));
        for question in [&["users", "a"][..], &["events", "ad"], &["users"], &["users", "ad", ""], &["usersad"]] {
            assert_eq!(key.read(question, &cursor), None, "{question:?}");
        }
        assert_eq!(CursorKey::derive(&[2; 32]).read(&["users", "ad"], &cursor), None);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let key = CursorKey::derive(&[1; 32]);
        let cursor = key.write(&["users"], "42");

        for position in 0..cursor.len() {
            for bit in 0..8 {
                let mut bytes = cursor.as_bytes().to_vec();
                bytes[position] ^= 1 << bit;
                assert_eq!(key.read(&["users"], &String::from_utf8_lossy(&bytes)), None, "{position}, bit {bit}");
            }
            assert_eq!(key.read(&["users"], &cursor[..position]), None, "cut at {position}");
        }
    }
}

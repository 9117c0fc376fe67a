//! bcrypt's own base 64: the bits of RFC 4648 §4 with another alphabet and no padding.
//!
//! Decoding is strict: spare bits at the end must be zero, so that each value has exactly one spelling.

/// The alphabet, from `.` for 0 to `9` for 63 (OpenBSD, `lib/libc/crypt/bcrypt.c`).
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Appends the letters of `bytes` to `text`.
pub(crate) fn encode(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(3) {
        let bits = group.iter().zip([16, 8, 0]).fold(0, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        let letters = [18, 12, 6, 0].map(|shift| letter(bits >> shift));
        text.extend(letters.into_iter().take(group.len() + 1));
    }
}

/// Reads exactly `N` bytes, or nothing if `text` has another length, a foreign letter or spare bits that are set.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != (N * 8).div_ceil(6) {
        return None;
    }
    for (letters, group) in text.chunks(4).zip(bytes.chunks_mut(3)) {
        let mut bits = 0;
        for (letter, shift) in letters.iter().zip([18, 12, 6, 0]) {
            bits |= value(*letter)? << shift;
        }
        let [_, decoded @ ..] = bits.to_be_bytes();
        let (kept, spare) = decoded.split_at_checked(group.len())?;
        if spare.iter().any(|byte| *byte != 0) {
            return None;
        }
        group.copy_from_slice(kept);
    }
    Some(bytes)
}

fn letter(bits: u32) -> char {
    let [low, ..] = bits.to_le_bytes();
    #[expect(clippy::indexing_slicing, reason = "six bits index 64 letters")]
    ALPHABET[usize::from(low & 63)].into()
}

fn value(letter: u8) -> Option<u32> {
    let position = ALPHABET.iter().position(|candidate| *candidate == letter)?;
    u32::try_from(position).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_as_it_went() {
        fn round_trip<const N: usize>() {
            let bytes: [u8; N] = std::array::from_fn(|index| u8::try_from(index * 37 % 256).unwrap() ^ 0xa5);
            let mut text = String::new();

            encode(&bytes, &mut text);

            assert_eq!(decode(text.as_bytes()), Some(bytes));
        }
        round_trip::<1>();
        round_trip::<2>();
        round_trip::<3>();
        round_trip::<16>();
        round_trip::<23>();
    }

    #[test]
    fn a_second_spelling_is_refused() {
        assert_eq!(decode(b"9u"), Some([0xff]));
        assert_eq!(decode::<1>(b"9v"), None);
        assert_eq!(decode(b"996"), Some([0xff, 0xff]));
        assert_eq!(decode::<2>(b"997"), None);
    }

    #[test]
    fn foreign_letters_and_lengths_are_refused() {
        assert_eq!(decode::<1>(b".="), None);
        assert_eq!(decode::<1>(b"."), None);
        assert_eq!(decode::<1>(b"..."), None);
    }
}

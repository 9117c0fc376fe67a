//! The kernel: bcrypt's rounds for one to four lanes, interleaved.
//!
//! It knows the arithmetic of N. Provos and D. Mazières, *A Future-Adaptable Password Scheme*, USENIX 1999 (the names
//! `expand` and the round are theirs) and nothing of passwords, strings or queues.
//!
//! One lane is a chain of dependent look-ups: each of the sixteen steps of a cipher block needs the words that the
//! step before has fetched, so a core that runs one lane waits most of the time for its first-level cache. The lanes
//! do not depend on one another. With their steps side by side in the instruction stream, the core fetches for one
//! while another waits.

#![expect(
    clippy::indexing_slicing,
    reason = "an index is a byte into 256 words, or a loop counter below a constant length: the compiler proves each \
              one and emits no check"
)]

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::pi;

/// A key or a salt, repeated to the length of the subkeys.
pub(crate) type Words = [u32; 18];

/// One hash under way: the cipher's state, and what its rounds mix in.
///
/// 4.2 KiB, in one piece: four of them leave half of a first-level cache of 32 KiB free.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Lane {
    boxes: [[u32; 256]; 4],
    subkeys: Words,
    key: Words,
    salt: Words,
}

/// The two halves of a cipher block.
type Block = [u32; 2];

impl Lane {
    /// A lane that nobody uses: all zero, as a lane is left after use.
    pub(crate) const IDLE: Self = Self { boxes: [[0; 256]; 4], subkeys: [0; 18], key: [0; 18], salt: [0; 18] };

    #[cfg(test)]
    pub(crate) fn is_wiped(&self) -> bool {
        let Self { boxes, subkeys, key, salt } = self;
        boxes.as_flattened().iter().chain(subkeys).chain(key).chain(salt).all(|word| *word == 0)
    }

    /// Begins a hash: the first expansion, of key and salt together (`EksBlowfishSetup` before its loop).
    pub(crate) fn start(&mut self, key: &Words, salt: &Words) {
        // Field by field: a new value moved in would leave a copy of the key on the stack.
        self.boxes = pi::BOXES;
        self.subkeys = pi::SUBKEYS;
        self.key = *key;
        self.salt = *salt;
        mix(&mut self.subkeys, key);
        expand(std::array::from_mut(self), |number, [[left, right]]| {
            *left ^= salt[2 * number % 4];
            *right ^= salt[2 * number % 4 + 1];
        });
    }

    /// Ends a hash: the text that bcrypt encrypts, 64 times, as six words.
    pub(crate) fn finish(&self) -> [u32; 6] {
        let mut words = [0; 6];
        for (block, halves) in TEXT.iter().zip(words.as_chunks_mut::<2>().0) {
            let mut blocks = [*block];
            for _ in 0..64 {
                encipher(std::array::from_ref(self), &mut blocks);
            }
            [*halves] = blocks;
        }
        words
    }
}

/// `OrpheanBeholderScryDoubt`, the text that every bcrypt encrypts, as three big-endian blocks.
const TEXT: [Block; 3] = [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];

/// The most lanes that are interleaved.
///
/// Each adds less than the one before (0.96, 0.70 and 0.59 times one lane of the crate `bcrypt`), and four use half the
/// first-level cache of a current core. More were not measured.
pub(crate) const WIDTH: usize = 4;

/// Moves one to four lanes on by `count` rounds, side by side.
///
/// Not generic, so that the rounds are compiled with this crate's optimization and not its caller's.
pub(crate) fn advance(lanes: &mut [Lane], count: u32) {
    if let Some(one) = lanes.as_mut_array::<1>() {
        interleave(one, count);
    } else if let Some(two) = lanes.as_mut_array::<2>() {
        interleave(two, count);
    } else if let Some(three) = lanes.as_mut_array::<3>() {
        interleave(three, count);
    } else {
        for four in lanes.as_chunks_mut::<WIDTH>().0 {
            interleave(four, count);
        }
    }
}

/// A round expands the key, then the salt. A hash has 2^cost rounds.
#[inline(never)]
fn interleave<const N: usize>(lanes: &mut [Lane; N], count: u32) {
    for _ in 0..count {
        for Lane { subkeys, key, .. } in lanes.iter_mut() {
            mix(subkeys, key);
        }
        expand(lanes, |_, _| {});
        for Lane { subkeys, salt, .. } in lanes.iter_mut() {
            mix(subkeys, salt);
        }
        expand(lanes, |_, _| {});
    }
}

fn mix(subkeys: &mut Words, words: &Words) {
    for (subkey, word) in subkeys.iter_mut().zip(words) {
        *subkey ^= word;
    }
}

/// Replaces the subkeys and the boxes, two words at a time, by the cipher's own output.
///
/// `stir` changes the block with this number before it is enciphered; only the first expansion of a hash needs it.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the blocks of all lanes stay in registers only if the rounds are one function"
)]
fn expand<const N: usize>(lanes: &mut [Lane; N], mut stir: impl FnMut(usize, &mut [Block; N])) {
    let mut blocks = [[0; 2]; N];
    for pair in 0..9 {
        stir(pair, &mut blocks);
        encipher(lanes, &mut blocks);
        for (lane, [left, right]) in lanes.iter_mut().zip(&blocks) {
            lane.subkeys[2 * pair] = *left;
            lane.subkeys[2 * pair + 1] = *right;
        }
    }
    for row in 0..4 {
        for pair in 0..128 {
            // Nine pairs of subkeys went before, and a box holds an even number of pairs: the salt goes on in turn.
            stir(pair + 9, &mut blocks);
            encipher(lanes, &mut blocks);
            for (lane, [left, right]) in lanes.iter_mut().zip(&blocks) {
                lane.boxes[row][2 * pair] = *left;
                lane.boxes[row][2 * pair + 1] = *right;
            }
        }
    }
}

/// Enciphers one block for each lane with Blowfish.
#[inline(always)]
#[expect(clippy::inline_always, reason = "see `expand`")]
fn encipher<const N: usize>(lanes: &[Lane; N], blocks: &mut [Block; N]) {
    for (lane, [left, _]) in lanes.iter().zip(blocks.iter_mut()) {
        *left ^= lane.subkeys[0];
    }
    for step in 0..8 {
        // Two steps of a lane, then two of the next: all lanes fit the reorder buffer of a current core, and one
        // lane's passing values at a time fit its registers.
        for (lane, [left, right]) in lanes.iter().zip(blocks.iter_mut()) {
            // The subkey goes in first: it is known before the look-ups come back.
            *right = (*right ^ lane.subkeys[2 * step + 1]) ^ look_up(&lane.boxes, *left);
            *left = (*left ^ lane.subkeys[2 * step + 2]) ^ look_up(&lane.boxes, *right);
        }
    }
    for (lane, [left, right]) in lanes.iter().zip(blocks.iter_mut()) {
        (*left, *right) = (*right ^ lane.subkeys[17], *left);
    }
}

/// Blowfish's function F.
#[inline(always)]
#[expect(clippy::inline_always, reason = "see `expand`")]
fn look_up(boxes: &[[u32; 256]; 4], half: u32) -> u32 {
    let [d, c, b, a] = half.to_le_bytes().map(usize::from);
    (boxes[0][a].wrapping_add(boxes[1][b]) ^ boxes[2][c]).wrapping_add(boxes[3][d])
}

//! The development mailbox: where letters go on a machine that has no mail server, so that they can be read.
//!
//! It is there on a loopback address only, keeps the last hundred in memory, and forgets them when the process ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::message::Post;

/// How many letters it keeps.
const KEPT: usize = 100;

/// The letters that would have been sent, the last one first.
#[derive(Default)]
pub struct Mailbox {
    letters: Mutex<VecDeque<Arc<Post>>>,
}

impl Mailbox {
    pub(super) fn put(&self, post: Post) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push_front(Arc::new(post));
        letters.truncate(KEPT);
    }

    /// The letters, the last one first.
    #[must_use]
    pub fn letters(&self) -> Vec<Arc<Post>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The letter of this id.
    #[must_use]
    pub fn letter(&self, id: &str) -> Option<Arc<Post>> {
        self.letters().into_iter().find(|post| post.id == id)
    }
}

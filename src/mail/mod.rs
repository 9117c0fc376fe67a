//! Mail: letters, their words, and the way to a mail server.
//!
//! It knows no table and decides nothing: who posts a letter does so in the transaction of the fact that it reports
//! (`letters`), and a job brings it here.

pub mod letter;
pub mod payload;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::letter::{Letter, Token};

/// The way of letters out of the service.
#[derive(Default)]
pub struct Mailer {
    posted: Arc<Notify>,
}

impl Mailer {
    /// Is told when a letter was posted on this node.
    #[must_use]
    pub fn posted(&self) -> Arc<Notify> {
        Arc::clone(&self.posted)
    }
}

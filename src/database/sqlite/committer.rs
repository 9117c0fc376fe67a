//! The committing thread: the only one that waits for the disk.
//!
//! It stands in the queue like any writer. By the time its turn comes, all who were in front of it have handed in
//! their work, and one `commit`, one `fsync`, answers them all. It also takes back turns that last too long.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::super::error::DatabaseError;
use super::queue::Duty;
use super::writer::Writer;

/// The thread, for as long as this value lives.
pub(super) struct Committer {
    writer: Arc<Writer>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(writer: &Arc<Writer>) -> Result<Self, DatabaseError> {
        let served = Arc::clone(writer);
        let thread = thread::Builder::new()
            .name("sqlite-commit".to_owned())
            .spawn(move || serve(&served))
            .map_err(|error| DatabaseError::Other(format!("no thread to commit with: {error}")))?;
        Ok(Self { writer: Arc::clone(writer), thread: Some(thread) })
    }
}

fn serve(writer: &Writer) {
    loop {
        match writer.queue().next_duty() {
            Duty::Commit => writer.end_group(),
            Duty::Revoke(ticket) => writer.revoke(ticket),
            Duty::Leave => return,
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.writer.queue().close();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; if it had, there is nothing left to wait for.
            let _ended = thread.join();
        }
    }
}

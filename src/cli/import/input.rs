//! The file to be read, or standard input, and how much of it has been.

use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context;

use super::records::Counted;

/// Where users are read from.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) reader: BufReader<Counted<Box<dyn Read + Send>>>,
    /// How long it is, if that is known.
    pub(super) bytes: Option<u64>,
    pub(super) read_bytes: Arc<AtomicU64>,
}

impl Input {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let (reader, bytes): (Box<dyn Read + Send>, _) = if name == "-" {
            (Box::new(stdin()), None)
        } else {
            let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
            let metadata = file.metadata().with_context(|| format!("cannot read {name}"))?;
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        };
        let read_bytes = Arc::default();
        Ok(Self { name, reader: Counted::new(reader, Arc::clone(&read_bytes)), bytes, read_bytes })
    }
}

//! The file to be read, or standard input, and how much of it has been.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, bail};

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

/// Looks at the first bytes: refuses what is no text, and passes over a mark that some editors put before it.
pub(super) fn begin(reader: &mut impl BufRead) -> anyhow::Result<()> {
    let first = reader.fill_buf()?;
    if let Some((_, advice)) = NO_TEXT.iter().find(|(magic, _)| first.starts_with(magic)) {
        bail!("this is {advice} -");
    }
    if first.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

/// What exports come as, and with which words to read them.
const NO_TEXT: [(&[u8], &str); 5] = [
    (b"\x1f\x8b", "compressed; read it with: gunzip -c FILE | countersign import"),
    (b"PK\x03\x04", "a zip archive; read it with: unzip -p FILE | countersign import"),
    (b"PGDMP", "pg_dump's custom format; read it with: pg_restore --data-only --file=- FILE | countersign import"),
    (
        b"SQLite format 3\0",
        "an SQLite database; one of ours: countersign restore FILE; another: sqlite3 -csv -header FILE 'select * from \
         TABLE' | countersign import",
    ),
    (b"\xff\xfe", "in UTF-16; read it with: iconv -f UTF-16 -t UTF-8 FILE | countersign import"),
];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

//! Where the file is, and how a connection to it is opened.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::super::error::{DatabaseError, Fault};
use super::super::settings::Paging;
use super::error::translate;

/// Bytes of the file that are read through the page cache of the system instead of copied. SQLite's own pages are
/// then shared by all readers; 256 MiB of address space cost nothing until they are touched.
const MMAP_BYTES: u32 = 256 << 20;
/// KiB of pages that a connection keeps where they are copied.
const CACHE_KIB: u32 = 16 << 10;
/// Statements a connection keeps prepared; the service has fewer.
const PREPARED: usize = 256;

/// A database file, or a private one that goes away with this value.
pub(super) struct Location {
    path: PathBuf,
    private: bool,
    paging: Paging,
}

impl Location {
    /// Reads `sqlite://path` or `sqlite::memory:` and makes the file if there is none.
    ///
    /// A private database is a file in memory (`/dev/shm`, else the directory for temporary files), not SQLite's
    /// `:memory:`: that one belongs to a single connection, or has no log and lets readers and the writer lock one
    /// another out. So tests run what operators run.
    pub(super) fn parse(url: &str, paging: Paging) -> Result<Self, DatabaseError> {
        if url == "sqlite::memory:" {
            return Self::private(paging);
        }
        let path = url.strip_prefix("sqlite://").filter(|path| !path.is_empty() && !path.contains('?'));
        let path = path.map(PathBuf::from).ok_or_else(|| {
            DatabaseError::Other("expected sqlite://path without parameters, or sqlite::memory:".to_owned())
        })?;
        let location = Self { path, private: false, paging };
        location.touch()?;
        Ok(location)
    }

    /// A file that is there.
    pub(super) fn of_file(path: &Path) -> Self {
        Self { path: path.to_owned(), private: false, paging: Paging::Mapped }
    }

    fn private(paging: Paging) -> Result<Self, DatabaseError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let directory = base.join(format!("countersign-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => {
                    let location = Self { path: directory.join("countersign.db"), private: true, paging };
                    location.touch()?;
                    return Ok(location);
                }
                // What a killed process of the same number has left.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unopened(&directory, &error)),
            }
        }
    }

    /// Makes the file, unless there is one. Its log and index take its mode, so nobody else reads hashes from them.
    fn touch(&self) -> Result<(), DatabaseError> {
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(unopened(&self.path, &error)),
        }
    }

    /// A connection that may write. `synchronous=full`: a commit has reached the disk when it returns.
    pub(super) fn writer(&self) -> Result<Connection, DatabaseError> {
        let connection = self.open("pragma journal_mode = wal; pragma synchronous = full;")?;
        let mode: String =
            connection.query_row("pragma journal_mode", [], |row| row.get(0)).map_err(|error| translate(&error))?;
        if mode == "wal" {
            Ok(connection)
        } else {
            Err(DatabaseError::Other(format!("{} has no write-ahead log on this file system", self.path.display())))
        }
    }

    /// A connection that refuses to write.
    pub(super) fn reader(&self) -> Result<Connection, DatabaseError> {
        self.open("pragma query_only = on;")
    }

    fn open(&self, pragmas: &str) -> Result<Connection, DatabaseError> {
        // Not `CREATE`: a file that has gone must not come back empty. Not its mutex: we have our own.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(|error| translate(&error))?;
        configure(&connection, self.paging, pragmas).map_err(|error| translate(&error))?;
        Ok(connection)
    }
}

fn configure(connection: &Connection, paging: Paging, pragmas: &str) -> rusqlite::Result<()> {
    // Tasks wait for a locked file by themselves; SQLite's own waiting would stop their thread.
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // The bundled build looks at bound values to plan (STAT4) and would prepare again at each binding.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A misspelt "column" is an error, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    let paging = match paging {
        Paging::Mapped => format!("pragma mmap_size = {MMAP_BYTES};"),
        Paging::Copied => format!("pragma cache_size = -{CACHE_KIB};"),
    };
    // `fullfsync` counts on macOS alone, where a plain fsync does not reach the disk. The last line reads the file,
    // so that one which is no database is noticed here.
    connection.execute_batch(&format!(
        "{pragmas} pragma foreign_keys = on; {paging} pragma temp_store = memory;
         pragma fullfsync = on; pragma checkpoint_fullfsync = on;
         select count(*) from sqlite_schema;"
    ))
}

impl Drop for Location {
    fn drop(&mut self) {
        if let (true, Some(directory)) = (self.private, self.path.parent()) {
            // In memory or among temporary files: what cannot be removed goes with the next start of the machine.
            let _remains = fs::remove_dir_all(directory);
        }
    }
}

fn unopened(path: &Path, error: &std::io::Error) -> DatabaseError {
    let fault = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly,
        _ => Fault::Io,
    };
    DatabaseError::unavailable(fault, format!("{}: {error}", path.display()))
}

//! Copies of an embedded database: made beside a running server, put back when none runs.
//!
//! It knows files. A database on a server is backed up with that server's own tools.

use std::io;
use std::path::{Path, PathBuf};

use super::error::DatabaseError;
use super::migrate::MigrateError;
use super::sqlite;

/// How far a copy has come, in pages.
#[derive(Clone, Copy, Debug)]
pub struct Copied {
    /// Pages that are copied.
    pub done: u64,
    /// Pages in all.
    pub total: u64,
}

/// What a restore has done.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Where the database is that was there before.
    pub kept: Option<PathBuf>,
    /// The size of the one that is there now.
    pub bytes: u64,
}

/// Why there is no backup, or none was restored; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It would have to write over something.
    #[error("{} is there already; choose another name", .0.display())]
    Exists(PathBuf),
    /// Something else is under the name that a copy has until it is whole.
    #[error("{} is left of a copy that was broken off: remove it, unless that copy is still being made", .0.display())]
    Unfinished(PathBuf),
    /// There is no directory to make it in.
    #[error("there is no directory {}; make it, or name another", .0.display())]
    NoDirectory(PathBuf),
    /// Somebody has the database open.
    #[error("{} is in use: stop the server first, and whatever else has it open", .0.display())]
    InUse(PathBuf),
    /// A page or a reference is wrong.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    /// It is a database of another program.
    #[error("this is no database of Countersign")]
    Foreign,
    /// It is of another release.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database cannot be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl BackupError {
    /// Why a copy cannot be begun under this name.
    pub(super) fn draft(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Unfinished(path.to_owned()),
            io::ErrorKind::NotFound => Self::NoDirectory(path.parent().unwrap_or(path).to_owned()),
            _ => Self::file(path, source),
        }
    }

    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// Copies the database at `source`, as it is at this moment, to the file `target`, and examines the copy. Answers its
/// size in bytes. Servers go on meanwhile. Blocks its thread.
///
/// # Errors
/// See [`BackupError`]; there is then no file of that name, or still the one that was there.
pub fn back_up(source: &Path, target: &Path, progress: &mut dyn FnMut(Copied)) -> Result<u64, BackupError> {
    sqlite::back_up(source, target, progress)
}

/// Puts a copy of `backup` in the place of the database at `target`. What was there is kept beside it, with `mark` in
/// its name. Blocks its thread.
///
/// # Errors
/// See [`BackupError`].
pub fn restore(backup: &Path, target: &Path, mark: &str) -> Result<Restored, BackupError> {
    sqlite::restore(backup, target, mark)
}

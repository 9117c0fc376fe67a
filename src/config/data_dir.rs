//! The directory for whatever the service keeps in files.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Config, DatabaseUrl};

/// Creates the data directory if the settings keep anything in it: a database of SQLite, or a root secret made here.
///
/// # Errors
/// [`DataDirError`] names the directory and what to do.
pub fn create_if_used(config: &Config) -> Result<(), DataDirError> {
    if matches!(config.database_url(), DatabaseUrl::Sqlite(_)) || config.service.secret_key.is_none() {
        create(&config.service.data_dir)?;
    }
    Ok(())
}

/// Creates the data directory, and those above it, for their owner alone; one that exists is left as it is.
///
/// # Errors
/// [`DataDirError`] names the directory and what to do.
pub(super) fn create(path: &Path) -> Result<(), DataDirError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|source| DataDirError { path: path.to_owned(), source })
}

/// The directory is not there and cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the data directory {}: {source}; {ANOTHER_DIRECTORY}", path.display())]
pub struct DataDirError {
    path: PathBuf,
    source: io::Error,
}

/// What to do about a data directory that cannot be used.
pub(super) const ANOTHER_DIRECTORY: &str = "set COUNTERSIGN_DATA_DIR to a directory that this user can write to";

//! A backup in the place of the database, which is kept beside it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::super::backups::{BackupError, Restored};
use super::super::error::DatabaseError;
use super::super::migrate;
use super::alone::{alone, is_in_use, open};
use super::backup::{beside, examine, sync_directory, synced};
use super::error::translate;
use super::schema::recorded;

/// Puts a copy of `backup` where `target` is. What was there is renamed, with `mark` in its name.
pub(in super::super) fn restore(backup: &Path, target: &Path, mark: &str) -> Result<Restored, BackupError> {
    let draft = beside(target, "restoring");
    let prepared = copy(backup, &draft).and_then(|()| known_schema(&draft));
    let replaced = prepared.and_then(|()| replace(&draft, target, mark));
    if replaced.is_err() {
        // What is left of it would keep the next attempt from being made.
        let _remains = fs::remove_file(&draft);
    }
    Ok(Restored { kept: replaced?, bytes: synced(target)? })
}

fn copy(backup: &Path, draft: &Path) -> Result<(), BackupError> {
    let mut from = fs::File::open(backup).map_err(|error| BackupError::file(backup, error))?;
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
    let mut to = to.map_err(|error| BackupError::draft(draft, error))?;
    io::copy(&mut from, &mut to).map_err(|error| BackupError::file(draft, error))?;
    to.sync_all().map_err(|error| BackupError::file(draft, error))
}

/// Refuses what is no whole database of ours, or of a release that is newer than this program.
fn known_schema(draft: &Path) -> Result<(), BackupError> {
    let connection = open(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    examine(&connection)?;
    let steps = recorded(&connection).map_err(|_| BackupError::Foreign)?;
    if steps.is_empty() {
        return Err(BackupError::Foreign);
    }
    migrate::outstanding(&migrate::SQLITE, &steps).map(drop).map_err(BackupError::from)
}

/// Renames both while nobody can have the old file open; answers where it is kept.
fn replace(draft: &Path, target: &Path, mark: &str) -> Result<Option<PathBuf>, BackupError> {
    if !target.exists() {
        rename(draft, target)?;
        return Ok(None);
    }
    let _held = held(target)?;
    let kept = beside(target, &format!("before-restore-{mark}"));
    rename(target, &kept)?;
    // A file that was too damaged to be opened has its log beside it still: it must not be taken for the new one's.
    for ending in ["-wal", "-shm"] {
        let log = with_ending(target, ending);
        if log.exists() {
            rename(&log, &with_ending(&kept, ending))?;
        }
    }
    rename(draft, target)?;
    sync_directory(target)?;
    Ok(Some(kept))
}

/// Keeps others out, unless the file is beyond being opened: then nobody can be using it.
///
/// Its log is folded in and given up: otherwise closing this connection would remove the log of whoever opened the new
/// file meanwhile, which has the same name.
fn held(target: &Path) -> Result<Option<Connection>, BackupError> {
    let folded = alone(target).and_then(|connection| {
        let mode: String = connection
            .query_row("pragma journal_mode = delete", [], |row| row.get(0))
            .map_err(|error| translate(&error))?;
        if mode == "delete" { Ok(connection) } else { Err(DatabaseError::Other(format!("its journal stays {mode}"))) }
    });
    match folded {
        Ok(connection) => Ok(Some(connection)),
        Err(error) if is_in_use(&error) => Err(BackupError::InUse(target.to_owned())),
        Err(DatabaseError::Corrupt(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(|error| BackupError::file(from, error))
}

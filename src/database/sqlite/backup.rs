//! A copy of the database as it was at one moment, made while a server writes to it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::backups::{BackupError, Copied};
use super::super::error::DatabaseError;
use super::alone::open;
use super::error::translate;

/// Copies the file at `source` to `target`, which must not be there yet. Answers its size in bytes.
///
/// It goes by another name until it is whole, on the disk, and examined: what bears the name of a backup is one.
pub(in super::super) fn back_up(
    source: &Path,
    target: &Path,
    progress: &mut dyn FnMut(Copied),
) -> Result<u64, BackupError> {
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let partial = beside(target, "incomplete");
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
    made.map_err(|error| BackupError::draft(&partial, error))?;
    let finished = copy(source, &partial, progress).and_then(|()| publish(&partial, target));
    if finished.is_err() {
        // What is left of it would keep the next one from being made.
        let _remains = fs::remove_file(&partial);
    }
    finished
}

/// A name in the same directory.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn copy(source: &Path, partial: &Path, progress: &mut dyn FnMut(Copied)) -> Result<(), BackupError> {
    let from = open(source, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // The snapshot is held from here on: otherwise every write of the server would start the copy anew.
    from.execute_batch("pragma query_only = on; begin; select count(*) from sqlite_schema;")
        .map_err(|error| translate(&error))?;
    let mut to = open(partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy_pages(&from, &mut to, progress)?;
    examine(&to)
}

fn copy_pages(from: &Connection, to: &mut Connection, progress: &mut dyn FnMut(Copied)) -> Result<(), DatabaseError> {
    let backup = Backup::new(from, to).map_err(|error| translate(&error))?;
    loop {
        let step = backup.step(PAGES).map_err(|error| translate(&error))?;
        let pages = backup.progress();
        let number = |pages: i32| u64::try_from(pages).unwrap_or(0);
        let total = number(pages.pagecount);
        progress(Copied { done: total.saturating_sub(number(pages.remaining)), total });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Recovery after a crash, by another process; it does not take long.
            _ => std::thread::park_timeout(Duration::from_millis(20)),
        }
    }
}

/// Pages that are copied at once: 4 MiB.
const PAGES: i32 = 1024;

/// Looks at every page and every reference. The copy gets a journal of the old kind, so that it is one file.
pub(super) fn examine(connection: &Connection) -> Result<(), BackupError> {
    let ask = |question: &str| -> Result<String, DatabaseError> {
        connection.query_row(question, [], |row| row.get(0)).map_err(|error| translate(&error))
    };
    ask("pragma journal_mode = delete")?;
    let verdict = ask("pragma integrity_check(1)")?;
    let strays = ask("select cast(count(*) as text) from pragma_foreign_key_check")?;
    match (verdict.as_str(), strays.as_str()) {
        ("ok", "0") => Ok(()),
        ("ok", strays) => Err(BackupError::Damaged(format!("{strays} rows refer to what is not there"))),
        (verdict, _) => Err(BackupError::Damaged(verdict.to_owned())),
    }
}

/// Gives the file its name once it is on the disk; never over another one.
fn publish(partial: &Path, target: &Path) -> Result<u64, BackupError> {
    let bytes = synced(partial)?;
    fs::hard_link(partial, target).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::Exists(target.to_owned()),
        _ => BackupError::file(target, error),
    })?;
    fs::remove_file(partial).map_err(|error| BackupError::file(partial, error))?;
    sync_directory(target)?;
    Ok(bytes)
}

/// Waits until a file is on the disk, and answers its size.
pub(super) fn synced(path: &Path) -> Result<u64, BackupError> {
    let file = File::open(path).map_err(|error| BackupError::file(path, error))?;
    file.sync_all().map_err(|error| BackupError::file(path, error))?;
    file.metadata().map(|metadata| metadata.len()).map_err(|error| BackupError::file(path, error))
}

/// Waits until the names in a file's directory are on the disk.
pub(super) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    synced(directory).map(drop)
}

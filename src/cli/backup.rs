//! `countersign backup` and `countersign restore`: the embedded database as one file, and back.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::opened::{Opened, must_exist};
use super::progress::Progress;
use super::settings::SettingsArguments;
use crate::audit::{self, By, Event, Kind};
use crate::clock::Clock;
use crate::config::{self, DatabaseUrl};
use crate::database;

#[derive(Args, Debug)]
#[command(after_help = "\
Servers go on meanwhile; the file is the database as it was at one moment. It is examined and on the disk when the \
command ends, and made for its owner alone: it holds password hashes and sealed keys. Keep the root secret too, but not \
beside it: without it the keys in the backup are lost.

Example:
  countersign backup /backups/countersign-$(date +%F).db")]
pub(super) struct Arguments {
    /// The file to make, which must not be there yet
    file: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Refuses while a server has the database open. The database that was there is kept beside it under another name. \
Everything since the backup is forgotten: sessions that were ended since are open again, for as long as their tokens \
live; `countersign keys rotate --now` and a new login for everybody is the answer where that matters.

Example:
  systemctl stop countersign
  countersign restore /backups/countersign-2026-11-22.db
  systemctl start countersign")]
pub(super) struct RestoreArguments {
    /// The backup
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let source = file(settings, |url| format!("pg_dump --format=custom --file={} '{url}'", arguments.file.display()))?;
    must_exist(&source)?;
    let mut progress = Progress::new(None, "pages");
    let mut show = |copied: database::Copied| progress.at(copied.done, copied.done);
    let bytes = database::back_up(&source, &arguments.file, &mut show)?;
    progress.end();
    super::answer(format!("{}: {bytes} bytes, examined and in order\n", arguments.file.display()).as_bytes())
}

pub(super) fn restore(arguments: &RestoreArguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let restore_there =
        |url: &str| format!("pg_restore --clean --if-exists --dbname='{url}' {}", arguments.file.display());
    let target = file(settings, restore_there)?;
    let mark = Clock::system().now().to_string().replace(':', "");
    let restored = database::restore(&arguments.file, &target, &mark);
    let restored = restored.with_context(|| format!("{} is not restored", arguments.file.display()))?;
    let kept = restored.kept.map_or_else(String::new, |kept| format!("; what was there is {}", kept.display()));
    super::block_on(async {
        // A backup of an older release, or one whose root secret is elsewhere, is restored all the same.
        if let Err(error) = write_down(settings, restored.bytes).await {
            eprintln!("countersign: the restore is not in the audit log: {error:#}");
        }
        super::answer(format!("{} restored{kept}\n", target.display()).as_bytes())
    })
}

/// Writes into the restored database that it was, because nothing else in it tells.
async fn write_down(settings: &SettingsArguments, bytes: u64) -> anyhow::Result<()> {
    let opened = Opened::open(settings).await?;
    let trail = opened.trail().await?;
    let event = Event::new(Kind::Restored, By::cli()).with("bytes", bytes);
    Ok(audit::record(&mut opened.database.once(), opened.scribe(&trail), event).await?)
}

/// The file of the embedded database; for a server, the command of its own that does this.
pub(super) fn file(settings: &SettingsArguments, there: impl Fn(&str) -> String) -> anyhow::Result<PathBuf> {
    let url = config::load(&settings.sources())?.config.database_url();
    match url {
        DatabaseUrl::Sqlite(path) => Ok(absolute(&path)),
        DatabaseUrl::SqliteInMemory => bail!("a database in memory ends with its process; there is nothing to keep"),
        DatabaseUrl::Postgres(_) => {
            let url = database::DatabaseUrl::from(url).to_string();
            bail!("this database is on PostgreSQL, whose own tools do this: {}", there(&url))
        }
    }
}

/// So that messages name a file that can be found.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

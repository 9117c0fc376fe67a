//! `countersign move`: everything in the embedded database, to a PostgreSQL server.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::opened::must_exist;
use super::progress::Progress;
use super::settings::SettingsArguments;
use crate::config::DatabaseUrl;
use crate::database::{self, DatabaseSettings, MovedTable, relocate};

#[derive(Args, Debug)]
#[command(after_help = "\
Stop the server first. Every table is copied and read back, counts and digests are compared, and all of it is committed \
at once or not at all. Then start the server with DATABASE_URL set to the new address and the same root secret: \
sessions, refresh tokens and signing keys go on. The file stays as it is.

Examples:
  countersign move --to postgres://countersign@db.example.com/countersign
  TARGET_DATABASE_URL=postgres://countersign:secret@db.example.com/countersign \\
    countersign move")]
pub(super) struct Arguments {
    /// The empty database to move to
    ///
    /// Other users of the machine can read a command line: keep a password in the variable.
    #[arg(long, value_name = "URL", env = "TARGET_DATABASE_URL", hide_env_values = true)]
    to: DatabaseUrl,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let source = super::backup::file(settings, |_| "pg_dump and pg_restore".to_owned())?;
    must_exist(&source)?;
    if !matches!(arguments.to, DatabaseUrl::Postgres(_)) {
        bail!("--to must be a PostgreSQL database: postgres://USER@HOST/NAME");
    }
    let target = DatabaseSettings::new(arguments.to.clone());
    super::block_on(async {
        let mut progress = Progress::new(None, "rows");
        let (mut before, mut current) = (0, 0);
        let mut show = |_: &str, rows: u64| {
            // A table begins anew at none.
            if rows < current {
                before += current;
            }
            current = rows;
            progress.at(before + rows, before + rows);
        };
        let moved = relocate(&source, &target, &mut show).await?;
        progress.end();
        super::answer(told(&moved, &arguments.to).as_bytes())
    })
}

fn told(moved: &[MovedTable], to: &DatabaseUrl) -> String {
    let to = database::DatabaseUrl::from(to.clone());
    let line = |table: &MovedTable| format!("{:24}  {:>12} rows  {}", table.name, table.rows, table.digest);
    let mut lines: Vec<String> = moved.iter().map(line).collect();
    lines.push(format!("Everything is at {to}, read back and the same. Start the server with it.\n"));
    lines.join("\n")
}

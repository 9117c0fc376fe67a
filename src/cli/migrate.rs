//! `countersign migrate`: the schema, brought up to date or looked at.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{opened::is_there, settings::SettingsArguments};
use crate::{
    config::{self, Config, DatabaseUrl, data_dir},
    database::{Database, DatabaseSettings, Migration},
    domain::Timestamp,
};

#[derive(Args, Debug)]
#[command(
    after_help = "A server does this by itself when it starts. A schema that is newer than this program is refused.

Examples:
  countersign migrate
  countersign migrate --dry-run
  countersign migrate status"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Tell what would be done and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the migrations and which of them are applied
    #[command(after_help = "Example:\n  countersign migrate status")]
    Status,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let config = config::load(&settings.sources())?.config;
    super::block_on(async {
        match (&arguments.command, arguments.dry_run) {
            (Some(Command::Status), _) => status(&looked_at(&config).await?).await,
            (None, true) => would_apply(&looked_at(&config).await?).await,
            (None, false) => apply(&config).await,
        }
    })
}

/// The database, which is not made by looking at it: one that is not there lacks what an empty one lacks.
async fn looked_at(config: &Config) -> anyhow::Result<Database> {
    let mut settings = DatabaseSettings::from(config);
    if let DatabaseUrl::Sqlite(path) = config.database_url()
        && !is_there(&path)?
    {
        settings.url = DatabaseUrl::SqliteInMemory.into();
    }
    Ok(Database::connect(&settings).await?)
}

async fn apply(config: &Config) -> anyhow::Result<ExitCode> {
    data_dir::create_if_used(config)?;
    let database = Database::connect(&config.into()).await?;
    let applied = database.migrate().await?;
    if applied.is_empty() {
        return super::answer(UP_TO_DATE);
    }
    let lines: Vec<String> = applied.iter().map(|migration| format!("applied {}\n", migration.name)).collect();
    super::answer(lines.concat().as_bytes())
}

async fn would_apply(database: &Database) -> anyhow::Result<ExitCode> {
    let missing = database.migrations().await?.into_iter().filter(|migration| migration.applied_at.is_none());
    let lines: Vec<String> = missing.map(|migration| format!("would apply {}\n", migration.name)).collect();
    if lines.is_empty() { super::answer(UP_TO_DATE) } else { super::answer(lines.concat().as_bytes()) }
}

async fn status(database: &Database) -> anyhow::Result<ExitCode> {
    let line = |migration: Migration| {
        let when = migration.applied_at.map(Timestamp::from_unix_millis);
        let when = when.map_or_else(|| "missing".to_owned(), |when| format!("applied {when}"));
        format!("{:24}  {when}\n", migration.name)
    };
    let lines: Vec<String> = database.migrations().await?.into_iter().map(line).collect();
    super::answer(lines.concat().as_bytes())
}

const UP_TO_DATE: &[u8] = b"The schema is up to date.\n";

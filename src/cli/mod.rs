//! The command line: a file per noun, each of which reads its arguments and calls what does the work.
//!
//! Commands write their result to standard output and nothing else there, so that it can be piped. They know no
//! rule of authentication.

mod any_certificate;
mod audit;
mod backup;
mod config;
mod doctor;
mod export;
mod generate;
mod health;
mod import;
mod jobs;
mod keys;
mod mail;
mod migrate;
mod opened;
mod print;
mod progress;
mod relocate;
mod serve;
mod settings;
mod shell;
mod table;
mod user;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use self::settings::SettingsArguments;

/// A self-hosted authentication service.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")"),
    after_long_help = AFTERWORD,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: SettingsArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default)
    #[command(after_help = "Example:\n  countersign serve --listen 127.0.0.1:9000")]
    Serve,
    /// Bring the database's schema up to date, or tell what is missing
    Migrate(migrate::Arguments),
    /// List, rotate and retire signing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Make, look at, change and delete users
    #[command(subcommand)]
    User(user::Command),
    /// Look at, verify and export the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// List what waits to be done and what could not be, and try it again
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Look at the letters, and see whether they arrive
    #[command(subcommand)]
    Mail(mail::Command),
    /// Take in users of another program, or of another Countersign
    Import(import::Arguments),
    /// Write all users to a file
    Export(export::Arguments),
    /// Copy the embedded database to a file, while servers run
    Backup(backup::Arguments),
    /// Put a backup in the place of the embedded database
    Restore(backup::RestoreArguments),
    /// Move from the embedded database to PostgreSQL
    Move(relocate::Arguments),
    /// Look for what keeps the service from working well, and say what to do about it
    Doctor(doctor::Arguments),
    /// Show or check the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Make a secret
    #[command(subcommand)]
    Generate(generate::Command),
    /// Print a document that is made from the source
    #[command(subcommand)]
    Print(print::Command),
    /// Ask a running server whether it is ready
    Health(health::Arguments),
    /// Print completions for a shell
    Completions(shell::CompletionsArguments),
    /// Print the manual page, with every command in it
    #[command(after_help = "Example:\n  countersign man > /usr/share/man/man1/countersign.1")]
    Man,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever kept the command from doing its work, in words for whoever typed it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.carry_out().map_err(anyhow::Error::downcast::<Declined>) {
            Ok(code) => Ok(code),
            Err(Ok(declined)) => {
                eprintln!("countersign: {declined}");
                Ok(ExitCode::FAILURE)
            }
            Err(Err(error)) => Err(error),
        }
    }

    fn carry_out(self) -> anyhow::Result<ExitCode> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(&self.settings),
            Command::Migrate(arguments) => migrate::run(&arguments, &self.settings),
            Command::Keys(command) => keys::run(&command, &self.settings),
            Command::User(command) => user::run(&command, &self.settings),
            Command::Audit(command) => audit::run(&command, &self.settings),
            Command::Jobs(command) => jobs::run(&command, &self.settings),
            Command::Mail(command) => mail::run(&command, &self.settings),
            Command::Import(arguments) => import::run(&arguments, &self.settings),
            Command::Export(arguments) => export::run(&arguments, &self.settings),
            Command::Backup(arguments) => backup::run(&arguments, &self.settings),
            Command::Restore(arguments) => backup::restore(&arguments, &self.settings),
            Command::Move(arguments) => relocate::run(&arguments, &self.settings),
            Command::Doctor(arguments) => doctor::run(&arguments, &self.settings),
            Command::Config(command) => config::run(&command, &self.settings),
            Command::Generate(command) => generate::run(&command),
            Command::Print(command) => print::run(&command),
            Command::Health(arguments) => health::run(&arguments, &self.settings),
            Command::Completions(arguments) => shell::completions(&arguments),
            Command::Man => shell::man(),
        }
    }
}

/// Runs a command that waits for a database.
fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(command)
}

/// Why a command answers no. It is told like an error, and ends with the exit code of an answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Declined(String);

/// Writes a command's result.
fn answer(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut output = io::stdout().lock();
    heard(output.write_all(text).and_then(|()| output.flush()).map_err(anyhow::Error::from))
}

/// What became of a result that was written. A reader that has seen enough (`countersign man | head`) is no failure.
fn heard(written: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match written {
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        written => written.context("the answer cannot be written").map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = match error.downcast_ref::<serde_json::Error>() {
        Some(error) => error.io_error_kind(),
        None => error.downcast_ref::<io::Error>().map(io::Error::kind),
    };
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Writes something as JSON.
fn answer_json(value: &impl serde::Serialize) -> anyhow::Result<ExitCode> {
    answer((serde_json::to_string_pretty(value)? + "\n").as_bytes())
}

const AFTERWORD: &str = "\
Settings are looked for in the file, then the environment (COUNTERSIGN_<SECTION>__<KEY>), then the flags; the last \
one found counts. `countersign print config` prints them all, with their documentation. Other users of the machine can \
read a command line: keep the password of a database in DATABASE_URL, or in a file that DATABASE_URL_FILE names.

Examples:
  countersign config check
  countersign config show --set tokens.algorithm=EdDSA
  COUNTERSIGN_SECRET_KEY=$(countersign generate secret) countersign config check

Exit codes:
  0  done
  1  asked and answered no: not ready, no such user, an altered audit log
  2  could not be done: wrong arguments, wrong settings, or what the message says";

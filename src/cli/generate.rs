//! `countersign generate`: things that must be random.

use std::process::ExitCode;

use clap::Subcommand;
use zeroize::Zeroizing;

use crate::config::root_secret;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a new secret: 32 random bytes in base64url
    #[command(after_help = "A file that holds it is named by COUNTERSIGN_SECRET_KEY_FILE.

Examples:
  export COUNTERSIGN_SECRET_KEY=$(countersign generate secret)
  (umask 077; countersign generate secret > secret_key)   # a file to name")]
    Secret,
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Secret => {
            let line = Zeroizing::new(format!("{}\n", *root_secret::generate()));
            super::answer(line.as_bytes())
        }
    }
}

//! `countersign keys`: the signing keys, listed and changed by hand, also while servers run.

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;

use super::{Declined, opened::Opened, settings::SettingsArguments, table};
use crate::{
    keys::{
        KeysError,
        rotation::{self, Activation},
    },
    models::signing_key::SigningKey,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the signing keys and what each is good for
    #[command(after_help = "Example:\n  countersign keys list --json")]
    List {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make a key that takes over once every verifier can know it
    #[command(after_help = "Examples:\n  countersign keys rotate\n  countersign keys rotate --now")]
    Rotate {
        /// Sign with it at once, although verifiers may not know it for a while
        #[arg(long)]
        now: bool,
    },
    /// Take a key out of use at once, as when it may have been stolen; tokens that it signed are refused
    #[command(after_help = "Example:\n  countersign keys retire 0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbY")]
    Retire {
        /// The id of the key
        #[arg(allow_hyphen_values = true)] // one in 64 begins with one
        kid: String,
    },
}

pub(super) fn run(command: &Command, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let makes = matches!(command, Command::Rotate { .. });
        let opened = if makes { Opened::begin(settings).await? } else { Opened::open(settings).await? };
        match command {
            Command::List { json } => list(&opened, *json).await,
            Command::Rotate { now } => {
                let when = if *now { Activation::AtOnce } else { Activation::WhenPublished };
                let key = rotation::rotate(opened.keeper(), when).await?;
                super::answer(format!("{} signs from {} on\n", key.kid, key.activates_at).as_bytes())
            }
            Command::Retire { kid } => retire(&opened, kid).await,
        }
    })
}

async fn retire(opened: &Opened, kid: &str) -> anyhow::Result<ExitCode> {
    match rotation::retire(opened.keeper(), kid).await {
        Err(error @ KeysError::NoSuchKey(_)) => bail!(Declined(error.to_string())),
        retired => retired?,
    }
    super::answer(format!("{kid} is retired; servers refuse its tokens within seconds\n").as_bytes())
}

async fn list(opened: &Opened, json: bool) -> anyhow::Result<ExitCode> {
    let keys = SigningKey::all(&opened.database).await?;
    if json {
        return super::answer_json(&keys.iter().map(as_json).collect::<Vec<_>>());
    }
    let rows: Vec<_> = keys.iter().map(row).collect();
    super::answer(table::written(["KEY", "ALGORITHM", "STATE", "FROM", "UNTIL"], &rows, "no keys").as_bytes())
}

fn row(key: &SigningKey) -> [String; 5] {
    [
        key.kid.clone(),
        key.algorithm.clone(),
        key.state.as_str().to_owned(),
        key.activates_at.to_string(),
        key.retires_at.map_or_else(String::new, |until| until.to_string()),
    ]
}

fn as_json(key: &SigningKey) -> serde_json::Value {
    serde_json::json!({
        "kid": key.kid, "algorithm": key.algorithm, "state": key.state.as_str(), "created_at": key.created_at,
        "activates_at": key.activates_at, "retires_at": key.retires_at,
    })
}

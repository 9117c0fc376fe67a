//! `countersign keys`: the signing keys, listed and changed by hand, also while servers run.

use std::{fmt::Write, process::ExitCode};

use clap::Subcommand;

use super::{opened::Opened, settings::SettingsArguments};
use crate::{
    keys::rotation::{self, Activation},
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
    #[command(after_help = "Example:\n  countersign keys rotate")]
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
        let opened = Opened::open(settings).await?;
        match command {
            Command::List { json } => list(&opened, *json).await,
            Command::Rotate { now } => {
                let when = if *now { Activation::AtOnce } else { Activation::WhenPublished };
                let key = rotation::rotate(opened.keeper(), when).await?;
                super::answer(format!("{} signs from {} on\n", key.kid, key.activates_at).as_bytes())
            }
            Command::Retire { kid } => {
                rotation::retire(opened.keeper(), kid).await?;
                super::answer(format!("{kid} is retired\n").as_bytes())
            }
        }
    })
}

async fn list(opened: &Opened, json: bool) -> anyhow::Result<ExitCode> {
    let keys = SigningKey::all(&opened.database).await?;
    if json {
        let rows: Vec<_> = keys.iter().map(as_json).collect();
        return super::answer((serde_json::to_string_pretty(&rows)? + "\n").as_bytes());
    }
    let mut text = String::new();
    for key in &keys {
        let until = key.retires_at.map_or_else(String::new, |until| format!("  until {until}"));
        let (kid, algorithm, state) = (&key.kid, &key.algorithm, key.state.as_str());
        writeln!(text, "{kid}  {algorithm:6}  {state:11}  from {}{until}", key.activates_at)?;
    }
    super::answer(text.as_bytes())
}

fn as_json(key: &SigningKey) -> serde_json::Value {
    serde_json::json!({
        "kid": key.kid, "algorithm": key.algorithm, "state": key.state.as_str(), "created_at": key.created_at,
        "activates_at": key.activates_at, "retires_at": key.retires_at,
    })
}

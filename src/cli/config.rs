//! `countersign config`: what the settings are, and whether a server would start with them.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Subcommand;

use super::settings::SettingsArguments;
use crate::config::{self, Effective, Exposure};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show every setting and where it came from; secrets stay hidden
    #[command(after_help = "Example:\n  DATABASE_URL=sqlite::memory: countersign config show")]
    Show {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Tell everything that would keep a server from starting with these settings
    #[command(after_help = "Example:\n  countersign config check --config /etc/countersign.toml")]
    Check,
}

pub(super) fn run(command: &Command, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show { json } => show(*json, settings),
        Command::Check => check(settings),
    }
}

fn show(json: bool, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&settings.sources())?;
    let effective = loaded.effective();
    let text = if json { as_json(&effective)? } else { as_toml(&effective)? };
    super::answer(text.as_bytes())
}

fn check(settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    let (loaded, exposure) = config::load_to_serve(&settings.sources())?;
    let listen = loaded.config.service.listen;
    let reach = match exposure {
        Exposure::Loopback => "this machine only",
        Exposure::Tls => "a public address, with TLS of its own",
        Exposure::BehindProxy => "a public address, behind a proxy that speaks TLS",
        Exposure::InsecureHttp => "a public address WITHOUT TLS",
    };
    super::answer(format!("The settings are in order. The server would listen on {listen}: {reach}.\n").as_bytes())
}

fn as_json(effective: &[Effective]) -> anyhow::Result<String> {
    let object: serde_json::Map<String, serde_json::Value> = effective
        .iter()
        .map(|setting| {
            let described = serde_json::json!({"value": setting.value, "origin": setting.origin.to_string()});
            (setting.name.clone(), described)
        })
        .collect();
    Ok(serde_json::to_string_pretty(&object)? + "\n")
}

/// Lines of TOML, with what is not set as a comment.
fn as_toml(effective: &[Effective]) -> anyhow::Result<String> {
    let lines: Vec<String> = effective.iter().map(assignment).collect();
    let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);

    let mut text = String::new();
    for (line, setting) in lines.iter().zip(effective) {
        writeln!(text, "{line:width$}  # {}", setting.origin)?;
    }
    Ok(text)
}

fn assignment(setting: &Effective) -> String {
    match &setting.value {
        serde_json::Value::Null => format!("# {} is not set", setting.name),
        value => format!("{} = {value}", setting.name),
    }
}

/// The longest line that others are aligned with.
const WIDEST: usize = 70;

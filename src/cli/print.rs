//! `countersign print`: documents that are made from the source.

use std::process::ExitCode;

use clap::Subcommand;

use crate::{config::reference, database::schema_document, openapi, problem, router};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The OpenAPI document of the HTTP interface
    #[command(after_help = "Example:\n  countersign print openapi > openapi.json")]
    Openapi,
    /// The schema of the database
    #[command(after_help = "Example:\n  countersign print schema > schema.md")]
    Schema,
    /// The problems and what to do about each
    #[command(after_help = "Example:\n  countersign print problems > problems.md")]
    Problems,
    /// Every setting with its default and documentation
    #[command(after_help = "Example:\n  countersign print config > countersign.toml")]
    Config {
        /// As the chapter of the documentation, instead of a file to start from
        #[arg(long)]
        markdown: bool,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Openapi => super::answer(openapi::text(&router::document()).as_bytes()),
        Command::Schema => super::answer(schema_document().as_bytes()),
        Command::Problems => super::answer(problem::document().as_bytes()),
        Command::Config { markdown: false } => super::answer(reference::toml().as_bytes()),
        Command::Config { markdown: true } => super::answer(reference::markdown().as_bytes()),
    }
}

//! `countersign jobs`: what waits to be done and what could not be, listed and tried again by hand, also while servers
//! run. What a job carries is never shown.

use std::process::ExitCode;

use anyhow::bail;
use clap::{ArgGroup, Subcommand};

use super::{Declined, opened::Opened, settings::SettingsArguments, table};
use crate::models::job::{Job, State};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the jobs, those that could not be done included
    #[command(after_help = "Example:\n  countersign jobs list --dead --json")]
    List {
        /// Only those that were given up
        #[arg(long)]
        dead: bool,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Try a job again, now
    #[command(
        group = ArgGroup::new("which").args(["id", "all"]).required(true),
        after_help = "Examples:\n  countersign jobs retry 42\n  countersign jobs retry --all"
    )]
    Retry {
        /// The number of the job
        id: Option<i64>,
        /// Every job that was given up
        #[arg(long)]
        all: bool,
    },
    /// Delete a job without doing it
    #[command(after_help = "Example:\n  countersign jobs delete 42")]
    Delete {
        /// The number of the job
        id: i64,
    },
}

pub(super) fn run(command: &Command, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let opened = Opened::open(settings).await?;
        match command {
            Command::List { dead, json } => list(&opened, *dead, *json).await,
            Command::Retry { id: Some(id), .. } => retry(&opened, *id).await,
            Command::Retry { id: None, .. } => retry_all(&opened).await,
            Command::Delete { id } => delete(&opened, *id).await,
        }
    })
}

async fn list(opened: &Opened, only_dead: bool, json: bool) -> anyhow::Result<ExitCode> {
    let mut jobs = Vec::new();
    let mut after = 0;
    loop {
        let stretch = Job::list(&opened.database, after, STRETCH).await?;
        let Some(last) = stretch.last() else { break };
        after = last.id;
        jobs.extend(stretch.into_iter().filter(|job| !only_dead || job.state == State::Dead));
    }
    if json {
        return super::answer_json(&jobs.iter().map(as_json).collect::<Vec<_>>());
    }
    let heading = ["ID", "KIND", "ABOUT", "STATE", "ATTEMPTS", "DUE", "LAST ERROR"];
    let rows: Vec<_> = jobs.iter().map(row).collect();
    super::answer(table::written(heading, &rows, "nothing to do").as_bytes())
}

/// How many rows to ask for at a time.
const STRETCH: i64 = 1000;

fn row(job: &Job) -> [String; 7] {
    [
        job.id.to_string(),
        job.kind.as_str().to_owned(),
        job.about.clone(),
        job.state.as_str().to_owned(),
        job.attempts.to_string(),
        job.due_at.to_string(),
        job.last_error.clone().unwrap_or_default(),
    ]
}

fn as_json(job: &Job) -> serde_json::Value {
    serde_json::json!({
        "id": job.id, "kind": job.kind.as_str(), "about": job.about, "state": job.state.as_str(),
        "attempts": job.attempts, "due_at": job.due_at, "give_up_at": job.give_up_at, "created_at": job.created_at,
        "last_error": job.last_error,
    })
}

async fn retry(opened: &Opened, id: i64) -> anyhow::Result<ExitCode> {
    if !Job::retry(&mut opened.database.once(), id, again(opened)).await? {
        bail!(Declined(format!("there is no job {id}, or it is being done right now (countersign jobs list)")));
    }
    super::answer(format!("job {id} is due now\n").as_bytes())
}

async fn retry_all(opened: &Opened) -> anyhow::Result<ExitCode> {
    let count = Job::retry_dead(&mut opened.database.once(), again(opened)).await?;
    super::answer(format!("{count} {} due now\n", if count == 1 { "job is" } else { "jobs are" }).as_bytes())
}

/// Now, and when to give up once more.
fn again(opened: &Opened) -> (crate::domain::Timestamp, crate::domain::Timestamp) {
    let now = opened.now();
    (now, now + opened.config.mail.give_up_after())
}

async fn delete(opened: &Opened, id: i64) -> anyhow::Result<ExitCode> {
    if !Job::delete(&mut opened.database.once(), id).await? {
        bail!(Declined(format!("there is no job {id} (countersign jobs list)")));
    }
    super::answer(format!("job {id} is deleted\n").as_bytes())
}

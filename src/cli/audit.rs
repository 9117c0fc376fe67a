//! `countersign audit`: the audit log, looked through, verified and written out, also while servers run.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    process::ExitCode,
};

use clap::{Args, Subcommand};

use super::{opened::Opened, settings::SettingsArguments, table, user};
use crate::{
    admin::audit_events::{self, Wanted},
    audit::{
        Kind, chain,
        verify::{Kept, verify},
    },
    crypto::mac::MARK_LEN,
    domain::{Timestamp, UserId},
    models::audit_event::AuditEvent,
    schemas,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List events, the newest first
    #[command(after_help = "Examples:
  countersign audit list --kind roles_changed
  countersign audit list --user ada --since 2026-11-01 --json
  countersign audit list --since 2026-11-22T09:30:00Z --until 2026-11-23")]
    List(Filter),
    /// Read the whole log and tell what was altered, added, removed or moved
    #[command(after_help = "Keep the head that it prints on another machine: with it, an older state of the database \
that was put back is found out as well. Exit code 1 if anything does not fit.

Examples:
  countersign audit verify
  countersign audit verify \\
    --head 8:07ffc42c7125eb97fb5a39195271b512f2a03c7809d868d312ff62c0125f0702")]
    Verify {
        /// A head that was printed earlier
        #[arg(long, value_name = "PLACE:LINK", value_parser = kept)]
        head: Option<Kept>,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write the events out, the oldest first, one JSON object a line
    #[command(after_help = "Example:\n  countersign audit export --after 1234 >> audit.ndjson")]
    Export {
        /// Begin after this place in the chain
        #[arg(long, value_name = "PLACE", default_value_t = 0)]
        after: i64,
    },
}

/// Which events.
#[derive(Args, Debug)]
pub(super) struct Filter {
    /// Those about this user: their address, name or number
    #[arg(long)]
    user: Option<String>,
    /// Those of this kind
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// Those that did not happen before this instant; a date is its midnight in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    since: Option<Timestamp>,
    /// Those that happened before this instant; a date is its midnight in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    until: Option<Timestamp>,
    /// At most so many
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &Command, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let opened = Opened::open(settings).await?;
        match command {
            Command::List(filter) => list(&opened, filter).await,
            Command::Verify { head, json } => verified(&opened, head.as_ref(), *json).await,
            Command::Export { after } => export(&opened, *after).await,
        }
    })
}

async fn list(opened: &Opened, filter: &Filter) -> anyhow::Result<ExitCode> {
    let user = match &filter.user {
        Some(who) => Some(about(opened, who).await?),
        None => None,
    };
    let wanted = Wanted { user, kind: filter.kind, since: filter.since, until: filter.until };
    let page = audit_events::list(&opened.database, &wanted, None, filter.limit.get()).await?;
    if filter.json {
        return super::answer_json(&page.events.iter().map(schemas::AuditEvent::from).collect::<Vec<_>>());
    }
    let rows: Vec<_> = page.events.iter().map(row).collect();
    let heading = ["AT", "KIND", "USER", "BY", "ADDRESS", "DETAILS"];
    let mut text = table::written(heading, &rows, "no events");
    if page.next.is_some() {
        text.push_str("… and more: say which, or give a higher --limit\n");
    }
    super::answer(text.as_bytes())
}

/// Whom events are about. A number is taken as it is: they outlive their user.
async fn about(opened: &Opened, who: &str) -> anyhow::Result<UserId> {
    match who.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(user::find(opened, who).await?.id),
    }
}

fn row(event: &AuditEvent) -> [String; 6] {
    let fact = &event.fact;
    let number = |id: Option<i64>| id.map_or_else(String::new, |id| id.to_string());
    [
        fact.occurred_at.to_string(),
        fact.kind.clone(),
        number(fact.user_id),
        format!("{} {}", fact.actor_kind, number(fact.actor_id)).trim_end().to_owned(),
        fact.ip.clone().unwrap_or_default(),
        fact.details.clone(),
    ]
}

async fn verified(opened: &Opened, head: Option<&Kept>, json: bool) -> anyhow::Result<ExitCode> {
    let trail = opened.trail().await?;
    // What waits is chained first, where no server does it; a chain that was tampered with is for the report.
    while chain::advance(&opened.database, &trail).await.is_ok_and(|chained| chained > 0) {}
    let report = verify(&opened.database, &trail, head).await?;
    let head = report.head.as_ref().map(|head| format!("{}:{}", head.place, hex::encode(&head.link)));
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    if json {
        super::answer_json(&serde_json::json!({
            "verified": report.chained, "waiting": report.waiting, "head": head, "faults": faults,
        }))?;
    } else {
        let faults: Vec<String> = faults.iter().map(|fault| format!("{fault}\n")).collect();
        let (chained, waiting, head) = (report.chained, report.waiting, head.unwrap_or_else(|| "none".to_owned()));
        let told = format!("{chained} events read, {waiting} wait for their place; head {head}\n");
        super::answer((faults.concat() + &told).as_bytes())?;
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn export(opened: &Opened, after: i64) -> anyhow::Result<ExitCode> {
    let trail = opened.trail().await?;
    while chain::advance(&opened.database, &trail).await? > 0 {}
    super::heard(write_all(opened, after).await)
}

async fn write_all(opened: &Opened, mut after: i64) -> anyhow::Result<()> {
    const STRETCH: i64 = 1_000;
    let mut output = io::BufWriter::new(io::stdout().lock());
    loop {
        let stretch = AuditEvent::chained(&opened.database, after, STRETCH).await?;
        let Some(place) = stretch.last().and_then(|event| event.place) else { break };
        after = place;
        for event in &stretch {
            writeln!(output, "{}", line(event)?)?;
        }
    }
    Ok(output.flush()?)
}

/// An event with its place and its link, by which somebody else can follow the chain.
fn line(event: &AuditEvent) -> serde_json::Result<serde_json::Value> {
    let mut line = serde_json::to_value(schemas::AuditEvent::from(event))?;
    if let serde_json::Value::Object(members) = &mut line {
        members.insert("place".to_owned(), event.place.into());
        members.insert("link".to_owned(), event.link.as_ref().map(hex::encode).into());
    }
    Ok(line)
}

fn kind(word: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    Kind::parse(word).ok_or_else(|| format!("the kinds are: {}", known()))
}

/// Reads an instant, or a date for its midnight in UTC, the zone in which instants are listed.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let read = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    read.map_err(|_| "an instant is written like 2026-11-22T12:00:00Z, or 2026-11-22 for midnight in UTC")
}

fn kept(text: &str) -> Result<Kept, &'static str> {
    let parsed = text
        .split_once(':')
        .and_then(|(place, link)| Some(Kept { place: place.parse().ok()?, link: hex::decode(link).ok()? }))
        // Half of one fits nothing, and would look like tampering.
        .filter(|kept| kept.link.len() == MARK_LEN);
    parsed.ok_or("a head is a place, a colon and a link, as `countersign audit verify` prints it")
}

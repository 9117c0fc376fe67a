//! `countersign import`: users of another program, read from a file as a stream and taken in by batches.
//!
//! It knows files and what their fields mean; who is taken in and under which name is [`crate::moving::import`]'s. It
//! keeps no note of how far it came: addresses that are there already are passed over, so to resume is to run it again.

mod fields;
mod input;
mod lines;
mod pg_dump;
mod records;
mod report;
mod sources;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tokio::sync::mpsc;

use self::input::Input;
use self::records::{Format, Record};
use self::report::Report;
use self::sources::{HashConfig, Reader, Source};
use super::{opened::Opened, progress, settings::SettingsArguments};
use crate::audit::Scribe;
use crate::clock::Clock;
use crate::database::{Database, DatabaseError};
use crate::moving::import::{self, Newcomer, Outcome, Purpose};

#[derive(Args, Debug)]
#[command(after_help = "\
Formats are seen from the name and content of the file: a JSON object a line, CSV with the names of the columns in the \
first line, one JSON document, or a dump in plain text by pg_dump. Whoever has an address that is there already is \
passed over, so an import that was interrupted is finished by running it again; a server may run meanwhile. \
docs/migrating.md tells what each source exports.

Exit code 0 if everybody is there afterwards, 1 if some were refused.

Examples:
  countersign import users.ndjson
  countersign import --dry-run --from django auth_user.csv
  countersign import --from supabase auth.sql --on-unknown-hash drop
  countersign import --from firebase users.json --firebase-hash-config hash.txt
  countersign import --report refused.ndjson users.csv
  ssh old-host \"psql -c '\\copy ...'\" | countersign import --from supabase -")]
pub(super) struct Arguments {
    /// The file, or - for standard input
    file: PathBuf,
    /// Whose export it is
    #[arg(long, value_name = "SOURCE", value_enum, default_value_t)]
    from: Source,
    /// How the file holds its users [default: as it looks]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Tell what would happen and change nothing
    ///
    /// Users that the file holds twice are noticed only if they are near one another.
    #[arg(long)]
    dry_run: bool,
    /// What to do about users who are there already
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    on_conflict: OnConflict,
    /// What to do about users whose hash cannot be checked here
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    on_unknown_hash: OnUnknownHash,
    /// Write who was refused and why, and what was changed or left behind, a JSON object a line
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What the console of Firebase shows under "Password hash parameters"
    #[arg(long, value_name = "FILE")]
    firebase_hash_config: Option<PathBuf>,
    /// Tell the outcome as a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum OnConflict {
    /// Leave them as they are, and count them
    #[default]
    Skip,
    /// End there; what came before in the file stays
    Fail,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum OnUnknownHash {
    /// Refuse them
    #[default]
    Refuse,
    /// Take them in without it: they set a password by mail
    Drop,
}

/// Why a record is not taken in, or what of it stays behind.
struct Refusal {
    code: &'static str,
    reason: String,
}

impl Refusal {
    fn new(code: &'static str, reason: String) -> Self {
        Self { code, reason }
    }
}

/// A record that has been read.
struct Entry {
    place: u64,
    email: Option<String>,
    /// `None`: it is of something that is no user.
    outcome: Result<Option<sources::Read>, Refusal>,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let input = Input::open(&arguments.file)?;
        let reader = Reader {
            source: arguments.from,
            firebase: arguments.firebase_hash_config.as_deref().map(HashConfig::read).transpose()?,
            drops_unknown_hashes: arguments.on_unknown_hash == OnUnknownHash::Drop,
            now: Clock::system().now(),
        };
        let report = Report::begin(arguments.report.as_deref())?;
        let opened =
            if arguments.dry_run { Opened::rehearse(settings).await? } else { Opened::begin_for_all(settings).await? };
        let trail = opened.trail().await?;
        let purpose = match (arguments.dry_run, arguments.on_conflict) {
            (true, _) => Purpose::Rehearsal,
            (false, OnConflict::Skip) => Purpose::AddNew,
            (false, OnConflict::Fail) => Purpose::AllOrNobody,
        };
        let scribe = opened.scribe(&trail);
        let mut import = Import { database: &opened.database, scribe, purpose, report };
        let took = import.all(input, arguments.format, reader).await?;
        import.report.end(took, arguments.json, purpose == Purpose::Rehearsal)
    })
}

/// What there is to tell of a record that was read.
struct Told<'a> {
    place: u64,
    email: Option<&'a str>,
    lost_name: Option<String>,
    notes: Vec<Refusal>,
}

/// An import under way.
struct Import<'a> {
    database: &'a Database,
    scribe: Scribe<'a>,
    purpose: Purpose,
    report: Report,
}

impl Import<'_> {
    async fn all(&mut self, input: Input, format: Option<Format>, reader: Reader) -> anyhow::Result<Duration> {
        let mut progress = progress::Progress::new(input.bytes, "users");
        let read_bytes = input.read_bytes.clone();
        // Parsing has a thread of its own, no more than so many batches ahead.
        let (sender, mut batches) = mpsc::channel(2);
        let parser = std::thread::spawn(move || parse(input, format, &reader, &sender));
        while let Some(batch) = batches.recv().await {
            let taken = self.batch(batch).await;
            self.report.told().iter().for_each(|line| progress.say(line));
            taken?;
            progress.at(read_bytes.load(std::sync::atomic::Ordering::Relaxed), self.report.read());
        }
        let took = progress.end();
        match parser.join() {
            Ok(parsed) => parsed.map(|()| took),
            Err(_) => bail!("the file could not be read to its end"),
        }
    }

    async fn batch(&mut self, batch: Vec<Entry>) -> anyhow::Result<()> {
        let mut newcomers = Vec::with_capacity(batch.len());
        let mut whose = Vec::with_capacity(batch.len());
        for Entry { place, email, outcome } in batch {
            match outcome {
                Ok(Some(sources::Read { newcomer, lost_name, notes })) => {
                    newcomers.push(newcomer);
                    whose.push((place, email, lost_name, notes));
                }
                Ok(None) => self.report.no_user(),
                Err(refusal) => self.report.refused(place, email.as_deref(), &refusal)?,
            }
        }
        let outcomes = self.taken_in(&newcomers).await?;
        for ((newcomer, outcome), (place, email, lost_name, notes)) in newcomers.iter().zip(outcomes).zip(whose) {
            if self.purpose == Purpose::AllOrNobody && !outcome.is_imported() {
                bail!("user {place} is there already; nobody of their batch was taken in, those before it were");
            }
            self.tell(Told { place, email: email.as_deref(), lost_name, notes }, newcomer, outcome)?;
        }
        Ok(())
    }

    /// Writes down what became of one of them.
    fn tell(&mut self, told: Told<'_>, newcomer: &Newcomer, outcome: Outcome) -> anyhow::Result<()> {
        let Told { place, email, lost_name, notes } = told;
        match outcome {
            Outcome::Imported(username) => {
                self.report.imported(newcomer);
                let renamed = lost_name.map(|lost| {
                    let reason = format!("{lost:?} cannot be a name here; it has become {username}");
                    Refusal::new("username_changed", reason)
                });
                renamed.iter().chain(&notes).try_for_each(|note| self.report.note(place, email, note))
            }
            Outcome::AlreadyThere => self.report.already_there(place, email),
            Outcome::UsernameTaken => {
                let refusal = Refusal::new("username_taken", "somebody else has this name".to_owned());
                self.report.refused(place, email, &refusal)
            }
        }
    }

    /// Tries again while the database is away: a batch that may have been committed is there then, and passed over.
    async fn taken_in(&self, newcomers: &[Newcomer]) -> Result<Vec<Outcome>, DatabaseError> {
        for _ in 0..TRIES {
            match import::import(self.database, self.scribe, newcomers, self.purpose).await {
                Err(error) if error.is_outage() => tokio::time::sleep(BETWEEN_TRIES).await,
                outcomes => return outcomes,
            }
        }
        import::import(self.database, self.scribe, newcomers, self.purpose).await
    }
}

/// Reads the file and hands it on in batches.
fn parse(
    input: Input,
    format: Option<Format>,
    reader: &Reader,
    sender: &mpsc::Sender<Vec<Entry>>,
) -> anyhow::Result<()> {
    let Input { name, reader: mut bytes, .. } = input;
    input::begin(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    let format = match format {
        Some(format) => format,
        None => Format::of(&name, &mut bytes, reader.source.is_one_document())?,
    };
    if reader.source == Source::Firebase && format == Format::Csv {
        bail!("the CSV of Firebase has no names of columns; export it with --format=json");
    }
    let mut batch = Vec::with_capacity(BATCH);
    let read = records::read(format, reader.source.hash_column(), bytes, &mut |record| {
        batch.push(entry(reader, record));
        // Sending fails when the import has ended before the file.
        batch.len() < BATCH || sender.blocking_send(std::mem::take(&mut batch)).is_ok()
    });
    if !batch.is_empty() {
        // Also when the rest cannot be read: what was read is taken in.
        let _ended = sender.blocking_send(batch);
    }
    read.with_context(|| format!("{name} cannot be read to its end"))
}

fn entry(reader: &Reader, Record { place, fields }: Record) -> Entry {
    match fields {
        Ok(fields) => {
            let email = fields.get("email").or_else(|| fields.get("fields")?.get("email"));
            let mut email = email.and_then(serde_json::Value::as_str).map(str::to_owned);
            let outcome = reader.read(&fields);
            if let Ok(Some(read)) = &outcome {
                // It may have stood elsewhere.
                email = email.filter(|email| !email.is_empty()).or_else(|| Some(read.newcomer.email.to_string()));
            }
            Entry { place, email, outcome }
        }
        Err(reason) => Entry { place, email: None, outcome: Err(Refusal::new("unreadable", reason)) },
    }
}

/// Users in a transaction: so many that the pages of an index, which each user finds another one of, are written less
/// often; so few that a server beside it waits a tenth of a second.
const BATCH: usize = 2_048;
/// With the pause, a minute: as long as the restart of a server takes.
const TRIES: usize = 60;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

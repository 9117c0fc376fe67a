//! `countersign export`: every user as a JSON object a line, which `countersign import` reads back.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::{opened::Opened, progress::Progress, settings::SettingsArguments};
use crate::domain::{Email, Roles, Timestamp, UserId, Username};
use crate::models::user::User;
use crate::moving::export::{Export, Hashes};

#[derive(Args, Debug)]
#[command(after_help = "\
Users who register or go meanwhile may be in it or not. With hashes it is as worth protecting as the database: whoever \
has it can guess at passwords without asking us. A file is made for its owner alone.

Examples:
  countersign export > users.ndjson
  countersign export --with-hashes users.ndjson")]
pub(super) struct Arguments {
    /// The file, which must not be there yet [default: standard output]
    file: Option<PathBuf>,
    /// With what passwords are checked against
    #[arg(long)]
    with_hashes: bool,
}

/// A user on a line.
#[derive(Serialize)]
struct Line<'a> {
    id: UserId,
    email: &'a Email,
    username: &'a Username,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    is_active: bool,
    email_verified: bool,
    roles: &'a Roles,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub(super) fn run(arguments: &Arguments, settings: &SettingsArguments) -> anyhow::Result<ExitCode> {
    super::block_on(async {
        let opened = Opened::open_for_all(settings).await?;
        let trail = opened.trail().await?;
        let mut output = BufWriter::new(output(arguments.file.as_deref())?);
        let hashes = if arguments.with_hashes { Hashes::Included } else { Hashes::LeftOut };
        let mut export = Export::begin(&opened.database, opened.scribe(&trail), hashes).await?;
        let written = write_all(&mut export, &mut output, hashes).await;
        let written = written.and_then(|count| Ok(output.flush().map(|()| count)?));
        match (written, &arguments.file) {
            (Ok(count), Some(_)) => super::answer(format!("{count} users exported\n").as_bytes()),
            (written, _) => super::heard(written.map(drop)),
        }
    })
}

fn output(file: Option<&Path>) -> anyhow::Result<Box<dyn Write + Send>> {
    let Some(path) = file.filter(|path| *path != Path::new("-")) else { return Ok(Box::new(stdout())) };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    Ok(Box::new(file.with_context(|| format!("cannot make {}", path.display()))?))
}

async fn write_all(export: &mut Export<'_>, output: &mut impl Write, hashes: Hashes) -> anyhow::Result<u64> {
    let mut progress = Progress::new(None, "users");
    let mut count = 0;
    loop {
        let stretch = export.next().await?;
        if stretch.is_empty() {
            break;
        }
        for user in &stretch {
            serde_json::to_writer(&mut *output, &line(user, hashes))?;
            output.write_all(b"\n")?;
            count += 1;
        }
        progress.at(count, count);
    }
    progress.end();
    Ok(count)
}

fn line(user: &User, hashes: Hashes) -> Line<'_> {
    Line {
        id: user.id,
        email: &user.email,
        username: &user.username,
        password_hash: (hashes == Hashes::Included).then(|| user.password_hash.as_stored()),
        is_active: user.is_active,
        email_verified: user.email_verified,
        roles: &user.roles,
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

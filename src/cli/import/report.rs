//! What became of the records: counted, and each that was refused told with its reason.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use super::Refusal;
use crate::domain::Roles;
use crate::moving::import::Newcomer;

/// The counts, and the file for what has a reason.
pub(super) struct Report {
    file: Option<BufWriter<File>>,
    imported: u64,
    administrators: u64,
    already_there: u64,
    refused: u64,
    no_users: u64,
    told: Vec<String>,
}

impl Report {
    /// Begins, with a file that its owner alone can read: it holds addresses.
    pub(super) fn begin(path: Option<&Path>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
            file.map(BufWriter::new).with_context(|| format!("cannot write {}", path.display()))
        };
        let file = path.map(open).transpose()?;
        Ok(Self { file, imported: 0, administrators: 0, already_there: 0, refused: 0, no_users: 0, told: Vec::new() })
    }

    /// How many records were dealt with.
    pub(super) fn read(&self) -> u64 {
        self.imported + self.already_there + self.refused + self.no_users
    }

    pub(super) fn imported(&mut self, newcomer: &Newcomer) {
        self.imported += 1;
        self.administrators += u64::from(newcomer.roles.contains(Roles::ADMIN));
    }

    /// Counts one who was passed over, and notes it: in a file where an address occurs twice, it is how that is seen.
    pub(super) fn already_there(&mut self, place: u64, email: Option<&str>) -> anyhow::Result<()> {
        self.already_there += 1;
        let reason = "somebody has this address, and was left as they were";
        self.note(place, email, &Refusal::new("already_there", reason.to_owned()))
    }

    /// Counts a record of something else.
    pub(super) fn no_user(&mut self) {
        self.no_users += 1;
    }

    pub(super) fn refused(&mut self, place: u64, email: Option<&str>, refusal: &Refusal) -> anyhow::Result<()> {
        self.refused += 1;
        if self.file.is_none() && self.refused <= SHOWN {
            self.told.push(format!("user in line {place} refused: {}", refusal.reason));
        } else if self.file.is_none() && self.refused == SHOWN + 1 {
            self.told.push("more are refused; --report FILE writes all of them".to_owned());
        }
        self.note(place, email, refusal)
    }

    /// What is to be said of those that were refused, once.
    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// Writes what a record has to be told about, without counting it.
    pub(super) fn note(&mut self, place: u64, email: Option<&str>, refusal: &Refusal) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            let line = json!({"line": place, "email": email, "code": refusal.code, "reason": refusal.reason});
            writeln!(file, "{line}").context("cannot write the report")?;
        }
        Ok(())
    }

    /// Tells the outcome.
    pub(super) fn end(mut self, took: Duration, as_json: bool, is_rehearsal: bool) -> anyhow::Result<ExitCode> {
        if let Some(file) = &mut self.file {
            file.flush().context("cannot write the report")?;
        }
        let Self { imported, administrators, already_there, refused, no_users, .. } = self;
        let text = if as_json {
            let seconds = took.as_secs_f64();
            format!(
                "{}\n",
                json!({"imported": imported, "administrators": administrators, "already_there": already_there,
                       "refused": refused, "no_users": no_users, "dry_run": is_rehearsal, "seconds": seconds})
            )
        } else {
            let verb = if is_rehearsal { "would be imported" } else { "imported" };
            let rate = super::progress::rate(self.read(), took);
            let others = if no_users == 0 { String::new() } else { format!(", {no_users} other records") };
            format!(
                "{imported} {verb} ({administrators} of them administrators), {already_there} already there, \
                 {refused} refused{others}; {:.1} s, {rate} users a second\n",
                took.as_secs_f64()
            )
        };
        super::super::answer(text.as_bytes())?;
        Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Refusals that are told without a report.
const SHOWN: u64 = 20;

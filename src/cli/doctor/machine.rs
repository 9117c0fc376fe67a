//! The machine: how fast it hashes, who can read its files, how much room there is, how long the disk takes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::finding::{Finding, Verdict};
use crate::config::{Config, DatabaseUrl, Loaded, Origin, root_secret};
use crate::crypto::{Cost, Hasher, HasherSettings};
use crate::domain::Password;

/// Signs in as many at a time as there are lanes, once alone and then all together.
pub(super) async fn hashing(config: &Config) -> anyhow::Result<Finding> {
    const CHECK: &str = "hashing";
    let threads = NonZeroU32::try_from(config.hashing_threads())?;
    let cost = Cost::new(u8::try_from(config.passwords.bcrypt_cost)?)?;
    // What is measured must not be refused, however slow this machine is.
    let hasher = Hasher::start(HasherSettings { cost, threads, longest_wait: Duration::from_mins(5) })?;
    let password = Password::presented("a password that is nobody's".to_owned());
    let began = Instant::now();
    let _alone = hasher.verify(&password, None).await?;
    let alone = began.elapsed();
    let lanes = u32::try_from(hasher.stats().lanes)?;
    let began = Instant::now();
    for outcome in join_all((0..lanes).map(|_| hasher.verify(&password, None))).await {
        outcome?;
    }
    let rate = f64::from(lanes) / began.elapsed().as_secs_f64();
    let says = format!(
        "about {rate:.1} logins a second ({threads} threads, cost {}); one alone takes {} ms",
        cost.get(),
        alone.as_millis()
    );
    Ok(if alone > SLOW_LOGIN {
        Finding::notice(
            CHECK,
            says,
            "give it more or faster cores, or fewer neighbours; below cost 12 there is no safety",
        )
    } else {
        Finding::good(CHECK, says)
    })
}

/// What people notice at a login form.
const SLOW_LOGIN: Duration = Duration::from_secs(1);

/// Who can read what the service keeps in files.
pub(super) fn files(config: &Config) -> Vec<Finding> {
    let mut findings = vec![private("data", &config.service.data_dir, "0700")];
    if let DatabaseUrl::Sqlite(path) = config.database_url()
        && path.exists()
    {
        findings.push(private("data", &path, "0600"));
    }
    if let Some(key) = &config.http.tls_key {
        findings.push(private("tls", key, "0600"));
    }
    findings
}

/// Who can read the file that holds the root secret, if one does.
pub(super) fn root_secret(loaded: &Loaded) -> Option<Finding> {
    const CHECK: &str = "root secret";
    match loaded.origin("secret_key") {
        // The server refuses this one.
        Origin::Default => {
            let made = root_secret::path(&loaded.config.service.data_dir);
            made.exists().then(|| private(CHECK, &made, "0600"))
        }
        // It takes this one: a container, or whatever else hands out secrets, may have its reasons.
        Origin::Variable(variable) if variable.ends_with("_FILE") => {
            let finding = private(CHECK, Path::new(&std::env::var_os(variable)?), "0600");
            let verdict = if finding.verdict == Verdict::Bad { Verdict::Notice } else { finding.verdict };
            Some(Finding { verdict, ..finding })
        }
        Origin::Variable(_) | Origin::File { .. } | Origin::Flag(_) => None,
    }
}

fn private(check: &'static str, path: &Path, mode: &str) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::notice(check, format!("{shown} is not there"), "the server makes it at its first start")
        }
        Err(error) => Finding::bad(check, format!("{shown}: {error}"), "run this as the user that the server runs as"),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let permissions = metadata.permissions().mode() & 0o777;
            Finding::bad(
                check,
                format!("other users of this machine may use {shown} (mode {permissions:04o})"),
                format!("chmod {mode} {shown}"),
            )
        }
        Ok(metadata) => Finding::good(check, format!("{shown} is its owner's alone (user {})", metadata.uid())),
    }
}

/// How much room there is where the service writes, and how long a commit waits there.
pub(super) fn disk(config: &Config) -> Vec<Finding> {
    let database = match config.database_url() {
        DatabaseUrl::Sqlite(path) => path.parent().map(Path::to_owned),
        DatabaseUrl::SqliteInMemory | DatabaseUrl::Postgres(_) => None,
    };
    let directory = database.unwrap_or_else(|| config.service.data_dir.clone());
    if !directory.exists() {
        return Vec::new();
    }
    vec![room(&directory), commit(&directory)]
}

fn room(directory: &Path) -> Finding {
    const CHECK: &str = "disk";
    let shown = directory.display();
    let free = match rustix::fs::statvfs(directory) {
        Ok(system) => system.f_bavail.saturating_mul(system.f_frsize) >> 20,
        Err(error) => return Finding::bad(CHECK, format!("{shown}: {error}"), "mount it, or set COUNTERSIGN_DATA_DIR"),
    };
    let says = format!("{free} MiB free in {shown}");
    let advice = "free some, or move the database: a full disk keeps everybody from signing in";
    match free {
        0..TOO_LITTLE_MIB => Finding::bad(CHECK, says, advice),
        TOO_LITTLE_MIB..LITTLE_MIB => Finding::notice(CHECK, says, advice),
        _ => Finding::good(CHECK, says),
    }
}

/// The log of a busy SQLite database, some times over.
const TOO_LITTLE_MIB: u64 = 100;
/// A million users with their sessions, and a backup beside them.
const LITTLE_MIB: u64 = 1024;

fn commit(directory: &Path) -> Finding {
    const CHECK: &str = "disk";
    let shown = directory.display();
    match flush_time(directory) {
        Err(error) => Finding::bad(
            CHECK,
            format!("nothing can be written to {shown}: {error}"),
            "give the directory to the user that the server runs as, or set COUNTERSIGN_DATA_DIR",
        ),
        Ok(took) => {
            let says = format!("a commit waits about {:.1} ms for the disk", took.as_secs_f64() * 1e3);
            if took > SLOW_DISK {
                Finding::notice(CHECK, says, "use a local solid-state disk: every login waits for one commit")
            } else {
                Finding::good(CHECK, says)
            }
        }
    }
}

/// A network drive or a worn card takes longer; local disks take 0.1 to 20 ms.
const SLOW_DISK: Duration = Duration::from_millis(50);

/// The middle one of five times in which a few bytes reach the disk.
fn flush_time(directory: &Path) -> io::Result<Duration> {
    let path = directory.join(format!(".countersign-doctor-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let mut measure = || -> io::Result<Duration> {
        let began = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    let times: io::Result<Vec<_>> = (0..5).map(|_| measure()).collect();
    fs::remove_file(&path)?;
    let mut times = times?;
    times.sort_unstable();
    times.get(2).copied().ok_or_else(|| io::ErrorKind::Other.into())
}

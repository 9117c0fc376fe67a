//! The database: whether it answers, whether it is ours to open, and what its keys and its clock say.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::finding::Finding;
use crate::clock::Clock;
use crate::config::{
    Config, DatabaseUrl,
    root_secret::{self, RootSecretError},
};
use crate::crypto::seal::Sealer;
use crate::database::{self, Database, DatabaseError, DatabaseSettings, Engine, Migration};
use crate::domain::Timestamp;
use crate::keys::{self, Keeper};
use crate::models::signing_key::{SigningKey, State};

const CHECK: &str = "database";

/// Says so if the way to the database is not what its operator may believe.
///
/// libpq's default, `prefer`, would not be better: it takes TLS where it is offered, from anybody, and goes on without.
pub(super) fn way(config: &Config) -> Option<Finding> {
    let url = config.database_url();
    url.is_in_the_clear_unasked().then(|| {
        let says =
            format!("{url} is spoken with in the clear: its URL does not say sslmode, and the default is disable");
        Finding::notice(CHECK, says, WITH_TLS)
    })
}

const WITH_TLS: &str = "end it with ?sslmode=verify-full, and &sslrootcert=/path/ca.pem if the authority is your own; \
                        or with ?sslmode=disable if that network is yours alone";

/// Looks at the database, as far as one can get.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let url = config.database_url();
    if let DatabaseUrl::Sqlite(path) = &url {
        let shown = path.display();
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => {
                let says = format!("there is no database at {shown}");
                return vec![Finding::notice(CHECK, says, "the server makes it at its first start")];
            }
            Err(error) => {
                let advice = "run this as the user that the server runs as";
                return vec![Finding::bad(CHECK, format!("{shown}: {error}"), advice)];
            }
        }
    }
    let settings = DatabaseSettings { connect_timeout: PATIENCE, ..config.into() };
    let database = match Database::connect(&settings).await {
        Ok(database) => database,
        Err(error) => return vec![unreachable(&url, &error)],
    };
    let mut findings = Vec::new();
    match latency(&database).await {
        Ok(finding) => findings.push(finding),
        Err(error) => return vec![unreachable(&url, &error)],
    }
    findings.extend(durability(&database).await);
    findings.extend(clock(&database).await);
    match database.migrations().await {
        Ok(migrations) => {
            let is_current = migrations.iter().all(|migration| migration.applied_at.is_some());
            findings.push(schema(&migrations));
            if is_current {
                findings.extend(keys(config, &database).await);
            }
        }
        Err(error) => {
            let advice = "start the release that wrote it, or give this one a database of its own";
            findings.push(Finding::bad(CHECK, error.to_string(), advice));
        }
    }
    findings
}

/// A server that is up answers in less; one that is not shall not be waited for as long as at a start.
const PATIENCE: Duration = Duration::from_secs(5);

fn unreachable(url: &DatabaseUrl, error: &DatabaseError) -> Finding {
    let url = database::DatabaseUrl::from(url.clone());
    let advice = "start it, or correct DATABASE_URL: its host, port, user, password and name";
    Finding::bad(CHECK, format!("{url} cannot be used: {error}"), advice)
}

/// How long a question takes, the middle one of many.
async fn latency(database: &Database) -> Result<Finding, DatabaseError> {
    // The first opens connections.
    database.ping().await?;
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let began = Instant::now();
        database.ping().await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let middle = times.get(PINGS / 2).copied().unwrap_or_default();
    let says = format!("{} answers in {}", database.engine(), in_words(middle));
    Ok(if middle > SLOW_ANSWER {
        Finding::notice(CHECK, says, "bring the database nearer: every request waits for one answer or more")
    } else {
        Finding::good(CHECK, says)
    })
}

/// An embedded database answers in millionths of a second, one on a server in thousandths.
fn in_words(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        _ => format!("{:.2} ms", time.as_secs_f64() * 1e3),
    }
}

const PINGS: usize = 21;
/// Another region; within one it is about a millisecond.
const SLOW_ANSWER: Duration = Duration::from_millis(20);

/// Whether it keeps what it has acknowledged.
async fn durability(database: &Database) -> Option<Finding> {
    let careless = database.careless_settings().await.ok()?.join(", ");
    if careless.is_empty() {
        return Some(Finding::good(CHECK, "what it acknowledges is on its disk"));
    }
    let says = format!("{careless} = off: a crash of the server can undo a logout that was acknowledged");
    Some(Finding::bad(CHECK, says, "turn that on in postgresql.conf, and where database or role say otherwise"))
}

/// How far our clock is from that of a server that other nodes share.
async fn clock(database: &Database) -> Option<Finding> {
    if database.engine() == Engine::Sqlite {
        return None;
    }
    let before = Clock::system().now();
    let theirs = database.unix_millis().await.ok()?;
    let apart = theirs.abs_diff(before.as_unix_millis());
    Some(apart_by("the database server", Duration::from_millis(apart)))
}

/// What a difference between two clocks means.
pub(super) fn apart_by(whom: &str, apart: Duration) -> Finding {
    const CHECK: &str = "clock";
    let says = format!("this clock and that of {whom} are {} ms apart", apart.as_millis());
    let advice = "let both follow a time server (chrony, systemd-timesyncd)";
    if apart >= CLOCK_BAD {
        Finding::bad(CHECK, says, advice)
    } else if apart >= CLOCK_NOTICE {
        Finding::notice(CHECK, says, advice)
    } else {
        Finding::good(CHECK, says)
    }
}

/// A time server keeps clocks within milliseconds; a slow answer looks like a difference, too.
const CLOCK_NOTICE: Duration = Duration::from_secs(2);
/// Verifiers allow thirty seconds at most: behind it, tokens are refused as not yet valid.
const CLOCK_BAD: Duration = Duration::from_secs(10);

fn schema(migrations: &[Migration]) -> Finding {
    let missing: Vec<&str> =
        migrations.iter().filter(|migration| migration.applied_at.is_none()).map(|migration| migration.name).collect();
    match missing.as_slice() {
        [] => Finding::good(CHECK, format!("the schema is up to date ({} migrations)", migrations.len())),
        missing => {
            let advice = "countersign migrate does it, and so does the server when it starts";
            Finding::notice(CHECK, format!("the schema lacks {}", missing.join(", ")), advice)
        }
    }
}

/// Whether the root secret opens what is sealed, and how old the key is that signs.
async fn keys(config: &Config, database: &Database) -> Vec<Finding> {
    let mut findings = Vec::new();
    let now = Clock::system().now();
    let opened = async {
        let secrets = root_secret::existing(config)?.context("there is no root secret")?;
        let sealer = Sealer::under(&secrets)?;
        keys::prove(Keeper { database, sealer: &sealer, config, issuer: "", audience: "", now }).await?;
        anyhow::Ok(())
    };
    match opened.await {
        Ok(()) => findings.push(Finding::good("root secret", "it opens what is sealed in the database")),
        // Told with the files.
        Err(error) if matches!(error.downcast_ref(), Some(RootSecretError::Open(_))) => {}
        Err(error) => findings.push(Finding::bad(
            "root secret",
            format!("{error:#}"),
            "give the one that the database was made with; a copy is worth as much as a backup",
        )),
    }
    match SigningKey::all(database).await {
        Ok(keys) => findings.push(age(config, &keys, now)),
        Err(error) => findings.push(Finding::bad("keys", error.to_string(), "see the finding about the database")),
    }
    findings
}

fn age(config: &Config, keys: &[SigningKey], now: Timestamp) -> Finding {
    const CHECK: &str = "keys";
    let Some(active) = keys.iter().find(|key| key.state == State::Active) else {
        return Finding::notice(
            CHECK,
            "no key signs tokens",
            "the server makes one at its first start, unless it is HS256",
        );
    };
    let days = now.since(active.activates_at).as_secs() / 86_400;
    let says = format!("{} ({}) has been signing for {days} days", active.kid, active.algorithm);
    let planned = u64::from(config.keys.rotate_after_seconds);
    // A server that runs rotates within the hour; twice the age means that none has, or that it cannot.
    if planned > 0 && now.since(active.activates_at).as_secs() > 2 * planned {
        let advice = "the timetable was not kept: see that a server runs, or `countersign keys rotate`";
        return Finding::notice(CHECK, says, advice);
    }
    Finding::good(CHECK, says)
}

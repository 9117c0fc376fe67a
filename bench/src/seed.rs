//! Users by the million: rows under one prepared hash, each with an open session.

use std::{
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, ensure};
use countersign_token::{Claims, Signer, Uuid};
use rusqlite::{Connection, params};

use crate::{service::JWT_SECRET, visitor::PASSWORD};

/// Ids of seeded sessions count up from here: a UUID of version 7 of November 2026.
const FIRST_SESSION: u128 = 0x019a_b000_0000_7000_8000_0000_0000_0000;
/// Ids of seeded users count up from here, out of the way of those who register.
const FIRST_USER: u32 = 1_000_000_000;
const DAY: i64 = 86_400_000;

/// The name of a seeded user.
pub(crate) fn name(number: u32) -> String {
    format!("seeded-{number}")
}

/// Fills a file that the service has made.
pub(crate) fn sqlite(file: &Path, users: u32) -> anyhow::Result<()> {
    let hash = bcrypt::hash(PASSWORD, 12)?;
    let now = milliseconds()?;
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    {
        let mut user = transaction.prepare(
            "insert into users (id, email, username, hashed_password, created_at, updated_at)
             values (?1, ?2 || '@example.com', ?2, ?3, ?4, ?4)",
        )?;
        let mut session = transaction.prepare(
            "insert into sessions (id, user_id, secret_digest, refreshed_at, created_at, expires_at, ip)
             values (?1, ?2, randomblob(32), ?3, ?3, ?4, '127.0.0.1')",
        )?;
        for number in 0..users {
            let id = FIRST_USER + number;
            user.execute(params![id, name(number), hash, now])?;
            session.execute(params![session_id(number).as_bytes(), id, now, now + 90 * DAY])?;
        }
    }
    transaction.commit()?;
    // What the service would do with its log in time.
    connection.execute_batch("pragma wal_checkpoint(truncate); analyze")?;
    Ok(())
}

/// Fills a database that the service has made on a PostgreSQL server.
pub(crate) fn postgres(url: &str, users: u32) -> anyhow::Result<()> {
    let (hash, now) = (bcrypt::hash(PASSWORD, 12)?, milliseconds()?);
    let first = format!("{FIRST_SESSION:032x}");
    let prefix = first.get(..20).context("an id is longer")?;
    let sql = format!(
        "insert into users (id, email, username, hashed_password, created_at, updated_at)
         overriding system value
         select {FIRST_USER} + n, 'seeded-' || n || '@example.com', 'seeded-' || n, '{hash}', {now}, {now}
           from generate_series(0, {users} - 1) n;
         insert into sessions (id, user_id, secret_digest, refreshed_at, created_at, expires_at, ip)
         select decode('{prefix}' || lpad(to_hex(n), 12, '0'), 'hex'), {FIRST_USER} + n, decode(md5(n::text), 'hex'),
                {now}, {now}, {now} + {}, '127.0.0.1'
           from generate_series(0, {users} - 1) n;
         vacuum analyze",
        90 * DAY
    );
    let mut psql = Command::new("psql");
    psql.args([url, "--quiet", "--set", "ON_ERROR_STOP=1"]);
    for statement in sql.split(';') {
        psql.args(["--command", statement]);
    }
    ensure!(psql.status()?.success(), "the rows cannot be written");
    Ok(())
}

/// The access token of a seeded user, as a service under `JWT_SECRET` at this address would issue it.
pub(crate) fn access_token(issuer: &str, number: u32) -> anyhow::Result<String> {
    let now = milliseconds()? / 1000;
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: i64::from(FIRST_USER + number).into(),
        sid: session_id(number),
        jti: format!("seeded-{number}"),
        iat: now,
        nbf: now,
        exp: now + 1800,
        roles: Vec::new(),
    };
    Ok(Signer::from_secret(JWT_SECRET.as_bytes())?.sign(&claims)?)
}

/// The prefix of seeded session ids in hexadecimal; 12 digits of a number follow.
pub(crate) fn session_prefix() -> String {
    format!("{:020x}", FIRST_SESSION >> 48)
}

fn session_id(number: u32) -> Uuid {
    Uuid::from_u128(FIRST_SESSION + u128::from(number))
}

#[expect(clippy::disallowed_methods, reason = "tokens of seeded users are dated by the clock of the machine")]
fn milliseconds() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

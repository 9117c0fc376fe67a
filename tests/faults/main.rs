//! Real harm to the real program: it is killed, starved, frozen and lied to, and then what it had promised is counted.
//!
//! Each test starts the binary with an empty environment and a database of its own. `FAULT_ROUNDS` says how often
//! what depends on chance is done (2 unless it is set); `-- --nocapture` shows the counts.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot do its harm has failed"
)]

#[path = "../support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "no test here speaks TLS")]
#[path = "../support/postgres_server.rs"]
mod postgres_server;

mod home;
mod process;
mod visitor;

mod killed;
mod metrics;
mod postgres_outages;
mod secrets;
mod slow_clients;
mod sqlite_harm;
mod starting;
mod stopping;

/// How often to do what depends on chance.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn rounds() -> usize {
    std::env::var("FAULT_ROUNDS").map_or(2, |rounds| rounds.parse().expect("a number in FAULT_ROUNDS"))
}

//! Real harm to the real program: it is killed, starved, frozen and lied to, and then what it had promised is counted.
//!
//! Each test starts the binary with an empty environment and a database of its own. `FAULT_ROUNDS` says how often
//! what depends on chance is done (2 unless it is set), `FAULT_GUESSES`, `FAULT_ADDRESSES` and `FAULT_KEYS` how much of
//! what only numbers show; `-- --nocapture` shows the counts.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot do its harm has failed"
)]

#[path = "../support/nobody.rs"]
mod nobody;
#[path = "../support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "no test here speaks TLS to a database")]
#[path = "../support/postgres_server.rs"]
mod postgres_server;

#[expect(dead_code, reason = "not every manner is tried on a whole process")]
#[path = "../support/smtp_sink.rs"]
mod smtp_sink;

mod certificates;
mod collector;
mod home;
mod process;
mod secured;
mod visitor;

mod clock_jumps;
mod equal_times;
mod failover;
mod guesses;
mod http2;
mod killed;
mod letters;
mod metrics;
mod moved;
mod overload;
mod postgres_outages;
mod power_cut;
mod secrets;
mod service_manager;
mod slow_clients;
mod sqlite_harm;
mod starting;
mod stopping;
mod tls;
mod traces;

/// How often to do what depends on chance.
fn rounds() -> usize {
    setting("FAULT_ROUNDS", 2)
}

/// A number from the environment, or what is quick enough for every day.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn setting(name: &str, everyday: usize) -> usize {
    std::env::var(name).map_or(everyday, |number| number.parse().unwrap_or_else(|_| panic!("a number in {name}")))
}

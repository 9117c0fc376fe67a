//! The database engine against real SQLite files and a real PostgreSQL server.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what the tests themselves need")]

#[path = "../support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "no test here has a standby")]
#[path = "../support/postgres_server.rs"]
mod postgres_server;

mod faults;
mod groups;
mod migrations;
mod outages;
mod retries;
mod statements;
mod support;
mod transactions;

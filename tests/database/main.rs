//! The database engine against real SQLite files and a real PostgreSQL server.

#![expect(clippy::expect_used, reason = "what the tests themselves need")]

#[path = "../support/postgres.rs"]
mod postgres;

mod migrations;
mod statements;
mod support;
mod transactions;

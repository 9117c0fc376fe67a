//! The program as it is typed: exit codes, messages, and what it never prints.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot run its program has failed"
)]

mod absent;
mod commands;
mod copies;
mod doctor;
mod exports;
mod jobs;
mod keys;
mod mail;
mod moving;
mod precedence;
mod refusals;
mod secrecy;
mod support;
mod terminal;
mod tree;
mod user;

#[path = "../support/nobody.rs"]
mod nobody;
#[path = "../support/postgres.rs"]
mod postgres;

//! Nouns: a row each, and every statement about it.
//!
//! The only place where SQL is written. Nothing here knows the time, chance, hashing or mail: callers pass in
//! what they have decided. Reads take `&Database` or run inside a transaction, writes need one.

pub mod account;
pub mod account_failures;
pub mod address_failures;
pub mod audit_anchor;
pub mod audit_event;
mod columns;
mod end_reason;
pub mod imported_user;
pub mod job;
pub mod known_address;
pub mod one_time_code;
pub mod petition;
pub mod quota;
pub mod sealed_secret;
pub mod session;
pub mod signing_key;
pub mod user;

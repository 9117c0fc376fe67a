//! The circuit breaker: its rules as a table, its promises as properties, its threads in every order, and the ways
//! callers use it. Needs neither a database nor a server, so it is a binary of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking"
)]

mod calls;
mod interleavings;
mod layer;
mod monitor;
mod properties;
mod table;
mod world;

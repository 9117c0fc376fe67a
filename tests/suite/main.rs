//! The service as its users meet it: over real HTTP, on both engines, with a clock set by hand.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that is not answered has failed"
)]
#![expect(clippy::unchecked_time_subtraction, reason = "a moment before a day is over is no overflow")]

mod admin;
mod auth;
mod http;
mod keys;
mod mail;
#[path = "../support/nobody.rs"]
mod nobody;
mod oauth;
#[path = "../support/smtp_sink.rs"]
mod smtp_sink;
mod support;

//! The service as its users meet it: over real HTTP, on both engines, with a clock set by hand.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that is not answered has failed"
)]

mod auth;
mod http;
mod keys;
mod oauth;
mod support;

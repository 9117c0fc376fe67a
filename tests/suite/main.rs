//! The service as its users meet it: over real HTTP, on both engines, with a clock set by hand.

mod auth;
mod http;
mod support;

//! The crate as others use it: tokens made, verified, forged, and keys fetched over HTTP.

#![expect(clippy::unwrap_used, reason = "in a test, what fails to prepare should say where")]

mod round_trip;
mod support;

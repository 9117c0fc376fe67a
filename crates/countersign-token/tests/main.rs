//! The crate as others use it: tokens made, verified, forged, and keys fetched over HTTP.

#![expect(clippy::unwrap_used, reason = "in a test, what fails to prepare should say where")]

mod attacks;
mod current_user;
mod forgeries;
mod issuer;
mod mutations;
mod round_trip;
mod support;
mod vectors;

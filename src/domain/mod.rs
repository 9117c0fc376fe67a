//! Words that cannot be wrong: parsed once, then trusted.

pub mod client_address;

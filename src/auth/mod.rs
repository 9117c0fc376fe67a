//! What the service is for: registering, signing in, being recognised.
//!
//! A verb is a folder: `mod.rs` holds the operation and knows no HTTP, `routes.rs` is its face in JSON. Each rule
//! is written once, in the operation.

pub mod attempts;
pub mod change_password;
pub mod dependencies;
pub mod known_addresses;
pub mod limits;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod register;
pub mod sessions;
pub mod token;
pub mod tokens;

//! Words that cannot be wrong: parsed once at the door, then trusted.
//!
//! A word knows its own rule and nothing else: no I/O, no clock, no chance, no database, no HTTP. Every
//! error says which rule failed in words fit for a form (`Display`) and as a stable short `code()` that
//! clients may branch on.

mod client;
pub mod client_address;
mod email;
mod ids;
mod password;
mod roles;
mod schema;
mod timestamp;
mod username;

pub use client::Client;
pub use email::{Email, EmailError};
pub use ids::{IdError, SessionId, UserId};
pub use password::{NewPassword, Owner, Password, PasswordError};
pub use roles::{Roles, RolesError};
pub use timestamp::{Timestamp, TimestampError};
pub use username::{Username, UsernameError};

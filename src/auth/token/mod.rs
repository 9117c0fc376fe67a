//! The token endpoint of OAuth 2.0 (RFC 6749 §3.2): the faces of login and refresh that documentation pages and other
//! standard clients know.
//!
//! There are no rules here: [`login`](super::login) and [`refresh`](super::refresh) decide. RFC 9700 §2.4 advises against
//! the password grant, so it can be switched off, and is off by default for everyone but this machine.

mod error;
mod form;
pub mod routes;

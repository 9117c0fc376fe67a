//! Administration: what people with the role `admin`, and whoever runs the program, may do to the accounts of others.
//!
//! The interface and the command line call the same operations. Nobody but their owner learns or chooses a password by
//! the interface.

pub mod audit_events;
pub mod users;

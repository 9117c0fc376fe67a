//! What threads share, from the standard library.
//!
//! The rest of the breaker imports these names from here, so that the model checker in `tests/circuit_breaker` can
//! compile the same files over its own versions.

pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
pub(super) use std::sync::{Mutex, PoisonError};

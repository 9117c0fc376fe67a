//! Countersign: a self-hosted authentication service.

pub mod circuit_breaker;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod database;
pub mod domain;

//! Countersign: a self-hosted authentication service.

pub mod circuit_breaker;
pub mod config;
pub mod database;
pub mod domain;
pub mod limits;

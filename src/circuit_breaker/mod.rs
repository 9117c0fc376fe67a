//! A circuit breaker for whatever leaves the process.

//! The keys that sign: kept over restarts, replaced while the service runs.

mod algorithm;
mod load;
mod restart;
mod rotation;

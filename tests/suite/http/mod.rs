//! What holds for every path: bodies, methods, headers.

mod bodies;
mod metrics;
mod strays;

//! What holds for every path: bodies, methods, headers.

mod bodies;
mod cors;
mod document;
mod hosts;
mod https;
mod metrics;
mod security_headers;
mod strays;

//! What holds for every path: bodies, methods, headers.

mod bodies;
mod strays;

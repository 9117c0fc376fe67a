//! Metadata: the key set (RFC 7517 §5) and the description of this authorization server (RFC 8414).

pub mod routes;

//! What other services need to accept our tokens.

mod metadata;

//! What other services need to accept our tokens: the published keys and what there is to know about the issuer.

pub mod metadata;

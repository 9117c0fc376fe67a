//! A token's header: three members that are believed only as far as a key agrees.

use serde::Deserialize;

use crate::key::MAX_KID_BYTES;
use crate::{VerifyError, strict};

/// What is read of a token's header (RFC 7515 §4.1, RFC 9068 §2.1).
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: String,
    typ: String,
}

impl Header {
    /// Reads the header of an access token.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, VerifyError> {
        let members = strict::members(json).map_err(|_| VerifyError::Malformed)?;
        if REFUSED_MEMBERS.iter().any(|name| members.contains(*name)) {
            return Err(VerifyError::RefusedHeader);
        }
        let header: Self = serde_json::from_slice(json).map_err(|_| VerifyError::Malformed)?;
        if header.kid.len() > MAX_KID_BYTES {
            return Err(VerifyError::Malformed);
        }
        if !is_access_token(&header.typ) {
            return Err(VerifyError::WrongType);
        }
        Ok(header)
    }
}

/// RFC 9068 §4: `at+jwt`, also with `application/` before it; media types ignore case (RFC 7515 §4.1.9).
fn is_access_token(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
}

/// Members that would change how the token is read, or bring a key along: extensions (RFC 7515 §4.1.11), an unencoded
/// payload (RFC 7797), foreign keys (RFC 7515 §4.1.2 to §4.1.8, RFC 8725 §3.10), encryption and compression
/// (RFC 7516 §4.1). None is ever in a token of this service, so its presence alone is reason enough.
const REFUSED_MEMBERS: [&str; 11] = ["crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "enc", "zip", "epk"];

//! Access tokens, and the sessions that they are renewed from.

use countersign_token::Algorithm;

use super::secret::SharedSecret;
use super::section::section;
use super::setting::names;

section! {
    /// Access tokens, and the sessions that they are renewed from.
    pub struct Tokens in "tokens" {
        /// The algorithm that signs access tokens.
        ///
        /// `ES256`, `EdDSA` and `RS256` sign with a private key that the service makes and keeps; anyone verifies with
        /// the public key set. Under `HS256` whoever can verify a token can also make one: for services that share
        /// `jwt_secret` and nothing else.
        pub algorithm: Algorithm = Algorithm::Es256;

        /// The secret of HS256, at least 32 bytes, used exactly as written; read only with that algorithm.
        ///
        /// The variable `JWT_SECRET` sets it too.
        pub jwt_secret: Option<SharedSecret> = None;

        /// What every access token carries as `aud`, and every verifier checks.
        ///
        /// Default: the public address.
        pub audience: Option<String> = None;

        /// How long an access token is accepted, in seconds.
        ///
        /// The service itself asks the database whether the session is still open; other services accept a token until
        /// it expires, so this is how long they may take to notice that a session ended.
        pub access_ttl_seconds: u32 = 1800, in 1..=86_400;

        /// How far the clocks of issuer and verifier may differ, in seconds.
        ///
        /// Hosts that keep time by NTP agree within a second. RFC 7519 §4.1.4 asks for a few minutes at most; 30 seconds
        /// are the most allowed here.
        pub leeway_seconds: u32 = 5, in 0..=30;

        /// How long a session lives without being refreshed, in seconds: 14 days.
        pub refresh_idle_ttl_seconds: u32 = 1_209_600, in 1..=31_536_000;

        /// How long a session lives however often it is refreshed, in seconds: 90 days.
        pub refresh_absolute_ttl_seconds: u32 = 7_776_000, in 1..=157_680_000;

        /// Whether `POST /auth/token` takes a password (the OAuth password grant).
        ///
        /// Default: only on loopback, where the documentation page signs in with it. Behind a proxy on the same machine,
        /// set it to false: RFC 9700 §2.4 advises against it, because it accustoms people to typing their password into
        /// other programs.
        pub password_grant: Option<bool> = None;
    }
}

names! { Algorithm { "ES256" => Es256, "EdDSA" => EdDsa, "RS256" => Rs256, "HS256" => Hs256 } }

//! The HTTP server: whom it believes, and how long it waits.

use std::path::PathBuf;

use ipnet::IpNet;

use super::section::section;
use super::web_origin::WebOrigin;

section! {
    /// The HTTP server: whom it believes, how much it reads, and how long it waits.
    pub struct Http in "http" {
        /// The file with the certificate of this server and its chain, in PEM: the server then speaks TLS itself.
        ///
        /// It goes with `tls_key`. Both files are looked at every two seconds, and what they hold is shown to whoever
        /// connects next; a new pair that cannot be used is logged and the old one goes on.
        pub tls_cert: Option<PathBuf> = None;

        /// The file with the private key of the certificate, in PEM and without a passphrase.
        pub tls_key: Option<PathBuf> = None;

        /// Whether browsers that came over HTTPS shall also use HTTPS for every name below this one, for a year.
        ///
        /// Right for a name of its own, such as `auth.example.com`. Where the service lives at `example.com` itself it
        /// would bind every other host of the domain: set it to false unless all of them speak HTTPS.
        pub hsts_include_subdomains: bool = true;

        /// The origins whose pages may call this service from a browser: a list such as `https://app.example.com`.
        ///
        /// Compared exactly, with scheme and port. Pages that come from this service itself need no entry. Empty: no
        /// answer carries a CORS field, and browsers keep answers from other pages.
        pub cors_origins: Vec<WebOrigin> = Vec::new();

        /// The networks of the proxies in front of the service, as a list of CIDR ranges or addresses.
        ///
        /// A peer in one of them is believed when it tells the client's address in `X-Forwarded-For` or `Forwarded`;
        /// anyone else is the client itself. It is also believed about HTTPS (`X-Forwarded-Proto`). Name only what your proxies use: whoever is in these networks can claim
        /// any address, and so escape every limit that counts by address.
        pub trusted_proxies: Vec<IpNet> = Vec::new();

        /// The largest request body, in bytes; a larger one is answered 413.
        pub max_body_bytes: u32 = 64 * 1024, in 1024..=16_777_216;

        /// How long a client may take to send the head of a request, in seconds.
        pub header_timeout_seconds: u32 = 5, in 1..=300;

        /// How long a connection may rest between two requests, in seconds, and how long a client may take no more of an
        /// answer.
        ///
        /// A proxy that keeps connections should give them up sooner than this: nginx does after 60 s.
        pub idle_timeout_seconds: u32 = 75, in 1..=3600;

        /// How long a client may take to send the body of a request, in seconds.
        pub body_timeout_seconds: u32 = 10, in 1..=300;

        /// How long a request may take altogether, in seconds; then it is answered 408 or 503.
        pub request_timeout_seconds: u32 = 30, in 1..=300;

        /// How long a server that was told to end waits for requests in flight, in seconds.
        ///
        /// Who still waits for a password to be hashed hears 503 when nine tenths of it are over.
        ///
        /// Service managers wait longer than this before they kill: systemd 90 s, Kubernetes 30 s, Docker 10 s.
        pub shutdown_grace_seconds: u32 = 10, in 0..=300;
    }
}

impl Http {
    /// Tells whether the server speaks TLS itself.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.tls_cert.is_some()
    }
}

//! The HTTP server: whom it believes, and how long it waits.

use ipnet::IpNet;

use super::section::section;

section! {
    /// The HTTP server: whom it believes, how much it reads, and how long it waits.
    pub struct Http in "http" {
        /// The networks of the proxies in front of the service, as a list of CIDR ranges or addresses.
        ///
        /// A peer in one of them is believed when it tells the client's address in `X-Forwarded-For` or `Forwarded`;
        /// anyone else is the client itself. Name only what your proxies use: whoever is in these networks can claim
        /// any address, and so escape every limit that counts by address.
        pub trusted_proxies: Vec<IpNet> = Vec::new();

        /// The largest request body, in bytes; a larger one is answered 413.
        pub max_body_bytes: u32 = 64 * 1024, in 1024..=16_777_216;

        /// How long a client may take to send the head of a request, in seconds.
        pub header_timeout_seconds: u32 = 5, in 1..=300;

        /// How long a client may take to send the body of a request, in seconds.
        pub body_timeout_seconds: u32 = 10, in 1..=300;

        /// How long a request may take altogether, in seconds; then it is answered 408 or 503.
        pub request_timeout_seconds: u32 = 30, in 1..=300;

        /// How long a server that was told to end waits for requests in flight, in seconds.
        ///
        /// Service managers wait longer than this before they kill: systemd 90 s, Kubernetes 30 s, Docker 10 s.
        pub shutdown_grace_seconds: u32 = 10, in 0..=300;
    }
}

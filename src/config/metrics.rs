//! Metrics: where they can be read.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::section::section;

section! {
    /// Metrics for Prometheus, on a listener of their own.
    pub struct Metrics in "metrics" {
        /// The address at which `GET /metrics` is answered, over plain HTTP and to anyone who asks; off by default.
        ///
        /// Never the address of the service. Choose one that only your monitoring can reach: metrics hold no secrets
        /// and nobody's name, but tell how many people sign in and how close to its limits the service is. Port 0
        /// picks a free one, which is logged.
        pub listen: Option<SocketAddr> = None;
    }
}

impl Metrics {
    /// Tells whether more than this machine and its private networks may reach the metrics.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.listen.is_some_and(|listen| !is_private(listen.ip().to_canonical()))
    }
}

/// Loopback, and what RFC 1918, RFC 4193 and the link-local ranges keep from being routed. All interfaces are not.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address == Ipv6Addr::LOCALHOST || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_routed_is_private() {
        for (listen, is_exposed) in [
            ("127.0.0.1:9000", false),
            ("10.1.2.3:9000", false),
            ("[::1]:9000", false),
            ("[fd00::1]:9000", false),
            ("[::ffff:192.168.0.1]:9000", false),
            ("0.0.0.0:9000", true),
            ("[::]:9000", true),
            ("192.0.2.7:9000", true),
            ("[2001:db8::1]:9000", true),
        ] {
            let metrics = Metrics { listen: Some(listen.parse().unwrap()) };
            assert_eq!(metrics.is_exposed(), is_exposed, "{listen}");
        }
        assert!(!Metrics::default().is_exposed());
    }
}

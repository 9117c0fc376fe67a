//! Whose request it is: the address of the client, seen past the proxies that we trust.
//!
//! It believes the peer of the connection, and what trusted proxies wrote; what a client wrote itself stands to the
//! left of that and has no effect. It does not know where the list of trusted proxies comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// The address of a client, an IPv4 address always in its own form and never as IPv6.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientAddress(IpAddr);

/// The headers in which proxies write from whom they have a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForwardedHeaders<'a> {
    /// The values of `X-Forwarded-For`, in the order received. One that is not text stands here as an empty one.
    pub x_forwarded_for: &'a [&'a str],
    /// The values of `Forwarded` (RFC 7239), likewise.
    pub forwarded: &'a [&'a str],
}

impl ClientAddress {
    /// Finds the client: the peer, unless it is a trusted proxy; then the right-most entry of `X-Forwarded-For` or
    /// `Forwarded` that is not.
    ///
    /// An entry that is no address ends the search at the proxy that wrote it. So do two headers that disagree: a
    /// proxy fills in one and lets the client's own other one pass, and nobody can tell which is which. If every entry
    /// is trusted, the first one is where the request began.
    #[must_use]
    pub fn find(peer: IpAddr, headers: ForwardedHeaders<'_>, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
        if !is_trusted(peer) {
            return Self(peer);
        }
        let x_forwarded_for = first_untrusted(peer, entries(headers.x_forwarded_for).map(node), is_trusted);
        let forwarded = first_untrusted(peer, entries(headers.forwarded).map(node_of_element), is_trusted);
        match (headers.x_forwarded_for, headers.forwarded) {
            (_, []) => Self(x_forwarded_for),
            ([], _) => Self(forwarded),
            _ if x_forwarded_for == forwarded => Self(forwarded),
            _ => Self(peer),
        }
    }

    /// The address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// What limits count: an IPv4 address, or the /64 of an IPv6 address, because whoever has one address of it has
    /// all of them (RFC 6177).
    #[must_use]
    pub fn network(self) -> IpAddr {
        network(self.0)
    }
}

pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// Walks from proxy to proxy, away from us, for as long as they are trusted and say an address.
fn first_untrusted(
    peer: IpAddr,
    entries: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut nearest = peer;
    for address in entries.map_while(|entry| entry) {
        nearest = address;
        if !is_trusted(address) {
            break;
        }
    }
    nearest
}

/// The entries of all values as one list, the last first.
///
/// Commas in quotes separate as well. No address holds one, and a client that opens a quote must not swallow what the
/// proxy wrote behind it.
fn entries<'a>(values: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    values.iter().rev().flat_map(|value| value.rsplit(',')).map(str::trim)
}

/// The address in an element of `Forwarded` such as `for="[2001:db8::17]:4711";proto=https`.
fn node_of_element(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut named_for = pairs.by_ref().filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = named_for.next()?;
    if named_for.next().is_some() {
        return None;
    }
    let value = value.trim();
    match value.strip_prefix('"') {
        Some(quoted) => node(quoted.strip_suffix('"')?),
        None => node(value),
    }
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
///
/// `None` for a name, such as RFC 7239's `unknown` and `_hidden`.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Us, behind `10.0.0.0/8` and `fd00::/8`.
    #[test]
    fn the_client_is_the_right_most_entry_that_is_no_trusted_proxy() {
        #[rustfmt::skip]
        let table: &[(&str, &[&str], &[&str], &str)] = &[
            // peer            X-Forwarded-For                 Forwarded                    client
            ("203.0.113.9",    &[],                            &[],                         "203.0.113.9"),
            ("203.0.113.9",    &["192.0.2.1"],                 &["for=192.0.2.1"],          "203.0.113.9"),
            ("10.0.0.1",       &[],                            &[],                         "10.0.0.1"),
            ("10.0.0.1",       &["192.0.2.1"],                 &[],                         "192.0.2.1"),
            ("10.0.0.1",       &["6.6.6.6, 192.0.2.1"],        &[],                         "192.0.2.1"),
            ("10.0.0.1",       &["6.6.6.6", "192.0.2.1"],      &[],                         "192.0.2.1"),
            ("10.0.0.1",       &["6.6.6.6,192.0.2.1,10.9.9.9"],&[],                         "192.0.2.1"),
            ("10.0.0.1",       &["10.3.3.3, 10.2.2.2"],        &[],                         "10.3.3.3"),
            ("10.0.0.1",       &["192.0.2.1:4711"],            &[],                         "192.0.2.1"),
            ("10.0.0.1",       &["[2001:db8::1]:4711"],        &[],                         "2001:db8::1"),
            ("10.0.0.1",       &["2001:db8::1"],               &[],                         "2001:db8::1"),
            ("10.0.0.1",       &["::ffff:192.0.2.1"],          &[],                         "192.0.2.1"),
            ("10.0.0.1",       &["::ffff:10.1.1.1"],           &[],                         "10.1.1.1"),
            ("::ffff:10.0.0.1",&["192.0.2.1"],                 &[],                         "192.0.2.1"),
            ("fd00::1",        &["192.0.2.1"],                 &[],                         "192.0.2.1"),
            // what is no address ends the search at the proxy that wrote it
            ("10.0.0.1",       &[""],                          &[],                         "10.0.0.1"),
            ("10.0.0.1",       &["unknown"],                   &[],                         "10.0.0.1"),
            ("10.0.0.1",       &["192.0.2.1, nonsense"],       &[],                         "10.0.0.1"),
            ("10.0.0.1",       &["192.0.2.1, unknown, 10.2.2.2"],&[],                       "10.2.2.2"),
            ("10.0.0.1",       &["192.0.2.1,"],                &[],                         "10.0.0.1"),
            ("10.0.0.1",       &["192.0.2.256"],               &[],                         "10.0.0.1"),
            // RFC 7239
            ("10.0.0.1",       &[], &["for=192.0.2.1;proto=https;by=10.0.0.1"],             "192.0.2.1"),
            ("10.0.0.1",       &[], &["proto=https; For = 192.0.2.1"],                      "192.0.2.1"),
            ("10.0.0.1",       &[], &[r#"for="[2001:db8::17]:4711""#],                      "2001:db8::17"),
            ("10.0.0.1",       &[], &[r#"for="[2001:db8::17]""#],                           "2001:db8::17"),
            ("10.0.0.1",       &[], &["for=6.6.6.6, for=192.0.2.1", "for=10.2.2.2"],        "192.0.2.1"),
            ("10.0.0.1",       &[], &["for=_hidden"],                                       "10.0.0.1"),
            ("10.0.0.1",       &[], &["proto=https"],                                       "10.0.0.1"),
            ("10.0.0.1",       &[], &["for=6.6.6.6;for=192.0.2.1"],                         "10.0.0.1"),
            ("10.0.0.1",       &[], &[r#"for="192.0.2.1"#],                                 "10.0.0.1"),
            // a quote that a client opens and the proxy's entry closes
            ("10.0.0.1",       &[], &[r#"for=6.6.6.6;x=", for="[2001:db8::17]""#],          "2001:db8::17"),
            // both headers
            ("10.0.0.1",       &["192.0.2.1"],                 &["for=192.0.2.1"],          "192.0.2.1"),
            ("10.0.0.1",       &["192.0.2.1"],                 &["for=6.6.6.6"],            "10.0.0.1"),
        ];
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());

        for (peer, x_forwarded_for, forwarded, client) in table {
            let headers = ForwardedHeaders { x_forwarded_for, forwarded };
            let found = ClientAddress::find(peer.parse().unwrap(), headers, &trusted);
            assert_eq!(found.ip().to_string(), *client, "{peer} {headers:?}");
        }
    }

    #[test]
    fn without_trusted_proxies_the_headers_have_no_effect() {
        let headers = ForwardedHeaders { x_forwarded_for: &["192.0.2.1"], forwarded: &["for=192.0.2.1"] };

        let found = ClientAddress::find("127.0.0.1".parse().unwrap(), headers, &[]);

        assert_eq!(found.ip().to_string(), "127.0.0.1");
    }

    #[test]
    fn ipv6_is_counted_by_its_first_64_bits() {
        for (address, network) in
            [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("::ffff:192.0.2.1", "192.0.2.1")]
        {
            let client = ClientAddress::find(address.parse().unwrap(), ForwardedHeaders::default(), &[]);
            assert_eq!(client.network().to_string(), network);
        }
    }
}

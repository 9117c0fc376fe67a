//! Clients: whoever is at the other end of a request.

use std::net::IpAddr;

use super::client_address;

/// Where a request comes from, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address: the peer's, or what a trusted proxy says.
    pub ip: IpAddr,
    /// What the client calls itself, cut to a bearable length; never to be trusted.
    pub user_agent: Option<String>,
    /// The request, as the answer and the log name it.
    pub request_id: Option<String>,
}

impl Client {
    /// What limits count: an IPv4 address, or the /64 of an IPv6 address.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        client_address::network(self.ip)
    }
}

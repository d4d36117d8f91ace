//! The address of the client: the peer's, or the one that a trusted proxy speaks for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::fields::{self, Fields};
use crate::config::Network;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of the connection that a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// The peer noted in a request; an unspecified address if there is none.
    pub(super) fn of(extensions: &http::Extensions) -> IpAddr {
        extensions.get::<Self>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
    }
}

/// Whether a proxy has passed the request on, declared or not.
pub(super) fn is_passed_on(fields: &impl Fields) -> bool {
    [X_FORWARDED_FOR, "forwarded", "x-real-ip", "via"].iter().any(|name| fields.has(name))
}

/// Whether `address` is in one of `networks`.
pub(super) fn is_within(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The client that a request from `peer` comes from: the peer, unless it is a trusted proxy; then the
/// rightmost hop of `X-Forwarded-For` that is not one itself. What stands left of it anybody may have written.
pub(super) fn client(peer: IpAddr, fields: &impl Fields, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<&str> =
        fields.values(X_FORWARDED_FOR).map(|line| fields::text(line).unwrap_or_default()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_within(trusted, client) {
            break;
        }
        match parse_hop(hop.trim()) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// An address as proxies write it: bare, in brackets or with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|s| s.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn networks() -> Vec<Network> {
        [("10.0.0.0", 8), ("127.0.0.1", 32), ("fd00::", 8)]
            .map(|(address, bits)| Network { address: address.parse().unwrap(), bits })
            .into()
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        for (peer, forwarded, client_address) in [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
            ("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
            ("10.1.2.3", "10.9.9.9, 127.0.0.1", "10.9.9.9"),
            ("10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
            ("10.1.2.3", "[2001:db8::1]:4711", "2001:db8::1"),
            ("10.1.2.3", "[2001:db8::1]", "2001:db8::1"),
            ("10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"),
            ("10.1.2.3", "6.6.6.6, unknown", "10.1.2.3"),
            ("10.1.2.3", "", "10.1.2.3"),
            ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
            ("fd00::1", "198.51.100.1", "198.51.100.1"),
            ("fe00::1", "198.51.100.1", "fe00::1"),
        ] {
            let headers: HeaderMap =
                [(X_FORWARDED_FOR.parse().unwrap(), forwarded.parse().unwrap())]
                    .into_iter()
                    .collect();
            let found = client(peer.parse().unwrap(), &headers, &networks());
            assert_eq!(found, client_address.parse::<IpAddr>().unwrap(), "{peer} for {forwarded}");
        }
    }

    #[test]
    fn the_last_header_line_is_the_nearest_hop() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, "6.6.6.6".parse().unwrap());
        headers.append(X_FORWARDED_FOR, "198.51.100.1".parse().unwrap());
        let found = client("10.0.0.1".parse().unwrap(), &headers, &networks());
        assert_eq!(found.to_string(), "198.51.100.1");
    }

    #[test]
    fn a_network_of_no_bits_holds_everything_of_its_family() {
        let all = [Network { address: "0.0.0.0".parse().unwrap(), bits: 0 }];
        assert!(is_within(&all, "203.0.113.1".parse().unwrap()));
        assert!(!is_within(&all, "2001:db8::1".parse().unwrap()));
    }
}

//! Addresses that clients can use, and the note about a closed control API.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::server::control::{ControlAccess, Options};

/// Addresses for documentation (RFC 5737 and RFC 3849), which no machine has. Connecting a datagram
/// socket to one sends nothing, but the system chooses the address to send from.
const ELSEWHERE: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(192, 0, 2, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
);

/// Returns the addresses that clients can use for a listener on every address of the machine: the
/// loopback address, and the one that other machines most likely reach. Empty for a listener on
/// one address.
pub(super) fn usable(bound: SocketAddr) -> Vec<SocketAddr> {
    let (loopback, elsewhere): (IpAddr, IpAddr) = match bound.ip() {
        ip if !ip.is_unspecified() => return Vec::new(),
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST.into(), ELSEWHERE.0.into()),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST.into(), ELSEWHERE.1.into()),
    };
    let own = UdpSocket::bind((bound.ip(), 0))
        .and_then(|socket| {
            socket.connect((elsewhere, 9))?;
            socket.local_addr()
        })
        .ok()
        .map(|address| address.ip());
    let own = own.filter(|own| !own.is_unspecified() && !own.is_loopback());
    [Some(loopback), own]
        .into_iter()
        .flatten()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

/// Returns a note if the control API is closed because other machines reach the server.
pub(super) fn closed(options: &Options) -> Option<String> {
    let is_closed = options.access == ControlAccess::Closed;
    (is_closed && !options.hosts.is_bound_to_loopback()).then(|| {
        format!(
            "the control API below `/_standin/` is closed, as other machines may reach {}\n  = help: `--control-token TOKEN` opens it to clients that send the token, and `--control-host NAME` to a host name other than localhost",
            options.hosts.shown()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_all_there_is_and_every_address_includes_loopback() {
        let one: SocketAddr = "127.0.0.1:4010".parse().expect("is one");
        assert_eq!(usable(one), []);
        let all: SocketAddr = "0.0.0.0:4010".parse().expect("is one");
        let found = usable(all);
        assert_eq!(found[0].to_string(), "127.0.0.1:4010");
        assert!(
            found
                .iter()
                .all(|address| address.port() == 4010 && !address.ip().is_unspecified())
        );
        let all: SocketAddr = "[::]:4010".parse().expect("is one");
        assert_eq!(usable(all)[0].to_string(), "[::1]:4010");
    }
}

//! Servers that single operations have for themselves, and the hosts among them that a proxy may contact.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::uri::Authority;

use crate::contract::Contract;
use crate::upstream::address::UpstreamAddress;

/// Most hosts of servers that are reported at the start.
const MOST_NOTICES: usize = 5;

/// Host, and port if one is given, that a proxy may contact (`--allow-upstream`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedHost(Authority);

/// Servers of operations that requests are forwarded to, instead of the URL of the proxy.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnServers {
    /// Addresses by the index of the operation.
    of_operations: HashMap<usize, Arc<UpstreamAddress>>,
    /// Hosts of servers that are not allowed, with the number of operations that name them.
    pub refused: BTreeMap<String, usize>,
    /// Allowed hosts that no operation names.
    pub unknown: Vec<String>,
}

impl AllowedHost {
    /// Parses `files.example.com` or `files.example.com:8443`.
    ///
    /// # Errors
    ///
    /// Returns what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected a host such as `files.example.com`, with a port if it is not that of all: `localhost:8080`".to_owned()
        };
        let authority: Authority = text.trim().parse().map_err(|_| expected())?;
        let is_host = !authority.as_str().contains('@') && !authority.host().contains('*');
        is_host.then_some(Self(authority)).ok_or_else(expected)
    }

    fn allows(&self, address: &UpstreamAddress) -> bool {
        let there = address.authority();
        let port = self.0.port_u16();
        self.0.host().eq_ignore_ascii_case(there.host())
            && port.is_none_or(|port| port == address.port())
    }
}

impl OwnServers {
    /// Returns the first allowed server of each operation that has servers of its own, apart from the host
    /// of `main`, whose path and port are those that the user chose.
    #[must_use]
    pub(crate) fn of(contract: &Contract, main: &UpstreamAddress, allowed: &[AllowedHost]) -> Self {
        let mut found = Self::default();
        let mut used = vec![false; allowed.len()];
        for (index, operation) in contract.operations.iter().enumerate() {
            let addresses = operation.own_servers.iter();
            let addresses: Vec<UpstreamAddress> = addresses
                .filter_map(|url| UpstreamAddress::parse(url).ok())
                .collect();
            let place =
                |address: &UpstreamAddress| allowed.iter().position(|host| host.allows(address));
            let chosen = addresses
                .iter()
                .find_map(|address| Some((place(address)?, address)));
            if let Some((place, address)) = chosen {
                used[place] = true;
                found.of_operations.insert(index, Arc::new(address.clone()));
            } else if let Some(first) = addresses.first()
                && !first.has_host_of(main)
            {
                let host = first.authority().to_string();
                *found.refused.entry(host).or_default() += 1;
            }
        }
        let all = allowed.iter().zip(used);
        found.unknown = all
            .filter(|(_, is_used)| !is_used)
            .map(|(host, _)| host.0.to_string())
            .collect();
        found
    }

    /// Returns the address that requests for an operation are forwarded to, if it is not that of the proxy.
    #[must_use]
    pub(crate) fn address(&self, operation: Option<usize>) -> Option<&Arc<UpstreamAddress>> {
        self.of_operations.get(&operation?)
    }

    /// Returns a sentence for each host that operations name and requests are not forwarded to, and for
    /// each allowed host that none names.
    #[must_use]
    pub(crate) fn notices(&self, main: &UpstreamAddress) -> Vec<String> {
        let refused = self.refused.iter().map(|(host, number)| {
            let subject = match number {
                1 => "1 operation has a server of its own",
                _ => &format!("{number} operations have a server of their own"),
            };
            format!(
                "{subject} at {host}; requests for it go to {main}, with `--allow-upstream {host}` they go there"
            )
        });
        let refused = refused.take(MOST_NOTICES);
        let unknown = self.unknown.iter();
        let unknown = unknown.map(|host| {
            format!("`--allow-upstream {host}`: no operation has a server at that host")
        });
        refused.chain(unknown).collect()
    }
}

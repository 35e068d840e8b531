//! Host names that requests may be sent to. A page can make its own host name resolve to this
//! machine (DNS rebinding), and then read and write data that only this machine should reach; so
//! `Host` must have a known name.
use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderValue, StatusCode};

use crate::codec::message::Request;
use crate::errors::problem::{Problem, ProblemKind};

/// Host names that the server answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Address that the server listens on, as it was given: `127.0.0.1`, `localhost`, `0.0.0.0`.
    pub bound: String,
    /// Other names of this machine (`--control-host`).
    pub names: Vec<String>,
    /// True if the API answers to any name, even if only this machine reaches it
    /// (`--allow-any-host`).
    pub any: bool,
}

impl Default for Hosts {
    fn default() -> Self {
        Self {
            bound: "127.0.0.1".to_owned(),
            names: Vec::new(),
            any: true,
        }
    }
}

impl Hosts {
    /// Returns true if only this machine reaches the server.
    #[must_use]
    pub fn is_bound_to_loopback(&self) -> bool {
        self.bound.eq_ignore_ascii_case("localhost")
            || address(&self.bound).is_some_and(is_loopback_address)
    }

    /// Checks that a request to the API is sent to a known name. An unknown name is refused only if
    /// the server listens on a loopback address without `--allow-any-host`.
    ///
    /// # Errors
    ///
    /// `Problem` 421, if the name is not known.
    pub(super) fn admit(&self, request: &Request) -> Result<(), Problem> {
        match host(request) {
            Some(host) if !self.any && self.is_bound_to_loopback() && !self.is_known(host) => {
                Err(misdirected(format!(
                    "the sandbox listens on `{}` only and answers to loopback names, not to `{}`; if that is another name of this machine, or a proxy's, start it with `--allow-any-host`",
                    self.bound,
                    shown(host)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a request to the control API is sent to a known name.
    ///
    /// # Errors
    ///
    /// `Problem` 421, if the name is not known.
    pub(super) fn admit_to_control(&self, request: &Request) -> Result<(), Problem> {
        match host(request) {
            Some(host) if !self.is_known(host) => {
                let host = shown(host);
                Err(misdirected(format!(
                    "the control API answers to loopback names and the address that is listened on, not to `{host}`; if that is another name of this machine, or a proxy's, start the sandbox with `--control-host {}`",
                    name(&host)
                )))
            }
            _ => Ok(()),
        }
    }

    fn is_known(&self, host: &str) -> bool {
        let name = name(host);
        let is = |known: &str| self::name(known).eq_ignore_ascii_case(name);
        if is_loopback(name) || is(&self.bound) || self.names.iter().any(|known| is(known)) {
            return true;
        }
        // The server then listens on every address of this machine, and a page cannot have an
        // address as its name.
        address(&self.bound).is_some_and(|bound| bound.is_unspecified()) && address(name).is_some()
    }
}

/// Returns true if a page of another origin sent the request (RFC 6454 §7): its `Origin` has
/// another host than the request.
pub(super) fn is_foreign(request: &Request) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else {
        return false;
    };
    let own = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, own)| own);
    match (own, host(request)) {
        (Some(own), Some(host)) => !own.eq_ignore_ascii_case(host),
        _ => true,
    }
}

/// Returns true if a browser says that a page of another origin sends a request that changes
/// something (Fetch Metadata, §2.3). Some requests of pages have no `Origin`, such as those that a
/// proxy or an extension took it from.
pub(super) fn is_change_from_page(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site");
    let is_own = site.is_none_or(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    !is_own && !request.method().is_safe()
}

/// Returns the host that a request is sent to, with its port (RFC 9112 §3.2.2: the authority in the
/// target precedes the `Host` field).
fn host(request: &Request) -> Option<&str> {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let field = || {
        request
            .headers()
            .get(HOST)
            .map(|host: &HeaderValue| host.to_str().unwrap_or("?"))
    };
    authority.or_else(field).filter(|host| !host.is_empty())
}

/// Returns a host without its port, the brackets of an address, and the dot of the root.
fn name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    let name = match host.split_once(':') {
        // An IPv6 address without brackets has no port.
        Some((name, rest)) if !rest.contains(':') => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// Returns true for `localhost`, names below it (RFC 6761 §6.3), and loopback addresses.
fn is_loopback(name: &str) -> bool {
    const LOCALHOST: &str = "localhost";
    if let Some(address) = address(name) {
        return is_loopback_address(address);
    }
    let start = name.len().saturating_sub(LOCALHOST.len());
    let end = name.get(start..).unwrap_or_default();
    end.eq_ignore_ascii_case(LOCALHOST) && (start == 0 || name[..start].ends_with('.'))
}

fn address(name: &str) -> Option<IpAddr> {
    self::name(name).parse().ok()
}

fn is_loopback_address(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns a host as a message repeats it: at most 100 characters.
fn shown(host: &str) -> String {
    const LONGEST: usize = 100;
    host.chars().take(LONGEST).collect()
}

fn misdirected(detail: String) -> Problem {
    Problem::new(
        ProblemKind::Misdirected,
        StatusCode::MISDIRECTED_REQUEST,
        detail,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_known_and_others_are_given() {
        let hosts = Hosts {
            bound: "127.0.0.1".to_owned(),
            names: vec!["box.internal".to_owned()],
            any: false,
        };
        for known in [
            "localhost",
            "LOCALHOST:4010",
            "a.localhost:1",
            "localhost.",
            "127.0.0.1:4010",
            "127.9.9.9",
        ] {
            assert!(hosts.is_known(known), "{known}");
        }
        for known in [
            "[::1]:4010",
            "[::ffff:127.0.0.1]",
            "box.internal",
            "Box.Internal:80",
        ] {
            assert!(hosts.is_known(known), "{known}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "xlocalhost",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "?",
        ] {
            assert!(!hosts.is_known(other), "{other}");
        }
        let bound = |bound: &str| Hosts {
            bound: bound.to_owned(),
            names: Vec::new(),
            any: false,
        };
        assert!(
            bound("10.0.0.1").is_known("10.0.0.1:4010") && !bound("10.0.0.1").is_known("10.0.0.2")
        );
        assert!(
            bound("0.0.0.0").is_known("192.168.1.5:4010") && bound("::").is_known("[fe80::1]:4010")
        );
        assert!(
            bound("api.local").is_known("api.local:4010")
                && !bound("0.0.0.0").is_known("evil.example")
        );
    }
}

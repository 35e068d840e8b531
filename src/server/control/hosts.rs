//! Host names that requests may be sent to. A page can make its own host name resolve to this
//! machine (DNS rebinding), and then read and write data that only this machine should reach; so
//! `Host` must have a known name, and the page that sends a request must be one of the sandbox.
use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderValue, StatusCode};

use crate::codec::message::Request;
use crate::errors::problem::{Problem, ProblemKind};

/// Host names that the server answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Addresses that the server listens on, as they were given: `127.0.0.1`, `localhost`, `0.0.0.0`; none
    /// if it only listens on sockets in the file system.
    pub bound: Vec<String>,
    /// Other names of this machine (`--control-host`).
    pub names: Vec<String>,
    /// True if the API answers to any name, even if only this machine reaches it
    /// (`--allow-any-host`).
    pub any: bool,
}

impl Default for Hosts {
    fn default() -> Self {
        Self {
            bound: vec!["127.0.0.1".to_owned()],
            names: Vec::new(),
            any: true,
        }
    }
}

impl Hosts {
    /// Returns true if only this machine reaches the server.
    #[must_use]
    pub fn is_bound_to_loopback(&self) -> bool {
        self.bound.iter().all(|bound| {
            bound.eq_ignore_ascii_case("localhost")
                || address(bound).is_some_and(is_loopback_address)
        })
    }

    /// Returns the addresses that the server listens on, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let quoted: Vec<String> = self
            .bound
            .iter()
            .map(|bound| format!("`{bound}`"))
            .collect();
        match quoted.as_slice() {
            [] => "a socket in the file system".to_owned(),
            quoted => quoted.join(" and "),
        }
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
                    "the sandbox listens on {} only and answers to loopback names, not to `{}`; if that is another name of this machine, or a proxy's, start it with `--allow-any-host`",
                    self.shown(),
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

    /// Returns the origin of the page that sent a request, if it is not one of this machine.
    pub(super) fn foreign_page(&self, request: &Request) -> Option<String> {
        let origin = request.headers().get(ORIGIN)?;
        let is_ours = host_of_origin(origin).is_some_and(|host| self.is_known(host));
        (!is_ours).then(|| String::from_utf8_lossy(origin.as_bytes()).into_owned())
    }

    /// Returns true if a page of another origin sent the request (RFC 6454 §7). Behind a proxy that
    /// changes `Host`, the browser or `--control-host` tells the sandbox's own pages.
    pub(super) fn is_foreign(&self, request: &Request) -> bool {
        let Some(origin) = request.headers().get(ORIGIN) else {
            return false;
        };
        let initiator = Initiator::of(request);
        // Browsers say this to `https` URLs and to localhost only. A page whose name was made to lead
        // to a proxy has neither: the certificate would be wrong.
        if initiator == Initiator::OwnPage {
            return false;
        }
        let (Some(page), Some(host)) = (host_of_origin(origin), host(request)) else {
            return true;
        };
        if page.eq_ignore_ascii_case(host) {
            return false;
        }
        initiator != Initiator::Unknown || !self.is_proxied(page, host)
    }

    /// Returns true if the host of a page is a name of `--control-host`, and a proxy may have
    /// changed `Host`: it has another name, or no port. With the same name and another port, the
    /// page is one of another server. Names of localhost need no exception, as browsers tell the
    /// sandbox's own pages there.
    fn is_proxied(&self, page: &str, host: &str) -> bool {
        let (page_name, host_name) = (name(page), name(host));
        let is_changed = host == host_name || !page_name.eq_ignore_ascii_case(host_name);
        is_changed && self.is_named(page_name) && !is_loopback(page_name)
    }

    /// Returns the reason why a page of another origin is refused; it names the option for a page
    /// behind a proxy if that would let it.
    pub(super) fn refusal(&self, request: &Request) -> String {
        const REFUSED: &str = "pages of other origins may not use the control API";
        let page = request.headers().get(ORIGIN).and_then(host_of_origin);
        let is_possible = |page: &&str| {
            Initiator::of(request) == Initiator::Unknown
                && !is_loopback(page)
                && !self.is_named(page)
        };
        match page.map(name).filter(is_possible).map(shown) {
            Some(page) => format!(
                "{REFUSED}; if `{page}` is a proxy before the sandbox, start the sandbox with `--control-host {page}`"
            ),
            None => REFUSED.to_owned(),
        }
    }

    /// Returns true for a name of `--control-host`.
    fn is_named(&self, name: &str) -> bool {
        let is = |known: &String| self::name(known).eq_ignore_ascii_case(name);
        self.names.iter().any(is)
    }

    fn is_known(&self, host: &str) -> bool {
        let name = name(host);
        let mut bound = self.bound.iter();
        let is_bound = bound.any(|bound| self::name(bound).eq_ignore_ascii_case(name));
        if is_loopback(name) || is_bound || self.is_named(name) {
            return true;
        }
        // The server then listens on every address of this machine, and a page cannot have an
        // address as its name.
        let is_any = |bound: &String| address(bound).is_some_and(|bound| bound.is_unspecified());
        self.bound.iter().any(is_any) && address(name).is_some()
    }
}

/// Returns true if a browser says that a page of another origin sends a request that changes
/// something. Some requests of pages have no `Origin`, such as those that a proxy or an extension
/// took it from.
pub(super) fn is_change_from_page(request: &Request) -> bool {
    Initiator::of(request) == Initiator::OtherPage && !request.method().is_safe()
}

/// Sender of a request, as its browser says in `Sec-Fetch-Site` (Fetch Metadata, §2.3). Scripts
/// cannot set this field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Initiator {
    /// No field: a client that is no browser, an older browser, or a request to an `http` URL of
    /// another host than localhost.
    Unknown,
    /// Page of the same origin: `same-origin`.
    OwnPage,
    /// Action of the user, such as a typed address: `none`.
    User,
    /// Page of another origin: `same-site` (also another port of the same host), `cross-site`, and
    /// all other values.
    OtherPage,
}

impl Initiator {
    fn of(request: &Request) -> Self {
        let mut sites = request.headers().get_all("sec-fetch-site").iter();
        match (sites.next().map(HeaderValue::as_bytes), sites.next()) {
            (None, _) => Self::Unknown,
            (Some(b"same-origin"), None) => Self::OwnPage,
            (Some(b"none"), None) => Self::User,
            _ => Self::OtherPage,
        }
    }
}

/// Returns the host that a page comes from, with its port; `None` for `null`.
fn host_of_origin(origin: &HeaderValue) -> Option<&str> {
    let (_scheme, host) = origin.to_str().ok()?.split_once("://")?;
    Some(host)
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
            bound: vec!["127.0.0.1".to_owned()],
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
            bound: vec![bound.to_owned()],
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

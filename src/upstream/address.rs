//! Address of a real API: `https://api.example.com/v2`.
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Scheme, host, port and base path of a real API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamAddress {
    scheme: Scheme,
    authority: Authority,
    /// Path before that of each request, without a slash at its end: `/v2`.
    base: String,
}

/// Text that is not the address of a real API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(
        "`{0}` is no URL of an API, expected one such as https://api.example.com or http://localhost:8080/v2"
    )]
    NotUrl(String),
    #[error("the URL of the API has the scheme `{0}`, expected `http` or `https`")]
    Scheme(String),
    #[error("the URL of the API has a user name or password; send them with the requests instead")]
    Credentials,
    #[error("the URL of the API has a query, expected only a host and a path")]
    Query,
}

impl UpstreamAddress {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`], if it is not an absolute `http` or `https` URL without credentials and query.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let not_url = || AddressError::NotUrl(text.to_owned());
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| not_url())?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(not_url());
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(AddressError::Scheme(scheme.to_string()));
        }
        if authority.as_str().contains('@') {
            return Err(AddressError::Credentials);
        }
        let target = parts
            .path_and_query
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        if target.query().is_some() {
            return Err(AddressError::Query);
        }
        Ok(Self {
            scheme,
            authority,
            base: target.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Returns true if a word looks like an address, and not like a file.
    #[must_use]
    pub(crate) fn is_like(word: &str) -> bool {
        let start = word.get(..8).unwrap_or(word).to_ascii_lowercase();
        start.starts_with("http://") || start.starts_with("https://")
    }

    /// Returns the URL of a request: the base path, then the path and the query as they were sent. `*`,
    /// which is about the whole server (RFC 9112 §3.2.4), has no base path.
    ///
    /// # Errors
    ///
    /// `http::Error`, if both together are longer than a URL may be.
    pub(crate) fn url(&self, target: &PathAndQuery) -> Result<Uri, http::Error> {
        let builder = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone());
        if self.base.is_empty() || !target.as_str().starts_with('/') {
            builder.path_and_query(target.clone())
        } else {
            builder.path_and_query(format!("{}{target}", self.base))
        }
        .build()
    }

    /// Returns a target without the base path of this address, if it begins with it.
    #[must_use]
    pub(crate) fn without_base(&self, target: PathAndQuery) -> PathAndQuery {
        let rest = target.as_str().strip_prefix(&self.base);
        let rest = rest.filter(|rest| !self.base.is_empty() && rest.starts_with('/'));
        rest.and_then(|rest| rest.parse().ok()).unwrap_or(target)
    }

    /// Returns the port.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        let default = if self.scheme == Scheme::HTTPS {
            443
        } else {
            80
        };
        self.authority.port_u16().unwrap_or(default)
    }

    /// Returns true if another address has the same host, whatever its port.
    #[must_use]
    pub(crate) fn has_host_of(&self, other: &Self) -> bool {
        let (own, other) = (self.authority.host(), other.authority.host());
        own.eq_ignore_ascii_case(other)
    }

    /// Returns true if connections use TLS.
    #[must_use]
    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Returns the value of `Host`: `api.example.com:8080`.
    #[must_use]
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl std::fmt::Display for UpstreamAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}://{}{}",
            self.scheme, self.authority, self.base
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str, target: &str) -> String {
        let address = UpstreamAddress::parse(address).expect("is an address");
        let target = target.parse().expect("is a target");
        address.url(&target).expect("is short").to_string()
    }

    #[test]
    fn the_path_of_a_request_follows_the_base_path_unchanged() {
        assert_eq!(
            url("https://a.example", "/pets?x=%20"),
            "https://a.example/pets?x=%20"
        );
        assert_eq!(
            url("http://localhost:8080/v2/", "/a//b%2Fc"),
            "http://localhost:8080/v2/a//b%2Fc"
        );
    }

    #[test]
    fn a_target_may_have_the_base_path_already() {
        let address = UpstreamAddress::parse("https://files.example/v1").expect("is an address");
        let without = |target: &str| {
            let target = target.parse().expect("is a target");
            address.without_base(target).to_string()
        };
        assert_eq!(without("/v1/files?x=1"), "/files?x=1");
        assert_eq!(without("/files"), "/files");
        assert_eq!(without("/v10/files"), "/v10/files");
        assert_eq!(without("/v1"), "/v1");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let refused = |text: &str| {
            UpstreamAddress::parse(text)
                .expect_err("is refused")
                .to_string()
        };
        assert!(refused("api.yaml").contains("`api.yaml` is no URL of an API"));
        assert!(refused("ftp://a.example").contains("scheme `ftp`"));
        assert!(refused("https://u:p@a.example").contains("user name or password"));
        assert!(!refused("https://u:p@a.example").contains("u:p"));
        assert!(refused("https://a.example/?k=1").contains("query"));
    }
}

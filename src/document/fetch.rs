//! Fetches the content of URIs from hosts that the user allowed; `cache` keeps it.
//!
//! This is the only file that names `ureq`, and the only one that reaches the network.
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use bytes::Bytes;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::document::cache::CacheEntry;
use crate::document::revision::{Revision, RevisionError};

/// Folders and hosts that documents may refer to, beside their own folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Folders, with everything below them (`--allow-path`).
    pub folders: Vec<PathBuf>,
    /// Hosts, such as `example.com` or `localhost:8080` (`--allow-host`).
    pub hosts: Vec<String>,
    /// Folder that caches fetched content (`--cache`).
    pub cache: Option<PathBuf>,
    /// Header fields that are sent to the origins in `named` (`--header`).
    pub headers: Vec<HeaderField>,
    /// Origins of the documents that the user named by URL: `https://example.com:443`.
    pub named: Vec<String>,
    /// Time until which hosts that do not answer yet are asked again (`--wait`).
    pub wait_until: Option<Instant>,
    /// PEM file of the one certificate authority that is trusted, instead of those that are usual.
    pub authority: Option<PathBuf>,
    /// True if the documents are loaded again: hosts are asked for what is in the cache too, and
    /// have less time to answer.
    pub is_reload: bool,
}

/// A header field to send.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// Name: `Authorization`.
    pub name: String,
    /// Value, often a secret.
    pub value: String,
}

impl fmt::Debug for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderField({}: …)", self.name)
    }
}

/// Content of a URI.
#[derive(Debug)]
pub(super) struct Fetched {
    pub bytes: Vec<u8>,
    /// Reason why the content is that of the cache, if its host cannot be reached.
    pub stale: Option<FetchError>,
    /// Place in the cache, if the content is not kept yet.
    pub unkept: Option<Unkept>,
}

/// Content that was fetched and is not in the cache. It is kept only once it has proved to be what
/// it should be, so that a broken answer does not replace a good one.
#[derive(Debug)]
pub(super) struct Unkept {
    entry: CacheEntry,
    /// Entity tag, if the host sent one.
    tag: Option<String>,
}

impl Unkept {
    /// Keeps the content, as text in UTF-8.
    pub(super) fn keep(self, text: &str) {
        self.entry.keep(text, self.tag.as_deref());
    }
}

/// Reason why the content of a URI cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum FetchError {
    /// Text that is not a URI, with the message of the parser.
    #[error("`{uri}` is not a URI: {why}")]
    NotUri { uri: String, why: String },
    /// URI with a scheme other than `http` and `https`.
    #[error("`{uri}` cannot be fetched: only `http` and `https` URLs can be")]
    Scheme { uri: String },
    /// URI with a user or a password, which is not repeated (RFC 9110 §4.2.4).
    #[error("a URL of `{host}` contains a user or a password")]
    UserInfo { host: String },
    /// Host that the user did not allow, with its port if it has one.
    #[error("nothing is fetched from the network unless `--allow-host {host}` allows it")]
    NotAllowed { host: String },
    /// Redirect to a URI that may not be fetched.
    #[error("`{uri}` leads to `{next}`; {why}")]
    Redirected {
        uri: String,
        next: String,
        why: Box<FetchError>,
    },
    /// Host that does not answer, with the message of the client.
    #[error("`{uri}` cannot be fetched: {why}")]
    Unreachable { uri: String, why: String },
    /// Failure that another attempt does not mend: of TLS, or of the protocol.
    #[error("`{uri}` cannot be fetched: {why}")]
    Failed { uri: String, why: String },
    /// Status of an answer that is no success.
    #[error("`{uri}` answers {status}")]
    Status {
        uri: String,
        status: ureq::http::StatusCode,
    },
    /// Answer 304 to a request without a condition.
    #[error("`{uri}` answers 304")]
    NotModified { uri: String },
    /// Content that is not complete or too large, with the message of the client.
    #[error("`{uri}` cannot be read: {why}")]
    Unreadable { uri: String, why: String },
    /// Redirects beyond the maximum number.
    #[error("`{uri}` is redirected more than {MOST_REDIRECTIONS} times")]
    Redirections { uri: String },
    /// File of a git revision that cannot be read.
    #[error("{0}")]
    Revision(#[from] RevisionError),
}

impl FetchError {
    /// Returns what the user can do.
    pub(super) fn help(&self) -> Option<&'static str> {
        match self {
            Self::UserInfo { .. } => {
                Some("leave them out, and send them with `--header 'Authorization: Basic …'`")
            }
            Self::Failed { why, .. } if why.to_ascii_lowercase().contains("certificate") => Some(
                "the certificate is not signed by a public authority; fetch the document with another tool, and name the file",
            ),
            Self::Unreachable { .. } => {
                Some("is the server running? `--wait 30s` waits until it answers")
            }
            Self::Status { status, .. } => match status.as_u16() {
                401 | 403 => Some("send credentials with `--header 'Authorization: Bearer …'`"),
                404 | 410 => Some(
                    "open the address in a browser, and name that of the document itself, such as …/openapi.json",
                ),
                500.. => Some("`--wait 30s` waits until the server answers"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns true if the host may answer later.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => status.is_server_error(),
            _ => false,
        }
    }
}

/// Timeout of one request, from connecting to the last byte; a slower answer is an error.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time that a host has to answer while documents are loaded again.
const RELOAD_PATIENCE: Duration = Duration::from_secs(3);

/// Maximum size of an answer in bytes: 64 MiB. A larger one is an error.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Maximum number of redirects in a row; more are an error. Each must lead to an allowed host.
const MOST_REDIRECTIONS: usize = 5;

/// Returns the content of a URI: from the cache, else from its host.
///
/// # Errors
///
/// Returns the reason why it cannot be had: the host is not allowed, does not answer, or answers
/// something else.
pub(super) fn fetch(uri: &str, access: &Access) -> Result<Fetched, FetchError> {
    allowed(uri, access)?;
    let entry = access
        .cache
        .as_deref()
        .map(|folder| CacheEntry::of(folder, uri));
    match entry.and_then(|entry| entry.read()) {
        Some(bytes) => Ok(Fetched::known(bytes)),
        None => fetch_anew(uri, access),
    }
}

/// Returns the content of a URI from its host. The host is asked whether the cached content is
/// still current (RFC 9110 §13.1.2); if it cannot be reached, the cached content is returned.
pub(super) fn fetch_anew(uri: &str, access: &Access) -> Result<Fetched, FetchError> {
    if let Some(revision) = Revision::of_uri(uri) {
        return Ok(Fetched::known(revision.read()?));
    }
    allowed(uri, access)?;
    let entry = access
        .cache
        .as_deref()
        .map(|folder| CacheEntry::of(folder, uri));
    let cached = entry.as_ref().and_then(CacheEntry::read);
    let tag = entry
        .as_ref()
        .filter(|_| cached.is_some())
        .and_then(CacheEntry::tag);
    let downloaded = loop {
        match download(uri, access, tag.as_deref()) {
            Err(error) if error.is_passing() && access.is_waiting() => thread::sleep(PAUSE),
            result => break result,
        }
    };
    match (downloaded, cached) {
        (Ok(Download::Content { bytes, tag }), _) => Ok(Fetched {
            bytes,
            stale: None,
            unkept: entry.map(|entry| Unkept { entry, tag }),
        }),
        (Ok(Download::Unchanged), Some(bytes)) => Ok(Fetched::known(bytes)),
        (Ok(Download::Unchanged), None) => Err(FetchError::NotModified {
            uri: uri.to_owned(),
        }),
        (Err(error), Some(bytes)) if error.is_passing() => Ok(Fetched {
            stale: Some(error),
            ..Fetched::known(bytes)
        }),
        (Err(error), _) => Err(error),
    }
}

impl Fetched {
    /// Returns content that needs no place in the cache.
    fn known(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            stale: None,
            unkept: None,
        }
    }
}

impl Access {
    /// Returns true if hosts that do not answer yet are asked again.
    fn is_waiting(&self) -> bool {
        self.wait_until.is_some_and(|end| Instant::now() < end)
    }
}

/// Pause between two attempts to reach a host.
const PAUSE: Duration = Duration::from_millis(250);

/// Answer of a host.
enum Download {
    Content {
        bytes: Vec<u8>,
        /// Entity tag, if the host sent one.
        tag: Option<String>,
    },
    /// The cached content is current.
    Unchanged,
}

/// Returns true for URLs of the schemes that can be fetched, in any case (RFC 3986 §3.1).
pub(crate) fn is_fetched(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

/// Returns the host of a URI, with its port if it has one.
pub(crate) fn host_of(uri: &str) -> Option<String> {
    let parsed: Uri = uri.parse().ok()?;
    let host = parsed.host()?;
    Some(match parsed.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Returns the origin of a URI (RFC 6454 §4), such as `https://example.com:443`.
pub(crate) fn origin_of(uri: &str) -> Option<String> {
    let parsed: Uri = uri.parse().ok()?;
    let scheme = parsed.scheme_str()?.to_ascii_lowercase();
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = parsed.port_u16().unwrap_or(usual);
    let host = parsed.host()?.to_ascii_lowercase();
    Some(format!("{scheme}://{host}:{port}"))
}

/// Version of the content at a URL.
#[derive(Debug, Clone)]
pub(crate) struct UrlVersion {
    /// Entity tag, if the host sends one (RFC 9110 §8.8.3).
    tag: Option<String>,
    /// Hash of the content.
    hash: u64,
}

impl UrlVersion {
    /// Returns true if both versions have the same content.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// Returns the version that a URL has now; `known` itself if the host says that it is current.
///
/// # Errors
///
/// Returns the reason why the content cannot be had.
pub(crate) fn version(
    uri: &str,
    access: &Access,
    known: Option<&UrlVersion>,
) -> Result<UrlVersion, FetchError> {
    allowed(uri, access)?;
    let tag = known.and_then(|known| known.tag.as_deref());
    match (download(uri, access, tag)?, known) {
        (Download::Content { bytes, tag }, _) => {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            let hash = hasher.finish();
            Ok(UrlVersion { tag, hash })
        }
        (Download::Unchanged, Some(known)) => Ok(known.clone()),
        (Download::Unchanged, None) => Err(FetchError::NotModified {
            uri: uri.to_owned(),
        }),
    }
}

/// Credentials for a running sandbox, and the authority that it is trusted by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    /// Header fields; no other origin gets them.
    pub headers: Vec<HeaderField>,
    /// PEM file of the one certificate authority that is trusted, instead of those that are usual.
    pub authority: Option<PathBuf>,
}

/// Returns the content of a URL that the user named, which is not cached.
///
/// # Errors
///
/// Returns the reason why it cannot be had: the host does not answer, or answers something else.
pub(crate) fn get(url: &str, credentials: &Credentials) -> Result<Vec<u8>, FetchError> {
    let access = Access {
        headers: credentials.headers.clone(),
        authority: credentials.authority.clone(),
        named: origin_of(url).into_iter().collect(),
        ..Access::default()
    };
    match download(url, &access, None)? {
        Download::Content { bytes, .. } => Ok(bytes),
        Download::Unchanged => Err(FetchError::NotModified {
            uri: url.to_owned(),
        }),
    }
}

/// Largest content of an answer to [`send`], in bytes.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Sends a request to a URL that the user named, and returns the answer, whatever its status. Redirects are
/// not followed.
///
/// # Errors
///
/// Returns the reason why there is no answer.
pub(crate) fn send(
    mut request: http::Request<Bytes>,
    credentials: &Credentials,
) -> Result<http::Response<Bytes>, FetchError> {
    for HeaderField { name, value } in &credentials.headers {
        let field = (
            http::HeaderName::try_from(name),
            http::HeaderValue::try_from(value),
        );
        if let (Ok(name), Ok(value)) = field {
            request.headers_mut().insert(name, value);
        }
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(trusting(credentials.authority.as_deref()))
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    let uri = request.uri().to_string();
    let response = agent
        .run(request.map(|content| content.to_vec()))
        .map_err(|error| not_fetched(&uri, &error))?;
    let (head, mut content) = response.into_parts();
    let content = content.with_config().limit(LARGEST_ANSWER).read_to_vec();
    let content = content.map_err(|error| FetchError::Unreadable {
        uri,
        why: error.to_string(),
    })?;
    Ok(http::Response::from_parts(head, content.into()))
}

/// Checks that the user allowed the host of a URI; the error names the option that would allow it.
fn allowed(uri: &str, access: &Access) -> Result<(), FetchError> {
    let parsed = Uri::try_from(uri).map_err(|error| FetchError::NotUri {
        uri: uri.to_owned(),
        why: error.to_string(),
    })?;
    if !is_fetched(uri) {
        return Err(FetchError::Scheme {
            uri: uri.to_owned(),
        });
    }
    let host = parsed.host().unwrap_or_default();
    let authority = parsed
        .authority()
        .map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(FetchError::UserInfo {
            host: host.to_owned(),
        });
    }
    // A port beyond 65535 is none for the parser.
    if authority.len() > host.len() + 1 && parsed.port_u16().is_none() {
        return Err(FetchError::NotUri {
            uri: uri.to_owned(),
            why: "its port is not a number up to 65535".to_owned(),
        });
    }
    let with_port = parsed.port_u16().map(|port| format!("{host}:{port}"));
    let is_allowed = |name: &String| {
        name.eq_ignore_ascii_case(host)
            || with_port
                .as_ref()
                .is_some_and(|full| full.eq_ignore_ascii_case(name))
    };
    if access.hosts.iter().any(is_allowed) {
        return Ok(());
    }
    Err(FetchError::NotAllowed {
        host: with_port.unwrap_or_else(|| host.to_owned()),
    })
}

/// Returns the configuration of TLS that trusts the authority in a file, or else those that are usual.
fn trusting(authority: Option<&Path>) -> TlsConfig {
    let text = authority.and_then(|file| std::fs::read(file).ok());
    let root = text.and_then(|text| Certificate::from_pem(&text).ok());
    let builder = TlsConfig::builder();
    match root {
        Some(root) => builder.root_certs(RootCerts::new_with_certs(&[root])),
        None => builder,
    }
    .build()
}

fn download(uri: &str, access: &Access, tag: Option<&str>) -> Result<Download, FetchError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(trusting(access.authority.as_deref()))
        .timeout_global(Some(if access.is_reload {
            RELOAD_PATIENCE
        } else {
            PATIENCE
        }))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into();
    let mut uri = uri.to_owned();
    for _ in 0..=MOST_REDIRECTIONS {
        let mut request = agent.get(&uri);
        // Credentials go to no origin that the user did not name, and not over plain HTTP if the
        // user named HTTPS.
        if origin_of(&uri).is_some_and(|origin| access.named.contains(&origin)) {
            for HeaderField { name, value } in &access.headers {
                request = request.header(name, value);
            }
        }
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        let mut response = request.call().map_err(|error| not_fetched(&uri, &error))?;
        let status = response.status();
        let field = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        if status.as_u16() == 304 {
            return Ok(Download::Unchanged);
        }
        if status.is_redirection()
            && let Some(to) = field("location")
        {
            let next = crate::document::identifier::absolute(&uri, &to);
            if let Err(why) = allowed(&next, access) {
                let why = Box::new(why);
                return Err(FetchError::Redirected { uri, next, why });
            }
            uri = next;
            continue;
        }
        if !status.is_success() {
            return Err(FetchError::Status { uri, status });
        }
        if let Some(coding) = field("content-encoding").filter(|coding| coding != "identity") {
            let why = format!("it is coded as `{coding}`, which was not asked for");
            return Err(FetchError::Unreadable { uri, why });
        }
        let tag = field("etag");
        let reader = response.body_mut().with_config().limit(LARGEST);
        return match reader.read_to_vec() {
            Ok(bytes) => Ok(Download::Content { bytes, tag }),
            Err(error) => Err(FetchError::Unreadable {
                uri,
                why: error.to_string(),
            }),
        };
    }
    Err(FetchError::Redirections { uri })
}

/// Returns the reason why a host gave no answer.
fn not_fetched(uri: &str, error: &ureq::Error) -> FetchError {
    let (uri, why) = (uri.to_owned(), error.to_string());
    match error {
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed => FetchError::Unreachable { uri, why },
        _ => FetchError::Failed { uri, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(hosts: &[&str]) -> Access {
        Access {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..Access::default()
        }
    }

    #[test]
    fn only_allowed_hosts_are_asked() {
        assert!(allowed("https://Example.com/a.yaml", &access(&["example.com"])).is_ok());
        assert!(allowed("http://localhost:8080/a", &access(&["localhost:8080"])).is_ok());
        assert!(allowed("http://localhost:8080/a", &access(&["localhost:81"])).is_err());
        assert!(allowed("https://example.com.evil.org/a", &access(&["example.com"])).is_err());
        assert!(allowed("https://example.com@evil.org/a", &access(&["example.com"])).is_err());
        assert!(allowed("https://example.com/a", &access(&[])).is_err());
    }

    #[test]
    fn what_is_no_plain_url_is_not_fetched() {
        let access = access(&["example.com"]);
        for refused in [
            "ftp://example.com/a",
            "file:///etc/passwd",
            "http://user:secret@example.com/a",
            "http://example.com:99999/a",
        ] {
            let error = allowed(refused, &access).expect_err(refused).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(allowed("HTTPS://EXAMPLE.com:8443/a", &access).is_ok());
        assert!(
            allowed(
                "http://[::1]:80/a",
                &Access {
                    hosts: vec!["[::1]".into()],
                    ..access
                }
            )
            .is_ok()
        );
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |uri| origin_of(uri).expect("it has one");
        assert_eq!(origin("https://Example.com/a"), "https://example.com:443");
        assert_eq!(origin("HTTPS://example.com:443"), "https://example.com:443");
        assert_ne!(
            origin("http://example.com/a"),
            origin("https://example.com/a")
        );
        assert_ne!(
            origin("http://example.com:81"),
            origin("http://example.com")
        );
    }
}

//! Fetches the content of URIs from hosts that the user allowed, and caches it in a folder.
//!
//! This is the only file that names `ureq`, and the only one that reaches the network.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ureq::http::Uri;

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
    /// Header fields that are sent to the hosts in `named` (`--header`), as name and value.
    pub headers: Vec<(String, String)>,
    /// Hosts of the documents that the user named by URL.
    pub named: Vec<String>,
    /// Time to wait for a host that does not answer yet (`--wait`).
    pub wait: Duration,
}

/// Content of a URI.
#[derive(Debug)]
pub(super) struct Fetched {
    pub bytes: Vec<u8>,
    /// Reason why the content is that of the cache, if its host cannot be reached.
    pub stale: Option<FetchError>,
}

/// Reason why the content of a URI cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum FetchError {
    /// Text that is not a URI, with the message of the parser.
    #[error("`{uri}` is not a URI: {why}")]
    NotUri { uri: String, why: String },
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
            Self::Unreachable { why, .. } if why.to_ascii_lowercase().contains("certificate") => {
                Some(
                    "the certificate is not signed by a public authority; fetch the document with another tool, and name the file",
                )
            }
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
pub(super) fn fetch(uri: &str, access: &Access) -> Result<Vec<u8>, FetchError> {
    allowed(uri, access)?;
    let kept = access.cache.as_deref().map(|folder| place(folder, uri));
    if let Some(bytes) = kept.as_ref().and_then(|path| fs::read(path).ok()) {
        return Ok(bytes);
    }
    let fetched = fetch_anew(uri, access)?;
    Ok(fetched.bytes)
}

/// Returns the content of a URI from its host. The host is asked whether the cached content is
/// still current (RFC 9110 §13.1.2); if it cannot be reached, the cached content is returned.
pub(super) fn fetch_anew(uri: &str, access: &Access) -> Result<Fetched, FetchError> {
    if let Some(revision) = Revision::of_uri(uri) {
        let bytes = revision.read()?;
        return Ok(Fetched { bytes, stale: None });
    }
    allowed(uri, access)?;
    let kept = access.cache.as_deref().map(|folder| place(folder, uri));
    let cached = kept.as_ref().and_then(|path| fs::read(path).ok());
    let tag = kept.as_ref().filter(|_| cached.is_some());
    let tag = tag.and_then(|path| fs::read_to_string(tag_of(path)).ok());
    let began = Instant::now();
    let downloaded = loop {
        match download(uri, access, tag.as_deref()) {
            Err(error) if error.is_passing() && began.elapsed() < access.wait => {
                thread::sleep(PAUSE);
            }
            result => break result,
        }
    };
    match (downloaded, cached) {
        (Ok(Download::Content { bytes, tag }), _) => {
            if let Some(path) = kept {
                // Without the cached file the next start fetches it again, which deserves no
                // message.
                let _kept = keep(&path, &bytes);
                let _tagged = match tag {
                    Some(tag) => keep(&tag_of(&path), tag.as_bytes()),
                    None => fs::remove_file(tag_of(&path)),
                };
            }
            Ok(Fetched { bytes, stale: None })
        }
        (Ok(Download::Unchanged), Some(bytes)) => Ok(Fetched { bytes, stale: None }),
        (Ok(Download::Unchanged), None) => Err(FetchError::Unreadable {
            uri: uri.to_owned(),
            why: "it is said to be unchanged, and is not in the cache".to_owned(),
        }),
        (Err(error), Some(bytes)) if error.is_passing() => Ok(Fetched {
            bytes,
            stale: Some(error),
        }),
        (Err(error), _) => Err(error),
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

/// Returns the host of a URI, with its port if it has one.
pub(crate) fn host_of(uri: &str) -> Option<String> {
    let parsed: Uri = uri.parse().ok()?;
    let host = parsed.host()?;
    Some(match parsed.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Returns the content of a URL that the user named, which is not cached.
///
/// # Errors
///
/// Returns the reason why it cannot be had: the host does not answer, or answers something else.
pub(crate) fn get(url: &str) -> Result<Vec<u8>, FetchError> {
    match download(url, &Access::default(), None)? {
        Download::Content { bytes, .. } => Ok(bytes),
        Download::Unchanged => Err(FetchError::NotModified {
            uri: url.to_owned(),
        }),
    }
}

/// Checks that the user allowed the host of a URI; the error names the option that would allow it.
fn allowed(uri: &str, access: &Access) -> Result<(), FetchError> {
    let parsed = Uri::try_from(uri).map_err(|error| FetchError::NotUri {
        uri: uri.to_owned(),
        why: error.to_string(),
    })?;
    let host = parsed.host().unwrap_or_default();
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

fn download(uri: &str, access: &Access, tag: Option<&str>) -> Result<Download, FetchError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into();
    let mut uri = uri.to_owned();
    for _ in 0..=MOST_REDIRECTIONS {
        let mut request = agent.get(&uri);
        // Credentials go to no host that the user did not name.
        if host_of(&uri).is_some_and(|host| access.named.contains(&host)) {
            for (name, value) in &access.headers {
                request = request.header(name, value);
            }
        }
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        let mut response = request.call().map_err(|error| FetchError::Unreachable {
            uri: uri.clone(),
            why: error.to_string(),
        })?;
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

/// Returns the file for the entity tag of a cached file.
fn tag_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".etag");
    name.into()
}

/// Returns the file of a URI in the cache: readable, and different for different URIs.
fn place(folder: &Path, uri: &str) -> PathBuf {
    const LONGEST: usize = 80;
    let hash = uri.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let plain = uri.split("://").nth(1).unwrap_or(uri).chars();
    let plain = plain.map(|c| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
            c
        } else {
            '_'
        }
    });
    folder.join(format!(
        "{}-{hash:016x}",
        plain.take(LONGEST).collect::<String>()
    ))
}

fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Write beside and rename, so that an interrupted start leaves no half-written file.
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    fs::write(&part, bytes)?;
    fs::rename(part, path)
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
    fn each_uri_has_a_file_of_its_own_inside_of_the_cache() {
        let folder = Path::new("/cache");
        let (a, b) = (
            place(folder, "https://e.com/../../a?x=1"),
            place(folder, "https://e.com/../../a?x=2"),
        );
        assert_ne!(a, b);
        assert_eq!(a.parent(), Some(folder));
    }
}

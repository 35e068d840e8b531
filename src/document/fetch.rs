//! Fetches the content of URIs from hosts that the user allowed, and caches it in a folder.
//!
//! This is the only file that names `ureq`, and the only one that reaches the network.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::Uri;

/// Folders and hosts that documents may refer to, beside their own folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Folders, with everything below them (`--allow-path`).
    pub folders: Vec<PathBuf>,
    /// Hosts, such as `example.com` or `localhost:8080` (`--allow-host`).
    pub hosts: Vec<String>,
    /// Folder that caches fetched content (`--cache`).
    pub cache: Option<PathBuf>,
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
/// Returns a message for users: the host is not allowed, does not answer, or answers something
/// else.
pub(super) fn fetch(uri: &str, access: &Access) -> Result<Vec<u8>, String> {
    allowed(uri, access)?;
    let kept = access.cache.as_deref().map(|folder| place(folder, uri));
    if let Some(bytes) = kept.as_ref().and_then(|path| fs::read(path).ok()) {
        return Ok(bytes);
    }
    let bytes = download(uri, access)?;
    if let Some(path) = kept {
        // Without the cached file the next start fetches it again, which deserves no message.
        let _kept = keep(&path, &bytes);
    }
    Ok(bytes)
}

/// Checks that the user allowed the host of a URI; the error names the option that would allow it.
fn allowed(uri: &str, access: &Access) -> Result<(), String> {
    let parsed: Uri = uri
        .parse()
        .map_err(|error| format!("`{uri}` is not a URI: {error}"))?;
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
    let name = with_port.as_deref().unwrap_or(host);
    Err(format!(
        "nothing is fetched from the network unless `--allow-host {name}` allows it"
    ))
}

fn download(uri: &str, access: &Access) -> Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into();
    let mut uri = uri.to_owned();
    for _ in 0..=MOST_REDIRECTIONS {
        let mut response = agent
            .get(&uri)
            .call()
            .map_err(|error| format!("`{uri}` cannot be fetched: {error}"))?;
        let status = response.status();
        if status.is_redirection()
            && let Some(to) = response
                .headers()
                .get("location")
                .and_then(|value| value.to_str().ok())
        {
            let next = crate::document::identifier::absolute(&uri, to);
            allowed(&next, access).map_err(|why| format!("`{uri}` leads to `{next}`; {why}"))?;
            uri = next;
            continue;
        }
        if !status.is_success() {
            return Err(format!("`{uri}` answers {status}"));
        }
        let reader = response.body_mut().with_config().limit(LARGEST);
        return reader
            .read_to_vec()
            .map_err(|error| format!("`{uri}` cannot be read: {error}"));
    }
    Err(format!(
        "`{uri}` is redirected more than {MOST_REDIRECTIONS} times"
    ))
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

//! URLs of recorded requests: scheme and host, and the path with its query.
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// URL that is split at its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitUrl {
    /// Scheme, host and port in lower case, without user and password: `https://api.example.com`.
    pub origin: String,
    /// Path and query, with the characters encoded that a URL does not allow.
    pub target: PathAndQuery,
}

/// Reason why a URL cannot be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UrlFault {
    /// Scheme other than `http` and `https`: `data`.
    Scheme(String),
    /// Text that is no absolute URL.
    NotAbsolute,
}

/// Characters that no URL has as they are (RFC 3986 §2); `%` stays, as the text is encoded already.
const UNUSUAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Splits an absolute URL of `http` or `https`.
pub(super) fn split(url: &str) -> Result<SplitUrl, UrlFault> {
    let url = url.trim();
    let (scheme, rest) = url.split_once(':').ok_or(UrlFault::NotAbsolute)?;
    let is_scheme = !scheme.is_empty()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme {
        return Err(UrlFault::NotAbsolute);
    }
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return Err(UrlFault::Scheme(scheme));
    }
    let rest = rest.strip_prefix("//").ok_or(UrlFault::NotAbsolute)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.is_empty() {
        return Err(UrlFault::NotAbsolute);
    }
    let host = host.to_ascii_lowercase();
    let usual_port = if scheme == "http" { ":80" } else { ":443" };
    let host = host.strip_suffix(usual_port).unwrap_or(&host);
    Ok(SplitUrl {
        origin: format!("{scheme}://{host}"),
        target: target_of(target).ok_or(UrlFault::NotAbsolute)?,
    })
}

/// Returns the path and query of the text after the host of a URL, without its fragment.
pub(super) fn target_of(text: &str) -> Option<PathAndQuery> {
    let text = text.split('#').next().unwrap_or_default();
    let encoded = utf8_percent_encode(text, UNUSUAL).to_string();
    let absolute = if encoded.starts_with('/') {
        encoded
    } else {
        format!("/{encoded}")
    };
    PathAndQuery::try_from(absolute).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Result<(String, String), UrlFault> {
        split(url).map(|split| (split.origin, split.target.to_string()))
    }

    fn pair(origin: &str, target: &str) -> (String, String) {
        (origin.to_owned(), target.to_owned())
    }

    #[test]
    fn urls_are_split_without_user_fragment_and_usual_port() {
        assert_eq!(
            parts("HTTPS://me:secret@API.example.com:443/v1/Pets?a=%20b#c"),
            Ok(pair("https://api.example.com", "/v1/Pets?a=%20b"))
        );
        assert_eq!(
            parts("http://[::1]:8080"),
            Ok(pair("http://[::1]:8080", "/"))
        );
        assert_eq!(parts("http://h?a=1"), Ok(pair("http://h", "/?a=1")));
    }

    #[test]
    fn characters_that_a_url_does_not_allow_are_encoded() {
        assert_eq!(
            parts("http://h/a b/é/{x}?q=\"1\""),
            Ok(pair("http://h", "/a%20b/%C3%A9/%7Bx%7D?q=%221%22"))
        );
    }

    #[test]
    fn other_urls_are_refused() {
        assert_eq!(
            parts("data:text/plain,x"),
            Err(UrlFault::Scheme("data".to_owned()))
        );
        for text in ["/pets", "", "http:/x", "http://", "{{base}}/x"] {
            assert_eq!(parts(text), Err(UrlFault::NotAbsolute), "{text}");
        }
    }
}

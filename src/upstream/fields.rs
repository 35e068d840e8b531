//! Header fields of a message for the next connection: those of the last one, and those that only
//! the sandbox reads, are not forwarded (RFC 9110 §7.6).
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, MAX_FORWARDS, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use hyper::body::Body;

/// Fields of one connection, beside those that `Connection` names.
const OF_CONNECTION: [HeaderName; 4] = [
    CONNECTION,
    TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Prefix of fields that the sandbox itself reads.
const OWN: &str = "standin-";

/// Cookie, and member of `Baggage`, that names a session of the sandbox.
const SESSION: &[u8] = b"standin-session";

/// The `Baggage` header field (W3C Baggage).
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Parameter behind a bearer token that names a session of the sandbox.
const BEHIND_TOKEN: &[u8] = b";session=";

/// The `Prefer` header field (RFC 7240 §2).
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Preferences that choose who answers, which is done when a request is forwarded.
const CHOICES: [&[u8]; 2] = [b"real", b"sandbox"];

/// Maximum length of the `Via` field that a loop is searched in, in bytes.
const LONGEST_VIA: usize = 16 * 1024;

/// Name of this proxy in `Via`: `standin-1f0c…`.
#[derive(Debug, Clone)]
pub(crate) struct ProxyName(String);

impl ProxyName {
    /// Creates a name that no other process has.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(format!("standin-{:016x}", rand::random::<u64>()))
    }

    /// Returns true if a request came through this proxy already, or through so many that it is not
    /// searched for.
    #[must_use]
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let length: usize = headers.get_all(VIA).iter().map(HeaderValue::len).sum();
        let lines = headers.get_all(VIA).iter();
        let mut hops = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        length > LONGEST_VIA
            || hops.any(|hop| hop.split_whitespace().nth(1) == Some(self.0.as_str()))
    }
}

/// Protocol that a request or a response upgrades its connection to: `websocket`.
#[must_use]
pub(crate) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let is_asked = connection_names(headers)
        .iter()
        .any(|name| name == "upgrade");
    headers.get(UPGRADE).filter(|_| is_asked).cloned()
}

/// Returns true if a request may not be forwarded any further: its recipient is to answer it
/// (RFC 9110 §7.6.2).
#[must_use]
pub(crate) fn is_at_its_end(method: &Method, headers: &HeaderMap) -> bool {
    forwards_left(method, headers) == Some(0)
}

/// Returns `Max-Forwards`, which only `TRACE` and `OPTIONS` have; `None` if it is no number.
fn forwards_left(method: &Method, headers: &HeaderMap) -> Option<u64> {
    if *method != Method::TRACE && *method != Method::OPTIONS {
        return None;
    }
    let text = headers.get(MAX_FORWARDS)?.to_str().ok()?;
    // `parse` would accept a sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Changes the header fields of a request for the next connection: removes those of the last one and
/// those of the sandbox, counts `Max-Forwards` down, and sets `Host` and `Via`. All others stay as
/// they are, in their order.
pub(crate) fn forward_request(head: &mut Parts, host: &Authority, name: &ProxyName) {
    let left = forwards_left(&head.method, &head.headers);
    let received = match head.version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        _ => "1.1",
    };
    let headers = &mut head.headers;
    let upgrade = upgrade(headers);
    let trailers = takes_trailers(headers);
    remove_fields_of_connection(headers);
    headers.remove(PROXY_AUTHORIZATION);
    headers.remove(TE);
    if upgrade.is_none() {
        headers.remove(UPGRADE);
    }
    remove_own_fields(headers);
    if head.version == Version::HTTP_2 {
        join_cookies(headers);
    }
    if trailers {
        // `TE` is itself of the connection (RFC 9110 §10.1.4).
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if upgrade.is_some() {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    if let Some(left) = left {
        headers.insert(MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    }
    if let Ok(host) = HeaderValue::from_str(host.as_str()) {
        headers.insert(HOST, host);
    }
    if let Ok(via) = HeaderValue::from_str(&format!("{received} {}", name.0)) {
        headers.append(VIA, via);
    }
}

/// Makes one line of the lines of `Cookie`, which HTTP/2 may send apart (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if lines.len() > 1
        && let Ok(line) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, line);
    }
}

/// Returns true if the client takes trailers (RFC 9110 §6.5.1).
fn takes_trailers(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(TE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// Removes what only the sandbox reads: its fields, its session in a cookie, in `Baggage` and behind a bearer
/// token, and the preferences that choose who answers.
fn remove_own_fields(headers: &mut HeaderMap) {
    remove_named_like_own(headers);
    let is_session = |member: &[u8]| {
        let name = member.split(|byte| *byte == b'=').next();
        name.unwrap_or_default().trim_ascii() == SESSION
    };
    // The session is read in the same way, and neither has quoted delimiters.
    remove_members(headers, &COOKIE, |line| plain(line, b';'), b";", is_session);
    remove_members(
        headers,
        &BAGGAGE,
        |line| plain(line, b','),
        b",",
        is_session,
    );
    remove_session_behind_token(headers);
    let is_choice = |preference: &[u8]| {
        let mut ends = preference.split(|byte| matches!(byte, b'=' | b';'));
        let name = ends.next().unwrap_or_default().trim_ascii();
        CHOICES
            .iter()
            .any(|choice| name.eq_ignore_ascii_case(choice))
    };
    remove_members(
        headers,
        &PREFER,
        |line| unquoted(line, b','),
        b",",
        is_choice,
    );
}

fn remove_named_like_own(headers: &mut HeaderMap) {
    let own: Vec<HeaderName> = headers
        .keys()
        .filter(|field| field.as_str().starts_with(OWN))
        .cloned()
        .collect();
    for field in own {
        headers.remove(field);
    }
}

fn remove_session_behind_token(headers: &mut HeaderMap) {
    let Some(value) = headers.get_mut(AUTHORIZATION) else {
        return;
    };
    let bytes = value.as_bytes();
    let is_bearer = bytes
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let mut places = bytes.windows(BEHIND_TOKEN.len());
    let end = places.position(|window| window == BEHIND_TOKEN);
    let token = end
        .filter(|_| is_bearer)
        .and_then(|end| HeaderValue::from_bytes(&bytes[..end]).ok());
    if let Some(token) = token {
        *value = token;
    }
}

/// Removes the members of a list that `is_own` accepts, and lines that have no others. All other lines
/// and members stay as they are.
fn remove_members(
    headers: &mut HeaderMap,
    field: &HeaderName,
    members: impl Fn(&[u8]) -> Vec<&[u8]>,
    delimiter: &[u8],
    is_own: impl Fn(&[u8]) -> bool,
) {
    let has_own = |line: &HeaderValue| members(line.as_bytes()).into_iter().any(&is_own);
    if !headers.get_all(field).iter().any(has_own) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(field).iter().cloned().collect();
    let mut left = lines.into_iter().filter_map(|line| {
        if !has_own(&line) {
            return Some(line);
        }
        let mut others = members(line.as_bytes());
        others.retain(|member| !is_own(member));
        let text = others.join(delimiter);
        let text = text.trim_ascii();
        // A part of a valid value is a valid value.
        HeaderValue::from_bytes(text)
            .ok()
            .filter(|_| !text.is_empty())
    });
    let Some(first) = left.next() else {
        headers.remove(field);
        return;
    };
    // To replace the first line keeps the place of the field.
    headers.insert(field, first);
    for line in left {
        headers.append(field, line);
    }
}

/// Splits at delimiters.
fn plain(line: &[u8], delimiter: u8) -> Vec<&[u8]> {
    line.split(|byte| *byte == delimiter).collect()
}

/// Splits at delimiters outside of quoted strings.
fn unquoted(line: &[u8], delimiter: u8) -> Vec<&[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let members = line.split(move |byte| {
        let ends = *byte == delimiter && !is_quoted;
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ => {}
        }
        ends
    });
    members.collect()
}

/// Returns a query without the preferences that choose who answers (`__real`, `__sandbox`); `None` if
/// it has none.
#[must_use]
pub(crate) fn query_without_choice(query: &str) -> Option<String> {
    let is_choice = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = name.strip_prefix("__").unwrap_or_default().as_bytes();
        CHOICES
            .iter()
            .any(|choice| name.eq_ignore_ascii_case(choice))
    };
    if !query.contains("__") || !query.split('&').any(|pair| is_choice(&pair)) {
        return None;
    }
    let others: Vec<&str> = query.split('&').filter(|pair| !is_choice(pair)).collect();
    Some(others.join("&"))
}

/// Announces a content without length: a client of HTTP/1.1 would not send it with GET, which seldom
/// has content. HTTP/2 has no such field.
pub(crate) fn announce_content(headers: &mut HeaderMap, content: &impl Body) {
    let has_length = content.size_hint().exact().is_some();
    if !content.is_end_stream() && !has_length && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// Removes the header fields of the connection from a response, and those that clients would take for fields of
/// the sandbox. Those of an upgrade stay.
pub(crate) fn forward_response(headers: &mut HeaderMap) {
    let upgrade = upgrade(headers);
    remove_fields_of_connection(headers);
    remove_named_like_own(headers);
    if upgrade.is_some() {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    } else {
        headers.remove(UPGRADE);
    }
}

fn remove_fields_of_connection(headers: &mut HeaderMap) {
    for name in connection_names(headers) {
        // A field that every recipient needs cannot be of the connection.
        let is_needed = [
            "host",
            "content-length",
            "content-type",
            "via",
            "te",
            "upgrade",
        ];
        if !is_needed.contains(&name.as_str()) {
            headers.remove(name.as_str());
        }
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        // The length is not that of the content (RFC 9112 §6.3).
        headers.remove(CONTENT_LENGTH);
    }
    for name in &OF_CONNECTION {
        headers.remove(name);
    }
}

/// Returns the names that `Connection` lists, in lower case.
fn connection_names(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(CONNECTION).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_not_forwarded() {
        let mut headers = fields(&[
            ("cookie", "a=1; standin-session=t; b=2"),
            ("baggage", "a=1,standin-session=t;ttl=1, b=2"),
            ("authorization", "Bearer abc.def;session=t"),
            ("standin-session", "t"),
        ]);
        remove_own_fields(&mut headers);
        let rest = fields(&[
            ("cookie", "a=1; b=2"),
            ("baggage", "a=1, b=2"),
            ("authorization", "Bearer abc.def"),
        ]);
        assert_eq!(headers, rest);
        let mut basic = fields(&[("authorization", "Basic abc;session=t")]);
        remove_own_fields(&mut basic);
        assert_eq!(basic["authorization"], "Basic abc;session=t");
    }

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn forwarded(lines: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = Method::OPTIONS;
        head.headers = fields(lines);
        let host = Authority::from_static("api.example:8443");
        forward_request(&mut head, &host, &ProxyName("standin-1".to_owned()));
        head.headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn fields_of_the_connection_and_of_the_sandbox_are_not_forwarded() {
        let sent = forwarded(&[
            ("host", "localhost:4010"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eA=="),
            ("transfer-encoding", "chunked"),
            ("te", "deflate"),
            ("standin-session", "blue"),
            ("accept-encoding", "br"),
        ]);
        let expected = [
            ("host", "api.example:8443"),
            ("accept-encoding", "br"),
            ("via", "1.1 standin-1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sorted = |mut all: Vec<_>| {
            all.sort();
            all
        };
        assert_eq!(sorted(sent), sorted(expected.to_vec()));
    }

    #[test]
    fn trailers_and_upgrades_are_asked_for_again() {
        let sent = forwarded(&[("te", "gzip, trailers"), ("connection", "te")]);
        assert!(sent.contains(&("te".to_owned(), "trailers".to_owned())));
        let sent = forwarded(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ]);
        assert!(sent.contains(&("upgrade".to_owned(), "websocket".to_owned())));
        assert!(sent.contains(&("connection".to_owned(), "Upgrade".to_owned())));
        let sent = forwarded(&[("upgrade", "h2c")]);
        assert!(sent.iter().all(|(name, _)| name != "upgrade"));
    }

    #[test]
    fn what_only_the_sandbox_reads_is_not_forwarded() {
        let value = |name: &'static str, line: &'static str| {
            let sent = forwarded(&[(name, line), ("accept", "a/b")]);
            let at = sent.iter().position(|(field, _)| field == name);
            assert!(at.is_none_or(|at| at == 0), "the place stays: {sent:?}");
            at.map(|at| sent[at].1.clone())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            value("cookie", "a=1;  standin-session=x; b=\"2;3\""),
            some("a=1; b=\"2;3\"")
        );
        assert_eq!(value("cookie", "standin-session=x; a=1"), some("a=1"));
        assert_eq!(
            value("cookie", "a=\"x; standin-session=s"),
            some("a=\"x"),
            "it is read as a session too"
        );
        assert_eq!(value("cookie", "standin-session=x"), None);
        assert_eq!(
            value("cookie", "standin-sessions=x;;"),
            some("standin-sessions=x;;")
        );
        assert_eq!(value("prefer", "Sandbox"), None);
        assert_eq!(
            value("prefer", "return=minimal, real;x=1, wait=10"),
            some("return=minimal, wait=10")
        );
        assert_eq!(
            value("prefer", "example=\"a, real\", code=404"),
            some("example=\"a, real\", code=404")
        );
        assert_eq!(query_without_choice("a=1&__real&b"), some("a=1&b"));
        assert_eq!(query_without_choice("__sandbox=1"), some(""));
        assert_eq!(query_without_choice("__code=404&real=1"), None);
    }

    #[test]
    fn cookies_of_http2_become_one_line() {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.version = Version::HTTP_2;
        head.headers = fields(&[
            ("cookie", "a=1"),
            ("cookie", "standin-session=x"),
            ("cookie", "b=2"),
        ]);
        let host = Authority::from_static("api.example");
        forward_request(&mut head, &host, &ProxyName("standin-1".to_owned()));
        let lines: Vec<_> = head.headers.get_all(COOKIE).iter().collect();
        assert_eq!(lines, ["a=1; b=2"]);
    }

    #[test]
    fn an_answer_has_no_fields_that_look_like_those_of_the_sandbox() {
        let mut headers = fields(&[("standin-violations", "none"), ("x-a", "1")]);
        forward_response(&mut headers);
        assert_eq!(headers, fields(&[("x-a", "1")]));
    }

    #[test]
    fn forwards_are_counted_down() {
        let left = |value: &'static str| {
            let sent = forwarded(&[("max-forwards", value)]);
            sent.into_iter()
                .find(|(name, _)| name == "max-forwards")
                .map(|(_, value)| value)
        };
        assert_eq!(left("10"), Some("9".to_owned()));
        for other in ["+1", "x", "", "99999999999999999999"] {
            assert_eq!(left(other), Some(other.to_owned()));
        }
        let zero = fields(&[("max-forwards", "0")]);
        assert!(is_at_its_end(&Method::TRACE, &zero));
        assert!(!is_at_its_end(&Method::GET, &zero));
        assert!(!is_at_its_end(&Method::OPTIONS, &fields(&[])));
    }

    #[test]
    fn a_loop_is_recognised_by_the_name_in_via() {
        let name = ProxyName("standin-1".to_owned());
        assert!(name.is_in(&fields(&[("via", "1.1 a, 1.1 standin-1")])));
        assert!(!name.is_in(&fields(&[("via", "1.1 standin-12")])));
        assert!(!name.is_in(&fields(&[])));
    }
}

//! Session of a request, from `/_standin/sessions/NAME/…`, the header field `Standin-Session`, the cookie
//! `standin-session`, or what servers between the client and the sandbox pass on: a member of `Baggage`
//! (W3C Baggage), or a parameter behind a bearer token.
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, StatusCode, Uri};

use crate::codec::message::{Mounted, Request};
use crate::codec::parameter::cookies;
use crate::codec::text::decode;
use crate::errors::problem::{Problem, ProblemKind};

/// Request with its session.
pub(crate) struct SessionRequest {
    /// Name of the session; empty for the unnamed session.
    pub session: String,
    /// Request without the session in its path; `None` if its path names no session.
    pub request: Option<Box<Request>>,
}

/// Header field that names a session.
const SESSION: HeaderName = HeaderName::from_static("standin-session");

/// Header field whose members servers pass on (W3C Baggage).
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Maximum length of a session name, in bytes; a longer name gets 400.
const LONGEST: usize = 200;

/// Finds the session of a request: the path precedes the header field, this one the cookie, then `Baggage`, then
/// the bearer token.
///
/// # Errors
///
/// `Problem` 400, if the name or the path after it is malformed.
pub(crate) fn session_of(request: &Request) -> Result<SessionRequest, Problem> {
    let sessions = request
        .uri()
        .path()
        .strip_prefix(PREFIX)
        .and_then(|path| path.strip_prefix("sessions/"));
    if let Some((name, rest)) = sessions.and_then(|path| path.split_once('/')) {
        let session = checked(decode(name))?;
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let target = format!("/{rest}{query}");
        let uri: Uri = target
            .parse()
            .map_err(|_| wrong("the path after the session name is not valid"))?;
        let mut inner = request.clone();
        *inner.uri_mut() = uri;
        inner
            .extensions_mut()
            .insert(Mounted(format!("{PREFIX}sessions/{name}")));
        return Ok(SessionRequest {
            session,
            request: Some(Box::new(inner)),
        });
    }
    let headers = request.headers();
    let by_header = headers
        .get(SESSION)
        .map(|value| value.to_str().map(str::to_owned));
    let by_header = by_header
        .transpose()
        .map_err(|_| wrong("`Standin-Session` is not printable ASCII"))?;
    let by_cookie = || {
        let mut pairs = cookies(headers).into_iter();
        pairs
            .find(|(name, _)| name == MEMBER)
            .map(|(_, value)| decode(&value))
    };
    let named = by_header.or_else(by_cookie).or_else(|| in_baggage(headers));
    let named = match named {
        None => behind_token(headers)?,
        named => named,
    };
    match named {
        Some(name) => Ok(SessionRequest {
            session: checked(name)?,
            request: None,
        }),
        None => Ok(SessionRequest {
            session: String::new(),
            request: None,
        }),
    }
}

/// Name of the session in cookies and in `Baggage`.
const MEMBER: &str = "standin-session";

/// Returns the session of a member of `Baggage`: `standin-session=NAME`, whose value may be percent-encoded and
/// have properties behind it.
fn in_baggage(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(BAGGAGE).into_iter();
    let members = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let mut members = members.filter_map(|member| member.split(';').next()?.split_once('='));
    members
        .find(|(name, _)| name.trim() == MEMBER)
        .map(|(_, value)| decode(value.trim()))
}

/// Returns the session behind a bearer token: `Bearer TOKEN;session=NAME`. The first one counts, and ends at the
/// next `;`; in quotes, it may have any character (RFC 9110 §5.6.4).
///
/// # Errors
///
/// `Problem` 400, if the quotes are not closed.
fn behind_token(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let credentials = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let parts = credentials.and_then(|credentials| credentials.split_once(' '));
    let Some((_, token)) = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Ok(None);
    };
    let Some((_, value)) = token.split_once(";session=") else {
        return Ok(None);
    };
    match value.trim_start().strip_prefix('"') {
        Some(quoted) => unquoted(quoted).map(Some).ok_or_else(|| {
            wrong("the session behind the bearer token has no closing quote, expected `;session=\"NAME\"`")
        }),
        None => {
            let name = value.split(';').next().unwrap_or_default();
            Ok(Some(decode(name.trim())))
        }
    }
}

/// Returns the text before the closing quote, without its backslashes; `None` if there is no closing quote.
fn unquoted(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return Some(name),
            '\\' => name.push(letters.next()?),
            letter => name.push(letter),
        }
    }
}

/// Checks the name of a session that a query has; the empty one is that of the unnamed session.
///
/// # Errors
///
/// `Problem` 400, if it is too long or has control characters.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    match name {
        "" => Ok(()),
        name => checked(name.to_owned()).map(drop),
    }
}

fn checked(name: String) -> Result<String, Problem> {
    match name.len() {
        1..=LONGEST if !name.chars().any(char::is_control) => Ok(name),
        length => Err(wrong(&format!(
            "the name of a session has 1 to {LONGEST} bytes and no control characters, this one has {length}"
        ))),
    }
}

fn wrong(detail: &str) -> Problem {
    Problem::new(ProblemKind::Violation, StatusCode::BAD_REQUEST, detail)
}

/// Path prefix of the control API; no other API is served below it.
pub(crate) const PREFIX: &str = "/_standin/";

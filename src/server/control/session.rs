//! Session of a request, from `/_standin/sessions/NAME/…`, the header `Standin-Session`, or the
//! cookie `standin-session`.
use http::{HeaderName, StatusCode, Uri};

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

/// Maximum length of a session name, in bytes; a longer name gets 400.
const LONGEST: usize = 200;

/// Finds the session of a request: the path precedes the header, and the header the cookie.
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
            .find(|(name, _)| name == "standin-session")
            .map(|(_, value)| decode(&value))
    };
    match by_header.or_else(by_cookie) {
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

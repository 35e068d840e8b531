//! Failures of the real API, as the problems that the client gets.
use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;

use crate::errors::problem::{Problem, ProblemKind};

/// Reason why the real API gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UpstreamFailure {
    /// No connection: the name is unknown, the port is closed, or there is no way to the host.
    Unreachable(String),
    /// The certificate of the server is not trusted.
    Certificate(String),
    /// The server answered the greeting of TLS with something else.
    NoTls(String),
    /// No connection by TLS: there is no common version or protocol, or the server refused it.
    Tls(String),
    /// The server did not answer within the time (`--upstream-timeout`).
    Late(Duration),
    /// The connection was closed or reset before the answer was complete.
    Broken(String),
    /// The answer is not HTTP.
    Malformed(String),
    /// The client sent its content too slowly.
    ContentLate(String),
    /// The client broke its content off.
    ContentBroken(String),
    /// The request came through this proxy before.
    Loop,
    /// The request cannot be forwarded: its URL is too long.
    Target(String),
}

impl UpstreamFailure {
    /// Returns the failure that an error of the client stands for.
    pub(crate) fn of(error: &hyper_util::client::legacy::Error) -> Self {
        let text = chain(error);
        let sources = || {
            std::iter::successors(Some(error as &(dyn Error + 'static)), |error| {
                (*error).source()
            })
        };
        if let Some(error) = sources().find_map(tls_error) {
            return Self::of_tls(error);
        }
        if error.is_connect() {
            return Self::Unreachable(text);
        }
        if let Some(failure) = sources().find_map(of_content) {
            return failure;
        }
        let hyper = || sources().filter_map(|error| error.downcast_ref::<hyper::Error>());
        if hyper().any(hyper::Error::is_parse) {
            return Self::Malformed(text);
        }
        Self::Broken(text)
    }

    fn of_tls(error: &rustls::Error) -> Self {
        let text = error.to_string();
        match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Self::Certificate(text)
            }
            rustls::Error::InvalidMessage(_) => Self::NoTls(text),
            _ => Self::Tls(text),
        }
    }

    /// Returns true if the server was not reached at all.
    #[must_use]
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Certificate(_) | Self::NoTls(_) | Self::Tls(_)
        )
    }

    /// Returns the problem that the client gets; `upstream` is the address of the real API.
    #[must_use]
    pub(crate) fn problem(&self, upstream: &str) -> Problem {
        let unreachable = |detail| {
            Problem::new(
                ProblemKind::UpstreamUnreachable,
                StatusCode::BAD_GATEWAY,
                detail,
            )
        };
        let (kind, status, detail) = match self {
            Self::Unreachable(why) => {
                return unreachable(format!("no connection to {upstream}: {why}"));
            }
            Self::Certificate(why) => {
                return unreachable(format!(
                    "the certificate of {upstream} was refused: {why}; `--upstream-ca FILE` trusts another authority"
                ));
            }
            Self::NoTls(why) => {
                return unreachable(format!(
                    "{upstream} does not speak TLS: {why}; the URL of a server without TLS begins with `http://`"
                ));
            }
            Self::Tls(why) => {
                return unreachable(format!("no connection by TLS to {upstream}: {why}"));
            }
            Self::Late(time) => (
                ProblemKind::UpstreamLate,
                StatusCode::GATEWAY_TIMEOUT,
                format!("{upstream} did not answer within {time:?} (`--upstream-timeout`)"),
            ),
            Self::Broken(why) => (
                ProblemKind::UpstreamBroken,
                StatusCode::BAD_GATEWAY,
                format!("{upstream} closed the connection before its answer was complete: {why}"),
            ),
            Self::Malformed(why) => (
                ProblemKind::UpstreamBroken,
                StatusCode::BAD_GATEWAY,
                format!("the answer of {upstream} is not HTTP: {why}"),
            ),
            Self::ContentLate(why) => (
                ProblemKind::Timeout,
                StatusCode::REQUEST_TIMEOUT,
                why.clone(),
            ),
            Self::ContentBroken(why) => (
                ProblemKind::Malformed,
                StatusCode::BAD_REQUEST,
                format!("the content ended early: {why}"),
            ),
            Self::Loop => (
                ProblemKind::UpstreamLoop,
                StatusCode::LOOP_DETECTED,
                format!("the request came through this proxy before: {upstream} leads back to it"),
            ),
            Self::Target(why) => (
                ProblemKind::Message,
                StatusCode::URI_TOO_LONG,
                format!("the request cannot be forwarded to {upstream}: {why}"),
            ),
        };
        Problem::new(kind, status, detail)
    }
}

/// Returns the failure of the client's content that an error stands for, if it does.
fn of_content(error: &(dyn Error + 'static)) -> Option<UpstreamFailure> {
    let hyper = error.downcast_ref::<hyper::Error>()?;
    let cause = hyper.source().filter(|_| hyper.is_user())?;
    let late = cause.downcast_ref::<io::Error>();
    Some(match late.map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => UpstreamFailure::ContentLate(cause.to_string()),
        _ => UpstreamFailure::ContentBroken(cause.to_string()),
    })
}

/// Returns the error of TLS, for example an unknown certificate authority, that an error is or wraps.
/// An I/O error that wraps another one, which may be one too, does not return it as its source.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let inner = || {
        let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
        tls_error(inner)
    };
    error.downcast_ref::<rustls::Error>().or_else(inner)
}

/// Returns the texts of an error and of its causes, the vague ones without news left out.
fn chain(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|there| there.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    let vague = ["client error (Connect)", "client error (SendRequest)"];
    if texts.len() > 1 {
        texts.retain(|text| !vague.contains(&text.as_str()));
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_tls_is_found_in_its_wrappers() {
        let error = rustls::Error::NoCertificatesPresented;
        let inner = io::Error::new(io::ErrorKind::InvalidData, error.clone());
        let outer = io::Error::other(inner);
        assert_eq!(tls_error(&outer), Some(&error));
        assert_eq!(tls_error(&io::Error::other("else")), None);
    }
}

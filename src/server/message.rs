//! Messages that HTTP/1.1 forbids, whatever API they are for.
//!
//! Checks the rules of RFC 9112 that the protocol implementation does not enforce.
use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, StatusCode, Version};

use crate::codec::message::Response;
use crate::errors::problem::{self, Problem, ProblemKind};
use crate::exchange::Report;

/// Returns the problem of a message that HTTP/1.1 forbids, before its content is read.
pub(super) fn refused(head: &Parts) -> Option<Problem> {
    if head.version != Version::HTTP_11 {
        return None;
    }
    // RFC 9112 §3.2
    let mut hosts = head.headers.get_all(HOST).iter();
    let why = match (hosts.next(), hosts.next()) {
        (None, _) => "the request has no `Host` header field",
        (Some(_), Some(_)) => "the request has several `Host` header fields",
        (Some(host), None) if !is_host(host.as_bytes()) => {
            "the `Host` header field is not a host with an optional port"
        }
        _ => return unknown_transfer_coding(head),
    };
    Some(Problem::new(
        ProblemKind::Message,
        StatusCode::BAD_REQUEST,
        why,
    ))
}

/// Checks a `Host` value such as `example.com:8080`; an empty one is valid, for targets without an
/// authority.
fn is_host(host: &[u8]) -> bool {
    host.is_empty() || !host.contains(&b'@') && Authority::try_from(host).is_ok()
}

/// Returns the problem of an unknown transfer coding: 501 (RFC 9112 §6.1).
fn unknown_transfer_coding(head: &Parts) -> Option<Problem> {
    let lines = head
        .headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut codings = lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty());
    let unknown = codings.find(|coding| !coding.eq_ignore_ascii_case("chunked"))?;
    let detail =
        format!("the transfer coding `{unknown}` is not supported, expected only `chunked`");
    Some(Problem::new(
        ProblemKind::Message,
        StatusCode::NOT_IMPLEMENTED,
        detail,
    ))
}

/// Returns the response and the report of a problem outside of any operation.
pub(crate) fn problem_response(problem: &Problem) -> (Response, Report) {
    let mut response = Response::new(problem.content());
    *response.status_mut() = problem.status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static(problem::MEDIA_TYPE),
    );
    let report = Report {
        source: format!("problem {}", problem.kind.name()).into(),
        ..Report::default()
    };
    (response, report)
}

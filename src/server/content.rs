//! Reads the contents of requests, within the bounds of the command line.
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use crate::codec::message::{Body, Response};
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::Report;
use crate::server::budget::Share;
use crate::server::limits::Limits;
use crate::server::message::problem_response;

/// Value of `Retry-After` in answers of a busy server, in seconds.
const BUSY_FOR: u64 = 1;

/// Maximum number of bytes read and dropped beyond `--max-body`: enough for most clients to see the
/// answer instead of a broken connection.
const DROPPED: usize = 64 * 1024 * 1024;

/// Reason why the content of a request could not be read.
pub(super) enum ReadFault {
    /// The message is not allowed by HTTP.
    Refused(Problem),
    BrokenOff(Box<dyn std::error::Error + Send + Sync>),
    /// The content was not complete after this time.
    TooSlow(Duration),
    /// The contents in memory use up this number of bytes (`--content-memory`).
    NoRoom(usize),
}

impl ReadFault {
    pub(super) fn answer(&self) -> (Response, Report) {
        match self {
            Self::Refused(problem) => {
                let (mut response, report) = problem_response(problem);
                // The end of the message may be ambiguous (RFC 9112 §11.2).
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
                (response, report)
            }
            Self::BrokenOff(error) => {
                let detail = format!("the content ended early: {error}");
                problem_response(&Problem::new(
                    ProblemKind::Malformed,
                    StatusCode::BAD_REQUEST,
                    detail,
                ))
            }
            Self::TooSlow(time) => {
                let detail =
                    format!("the content was not complete after {time:?} (`--body-timeout`)");
                let problem =
                    Problem::new(ProblemKind::Timeout, StatusCode::REQUEST_TIMEOUT, detail);
                let (mut response, report) = problem_response(&problem);
                // RFC 9110 §15.5.9
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
                (response, report)
            }
            Self::NoRoom(most) => {
                let detail = format!(
                    "request and response contents use all {most} bytes that `--content-memory` allows"
                );
                let problem =
                    Problem::new(ProblemKind::Busy, StatusCode::SERVICE_UNAVAILABLE, detail);
                let (mut response, report) = problem_response(&problem);
                // RFC 9110 §15.6.4
                response.headers_mut().insert(RETRY_AFTER, BUSY_FOR.into());
                (response, report)
            }
        }
    }
}

/// Reads the content of a request, within its time limit.
pub(super) async fn in_time(
    incoming: Incoming,
    limits: Limits,
    share: &mut Share,
) -> Result<Body, ReadFault> {
    if incoming.is_end_stream() {
        return Ok(Body::Complete(Bytes::new()));
    }
    tokio::select! {
        // Most contents have arrived by now; no timer is set for them.
        biased;
        read = read(incoming, limits, share) => read,
        () = tokio::time::sleep(limits.body_timeout) => Err(ReadFault::TooSlow(limits.body_timeout)),
    }
}

async fn read(incoming: Incoming, limits: Limits, share: &mut Share) -> Result<Body, ReadFault> {
    let max = limits.max_body;
    let mut limited = Limited::new(incoming, max.saturating_add(DROPPED));
    let mut parts: Vec<Bytes> = Vec::new();
    let mut length = 0_usize;
    let mut has_room = true;
    while let Some(frame) = limited.frame().await {
        match frame {
            Ok(frame) => {
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                length += data.len();
                has_room = has_room && length <= max && share.grow_to(length);
                if has_room {
                    parts.push(data);
                } else {
                    // The rest is read and dropped, so that the client sees the answer.
                    parts = Vec::new();
                    share.give_back();
                }
            }
            Err(error) if error.is::<LengthLimitError>() => break,
            Err(error) => return Err(ReadFault::BrokenOff(error)),
        }
    }
    match parts.len() {
        _ if length > max => Ok(Body::TooLarge(max)),
        _ if !has_room => Err(ReadFault::NoRoom(limits.content_memory)),
        0 => Ok(Body::Complete(Bytes::new())),
        1 => Ok(Body::Complete(parts.swap_remove(0))),
        _ => Ok(Body::Complete(Bytes::from(parts.concat()))),
    }
}

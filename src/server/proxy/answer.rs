//! Sends an answer of the real API to the client.
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode, Version};
use http_body_util::{BodyExt as _, Either, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::exchange::header;
use crate::server::activity::Progress;
use crate::server::budget::held;
use crate::server::control::supplement::ListSupplement;
use crate::server::message::problem_response;
use crate::server::pace::{self, Outgoing};
use crate::server::proxy::conclusion::Conclusion;
use crate::server::proxy::copy::{ContentCopy, with};
use crate::server::proxy::exchange::ForwardedExchange;
use crate::server::proxy::tunnel;
use crate::server::shared::ConnectionState;
use crate::upstream::error::UpstreamFailure;
use crate::upstream::fields;
use crate::upstream::gateway::Judging;

/// Largest content that is held back until its violations are known, in bytes. A larger one passes
/// at once, and its violations are in the journal only.
const MOST_HELD: usize = 1024 * 1024;

/// Longest time for which a content is held back.
const HELD_FOR: Duration = Duration::from_secs(1);

/// Maximum length of `Standin-Violations`, in bytes.
const LONGEST_VIOLATIONS: usize = 4096;

/// Warning in a list that the entities of the sandbox could not be added to.
const NOT_ADDED: HeaderValue = HeaderValue::from_static(
    "the entities of the sandbox are not in this list: its content is too large, too slow, a stream or broken",
);

/// Warning in a list that cannot be changed without a loss.
const NOT_CHANGED: HeaderValue = HeaderValue::from_static(
    "the entities of the sandbox are not in this list: it has a member twice, or a count that is no integer",
);

/// Media types that are sent piece by piece over time.
const STREAMED: [&str; 6] = [
    "text/event-stream",
    "application/x-ndjson",
    "application/jsonl",
    "application/json-seq",
    "multipart/x-mixed-replace",
    "application/grpc",
];

/// Content of an answer that was held back.
struct HeldContent {
    frames: VecDeque<Frame<Bytes>>,
    /// The rest, unless the content is whole.
    rest: Option<Incoming>,
    /// Error of the real API in the middle of the content.
    broken: Option<io::Error>,
    /// True if the head says that there is no content.
    has_none: bool,
}

/// Answer for the client; or the failure of the real API before the client got anything, with the exchange.
type Answered = Result<http::Response<Outgoing>, (UpstreamFailure, ForwardedExchange)>;

/// Sends the answer of the real API to the client, and judges and notes the exchange.
pub(super) async fn answer(
    own: &Arc<ConnectionState>,
    version: Version,
    mut response: http::Response<Incoming>,
    exchange: ForwardedExchange,
) -> Answered {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if fields::upgrade(exchange.forwardable.head.headers()).is_none() {
            let why = "it changes the protocol, which the request did not ask for";
            return Err((UpstreamFailure::Malformed(why.to_owned()), exchange));
        }
        return Ok(tunnel::open(own, &mut response, exchange));
    }
    let (head, incoming) = response.into_parts();
    // An upgrade that was not taken belongs to the connection.
    let mut head = http::Response::from_parts(head, ());
    let refuses = exchange.upstream.settings.responses == Judging::Refuse;
    let lists_written = exchange.lists_written;
    let most = if refuses || lists_written {
        own.limits.max_body
    } else {
        MOST_HELD
    };
    let time = if refuses || lists_written {
        exchange.upstream.settings.timeout
    } else {
        HELD_FOR
    };
    let is_held =
        !is_streamed(&head) && announced(&head).is_none_or(|length| length <= most as u64);
    let control = Arc::clone(&exchange.control);
    // What is judged and recorded is the answer as the real API sent it.
    let page = exchange.page_request();
    let mut conclusion = Conclusion::new(exchange, own, &head);
    control.permit_page(&page, head.headers_mut());
    let held = if is_held {
        hold(incoming, &conclusion, most, time).await
    } else {
        HeldContent {
            frames: VecDeque::new(),
            rest: Some(incoming),
            broken: None,
            has_none: false,
        }
    };
    if let Some(error) = &held.broken
        && let Some(exchange) = conclusion.broken_off()
    {
        return Err((UpstreamFailure::Broken(error.to_string()), exchange));
    }
    if held.rest.is_some() {
        if lists_written {
            head.headers_mut().append(header::WARNING, NOT_ADDED);
        }
        return Ok(passing(own, version, head, held, conclusion));
    }
    if let Some(mut exchange) = conclusion.judge().await {
        let judged = &mut exchange.judged;
        if refuses && judged.of_response > 0 {
            judged.is_refused = true;
            let problem = control.misfit_problem(judged);
            let (mut response, _) = problem_response(&problem);
            response.extensions_mut().clear();
            control.permit_page(&page, response.headers_mut());
            own.state.end(true, true);
            return Ok(response.map(pace::whole));
        }
        if let Some(value) = header::violations_within(&judged.violations, LONGEST_VIOLATIONS) {
            head.headers_mut().insert(header::VIOLATIONS, value);
        }
        header::warn_unchecked(&judged.judgement.unchecked, head.headers_mut());
        match exchange.supplemented() {
            Some(ListSupplement::Added(list)) => {
                list.describe(head.headers_mut());
                if let Some(sentence) = list.sentence() {
                    let source = &mut exchange.judged.source;
                    *source = format!("{source}, with {sentence}").into();
                }
                own.state.end(true, true);
                return Ok(head.map(|()| pace::whole(list.content)));
            }
            Some(ListSupplement::Lossy) => {
                head.headers_mut().append(header::WARNING, NOT_CHANGED);
            }
            None => {}
        }
    }
    Ok(whole(own, head, held))
}

/// Collects the content until its end, or until it is too large or takes too long.
async fn hold(
    mut incoming: Incoming,
    conclusion: &Conclusion,
    most: usize,
    time: Duration,
) -> HeldContent {
    let copy = conclusion.copy();
    let has_none = incoming.is_end_stream();
    let mut frames = VecDeque::new();
    let (mut is_whole, mut broken) = (has_none, None);
    let deadline = Instant::now() + time;
    let mut length = 0;
    while !is_whole && broken.is_none() && length <= most {
        match timeout_at(deadline, incoming.frame()).await {
            Ok(None) => is_whole = true,
            Ok(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    length += data.len();
                    with(&copy, |copy| copy.add(data));
                }
                frames.push_back(frame);
                is_whole = incoming.is_end_stream() && length <= most;
            }
            Ok(Some(Err(error))) => broken = Some(broken_off(&error)),
            Err(_) => break,
        }
    }
    if is_whole {
        with(&copy, ContentCopy::complete);
    }
    HeldContent {
        frames,
        rest: (!is_whole && broken.is_none()).then_some(incoming),
        broken,
        has_none,
    }
}

/// Returns an answer whose content is in memory, in the frames in which it came; a content without
/// length stays one.
fn whole(
    own: &ConnectionState,
    head: http::Response<()>,
    held: HeldContent,
) -> http::Response<Outgoing> {
    own.state.end(true, true);
    let mut frames = held.frames;
    let is_one = frames.len() <= 1 && frames.iter().all(Frame::is_data);
    if held.has_none || is_one && announced(&head).is_some() {
        let content = frames.pop_front().and_then(|frame| frame.into_data().ok());
        return head.map(|()| pace::whole(content.unwrap_or_default()));
    }
    let frames = frames.into_iter().map(Ok);
    head.map(|()| {
        Either::Right(Either::Right(StreamBody::new(
            Box::pin(stream::iter(frames)) as _,
        )))
    })
}

/// Content that passes to the client as it comes.
struct Passing {
    frames: VecDeque<Frame<Bytes>>,
    rest: Option<Incoming>,
    /// End of the exchange, which is judged when this is dropped.
    conclusion: Conclusion,
    progress: Option<Arc<Progress>>,
}

/// Returns an answer whose content is sent as it comes.
fn passing(
    own: &ConnectionState,
    version: Version,
    head: http::Response<()>,
    held_back: HeldContent,
    conclusion: Conclusion,
) -> http::Response<Outgoing> {
    let passing = Passing {
        frames: held_back.frames,
        rest: held_back.rest,
        conclusion,
        // HTTP/2 limits each stream for itself, and only the progress of each tells that one is stuck.
        progress: (version == Version::HTTP_2).then(|| own.state.progress()),
    };
    own.state.end(true, false);
    let frames = stream::unfold(Some(passing), |passing| async move {
        let mut passing = passing?;
        match passing.next().await {
            Some(Ok(frame)) => Some((Ok(frame), Some(passing))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    head.map(|()| Either::Right(Either::Right(StreamBody::new(Box::pin(frames) as _))))
}

impl Passing {
    /// Returns the next frame.
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, io::Error>> {
        if let Some(progress) = &self.progress {
            progress.note();
        }
        if let Some(frame) = self.frames.pop_front() {
            return Some(Ok(self.tracked(frame)));
        }
        match self.rest.as_mut()?.frame().await {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    with(&self.conclusion.copy(), |copy| copy.add(data));
                }
                Some(Ok(self.tracked(frame)))
            }
            Some(Err(error)) => Some(Err(broken_off(&error))),
            None => {
                with(&self.conclusion.copy(), ContentCopy::complete);
                None
            }
        }
    }

    /// Returns a frame that tells when the client has taken it.
    fn tracked(&self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match &self.progress {
            Some(progress) => frame.map_data(|data| held(data, Arc::clone(progress))),
            None => frame,
        }
    }
}

fn broken_off(error: &hyper::Error) -> io::Error {
    let why = format!("the real API broke its answer off: {error}");
    io::Error::new(io::ErrorKind::ConnectionAborted, why)
}

/// Returns true if the content is sent piece by piece over time.
fn is_streamed(head: &http::Response<()>) -> bool {
    const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
    let media = head.headers().get(CONTENT_TYPE);
    let media = media.and_then(|value| value.to_str().ok()?.split(';').next());
    let is_streamed = media.is_some_and(|media| {
        let mut streamed = STREAMED.iter();
        streamed.any(|streamed| media.trim().eq_ignore_ascii_case(streamed))
    });
    let is_unbuffered = head
        .headers()
        .get(BUFFERING)
        .is_some_and(|value| value == "no");
    is_unbuffered || is_streamed
}

/// Returns the length of the content that the answer announces.
fn announced(head: &http::Response<()>) -> Option<u64> {
    head.headers()
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

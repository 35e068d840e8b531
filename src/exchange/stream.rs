//! Event streams of answers: ids of events, resumption by `Last-Event-ID`, and the time after the
//! last event.
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};

use crate::codec::accept::Accept;
use crate::codec::events::EventStream;
use crate::codec::message::{AfterItems, Items, Request, Response};
use crate::exchange::settings::{Settings, StreamEnd};

const EVENT_STREAM: &str = "text/event-stream";

/// Id of the last event that a client has received (WHATWG HTML §9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Numbers the events of a response, drops those that the client has, and marks the response to be
/// held open or repeated. Streams that end with a marker, and other content, stay unchanged.
pub(super) fn resume(settings: &Settings, request: &Request, response: &mut Response) {
    let Some(items) = response.extensions().get::<Items>() else {
        return;
    };
    if response.status() != StatusCode::OK || !is_event_stream(response) {
        return;
    }
    let Some(events) = EventStream::read(response.body(), &items.ends) else {
        return;
    };
    if events.has_end() {
        return;
    }
    let end = match settings.streams {
        StreamEnd::ByClient if is_event_source(request) => StreamEnd::Hold,
        StreamEnd::ByClient => StreamEnd::End,
        chosen => chosen,
    };
    let last = request.headers().get(LAST_EVENT_ID);
    let last = last.and_then(|id| id.to_str().ok());
    let from = last.map_or(0, |id| events.after(id.trim()));
    let round = events.round();
    let to = match end {
        StreamEnd::Repeat => (from / round.max(1))
            .saturating_add(1)
            .saturating_mul(round),
        _ => round,
    };
    let (content, ends) = events.between(from.min(to), to);
    let then = match end {
        StreamEnd::Hold => AfterItems::Hold,
        StreamEnd::Repeat if round > 0 => AfterItems::Repeat {
            events: Arc::new(events),
            next: to,
        },
        _ => AfterItems::End,
    };
    *response.body_mut() = content;
    response.extensions_mut().insert(Items { ends, then });
}

fn is_event_stream(response: &Response) -> bool {
    let media = response.headers().get(CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok());
    media.is_some_and(|media| media.split(';').next().map(str::trim) == Some(EVENT_STREAM))
}

/// Returns true if the client names the media type of event streams, as `EventSource` does.
fn is_event_source(request: &Request) -> bool {
    Accept::read(request.headers()).names(EVENT_STREAM)
}

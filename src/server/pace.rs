//! Content of a response as it is sent: at once, item by item, in slow pieces, or as events.
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use futures_util::stream::StreamExt as _;
use http::Version;
use http::header::CONTENT_LENGTH;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::codec::message::{AfterItems, Items, Response};
use crate::server::activity::ConnectionActivity;
use crate::server::budget::{SMALL, held};
use crate::server::control::stream::{EventFilter, JournalEvent, JournalStream};
use crate::server::hold::{self, Events, Pauses, Recipient};
use crate::server::limits::Phase;

/// Body that is sent: a whole content, items with time between them, or a stream of frames.
pub(super) type Outgoing = Either<Full<Bytes>, Either<Paced, StreamBody<Events>>>;

/// Bytes of a large answer that are handed to HTTP/2 at a time, as soon as the client takes any of
/// them.
const PIECE: usize = 64 * 1024;

/// Returns the response with its body: whole, as the `Items` in its extensions, as the
/// `JournalStream` in its extensions, or in pieces if it is large and sent in HTTP/2.
pub(super) fn body(
    mut response: Response,
    delay: Duration,
    state: &Arc<ConnectionActivity>,
    version: Version,
    phase: &watch::Receiver<Phase>,
) -> http::Response<Outgoing> {
    let state = Arc::clone(state);
    let goes_on = |items: &mut Items| !matches!(items.then, AfterItems::End);
    if response.extensions_mut().get_mut().is_some_and(goes_on)
        && let Some(items) = response.extensions_mut().remove::<Items>()
    {
        let phase = phase.clone();
        let recipient = Recipient {
            state,
            version,
            phase,
        };
        return response.map(|content| {
            let events = hold::held(content, items, Pauses::new(delay), recipient);
            Either::Right(Either::Right(StreamBody::new(events)))
        });
    }
    if let Some(items) = response.extensions_mut().remove::<Items>() {
        let paced = |bytes| Paced {
            bytes,
            items,
            next: 0,
            delay,
            wait: None,
            state,
            version,
        };
        return response.map(|bytes| Either::Right(Either::Left(paced(bytes))));
    }
    if let Some(listening) = response.extensions_mut().remove::<JournalStream>() {
        return response.map(|_| {
            Either::Right(Either::Right(StreamBody::new(events(
                &listening, state, version,
            ))))
        });
    }
    if version == Version::HTTP_2 && response.body().len() > SMALL {
        return in_pieces(response, &state);
    }
    response.map(|bytes| Either::Left(Full::new(bytes)))
}

/// Returns a content that is sent as a whole.
pub(super) fn whole(content: Bytes) -> Outgoing {
    Either::Left(Full::new(content))
}

/// Returns true if the content is complete in memory and sent as a whole.
pub(super) fn is_whole(response: &http::Response<Outgoing>) -> bool {
    matches!(response.body(), Either::Left(_))
}

/// Splits a large content into pieces, and notes when the client takes one.
fn in_pieces(response: Response, state: &ConnectionActivity) -> http::Response<Outgoing> {
    let (content, progress) = (response.body().clone(), state.progress());
    let pieces = stream::unfold((content, progress), |(mut content, progress)| async move {
        progress.note();
        if content.is_empty() {
            return None;
        }
        let piece = content.split_to(PIECE.min(content.len()));
        let piece = held(piece, Arc::clone(&progress));
        Some((Ok(Frame::data(piece)), (content, progress)))
    });
    promised(response, Box::pin(pieces))
}

/// Returns a response that promises all of its content and breaks off after the first half.
pub(super) fn truncated(response: Response) -> http::Response<Outgoing> {
    let half = response.body().slice(..response.body().len() / 2);
    let broken = io::Error::new(ErrorKind::ConnectionAborted, "a fixture cuts the content");
    // The first half must have been sent by then, or it is dropped with the connection.
    let end = stream::once(async move {
        tokio::time::sleep(BEFORE_THE_END).await;
        Err(broken)
    });
    promised(
        response,
        Box::pin(stream::iter([Ok(Frame::data(half))]).chain(end)),
    )
}

/// Time between the first half of a truncated content and the end of the connection.
const BEFORE_THE_END: Duration = Duration::from_millis(50);

/// Number of pieces of a slow content; each is sent after a pause of `BETWEEN`.
const PIECES: usize = 10;
const BETWEEN: Duration = Duration::from_millis(200);

/// Splits a content into small pieces with time between them.
pub(super) fn slowly(
    response: Response,
    state: &Arc<ConnectionActivity>,
    version: Version,
) -> http::Response<Outgoing> {
    let (content, state) = (response.body().clone(), Arc::clone(state));
    let size = content.len().div_ceil(PIECES).max(1);
    let pieces = stream::unfold((content, state), move |(mut content, state)| async move {
        if content.is_empty() {
            return None;
        }
        state.wait(BETWEEN, version).await;
        let piece = content.split_to(size.min(content.len()));
        Some((Ok(Frame::data(piece)), (content, state)))
    });
    promised(response, Box::pin(pieces))
}

/// Returns a response that announces the length of its content and sends it as frames.
fn promised(mut response: Response, events: Events) -> http::Response<Outgoing> {
    let length = response.body().len();
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.map(|_| Either::Right(Either::Right(StreamBody::new(events))))
}

/// Interval of comments in an event stream without events, so that clients and proxies keep the
/// connection open.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Streams exchanges as server-sent events, until the server ends or the client has left.
fn events(listening: &JournalStream, state: Arc<ConnectionActivity>, version: Version) -> Events {
    let recognised = listening.entries.subscribe();
    let session = listening.session.clone();
    let hears_all = listening.filter == EventFilter::All;
    let first = Some(Bytes::from_static(b": listening\n\n"));
    let left = async move {
        match version {
            Version::HTTP_2 => std::future::pending().await,
            _ => state.client_left().await,
        }
    };
    let told = stream::unfold(
        (recognised, session, first),
        move |(mut recognised, session, first)| async move {
            if let Some(first) = first {
                return Some((Ok(Frame::data(first)), (recognised, session, None)));
            }
            let text = loop {
                match tokio::time::timeout(SIGN_OF_LIFE, recognised.recv()).await {
                    Ok(Ok(JournalEvent::Entry(entry)))
                        if session
                            .as_ref()
                            .is_none_or(|session| *session == entry.session) =>
                    {
                        break format!(
                            "id: {}\nevent: exchange\ndata: {}\n\n",
                            entry.number,
                            entry.to_json()
                        );
                    }
                    Ok(Ok(JournalEvent::Reload(report))) if hears_all => {
                        break format!("event: reload\ndata: {report}\n\n");
                    }
                    Ok(Ok(JournalEvent::Entry(_) | JournalEvent::Reload(_))) => {}
                    Ok(Err(RecvError::Lagged(missed))) => {
                        break format!("event: missed\ndata: {missed}\n\n");
                    }
                    Ok(Ok(JournalEvent::End) | Err(RecvError::Closed)) => return None,
                    Err(_) => break ": still there\n\n".to_owned(),
                }
            };
            Some((
                Ok(Frame::data(Bytes::from(text))),
                (recognised, session, None),
            ))
        },
    );
    Box::pin(told.take_until(Box::pin(left)))
}

/// Content that is sent item by item.
pub(super) struct Paced {
    bytes: Bytes,
    items: Items,
    /// Index of the next item.
    next: usize,
    delay: Duration,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    state: Arc<ConnectionActivity>,
    version: Version,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(end) = self.items.ends.get(self.next).copied() else {
            return Poll::Ready(None);
        };
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let start = self
            .next
            .checked_sub(1)
            .map_or(0, |before| self.items.ends[before]);
        self.next += 1;
        if !self.delay.is_zero() && self.next < self.items.ends.len() {
            let (state, delay, version) = (Arc::clone(&self.state), self.delay, self.version);
            self.wait = Some(Box::pin(async move { state.wait(delay, version).await }));
        }
        Poll::Ready(Some(Ok(Frame::data(self.bytes.slice(start..end)))))
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.items.ends.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn items_are_frames_with_time_between_them() {
        let mut response = Response::new(Bytes::from_static(b"onetwothree"));
        response.extensions_mut().insert(Items {
            ends: [3, 6, 11].into(),
            then: AfterItems::End,
        });
        let started = Instant::now();
        let state = Arc::new(ConnectionActivity::default());
        let mut sent = body(
            response,
            Duration::from_millis(20),
            &state,
            Version::HTTP_11,
            &watch::Sender::new(Phase::Serving).subscribe(),
        )
        .into_body();
        let mut frames = Vec::new();
        while let Some(frame) = sent.frame().await {
            frames.push(frame.expect("cannot fail").into_data().expect("is data"));
        }
        assert_eq!(frames, ["one", "two", "three"]);
        assert!(started.elapsed() >= Duration::from_millis(40));
    }
}

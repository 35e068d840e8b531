//! Event streams that go on after their events: held open, or repeated.
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::Version;
use hyper::body::Frame;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::codec::message::{AfterItems, Items};
use crate::server::activity::ConnectionActivity;
use crate::server::limits::Phase;

/// Stream of frames, such as server-sent events.
pub(super) type Events = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, io::Error>> + Send>>;

/// Interval of comments in a stream without events, so that clients and proxies keep the
/// connection open.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Comment that clients ignore.
const COMMENT: &str = ": heartbeat\n\n";

/// Shortest pause before the events are repeated.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Connection that an event stream is sent on.
pub(super) struct Recipient {
    pub(super) state: Arc<ConnectionActivity>,
    pub(super) version: Version,
    /// Phase of the server: held streams end when it stops.
    pub(super) phase: watch::Receiver<Phase>,
}

/// Times between the pieces of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pauses {
    /// Time between two pieces (`--item-delay`).
    item: Duration,
    /// Shortest time before the events are repeated.
    round: Duration,
    /// Time without a piece after which a comment is sent.
    heartbeat: Duration,
}

impl Pauses {
    pub(super) fn new(item: Duration) -> Self {
        Self {
            item,
            round: SHORTEST_PAUSE,
            heartbeat: HEARTBEAT,
        }
    }
}

/// Event stream that is being sent.
struct HeldStream {
    content: Bytes,
    items: Items,
    /// Number of pieces of the content that are sent.
    sent: usize,
    pauses: Pauses,
    /// Time at which the next piece is sent; `None` if there is none.
    due: Option<Instant>,
    recipient: Recipient,
}

/// Sends the items of a content, and goes on until the client has left or the server stops. Waits
/// without a thread.
pub(super) fn held(content: Bytes, items: Items, pauses: Pauses, recipient: Recipient) -> Events {
    let mut stream = HeldStream {
        content,
        items,
        sent: 0,
        pauses,
        due: None,
        recipient,
    };
    stream.due = stream.next_due(Instant::now(), true);
    Box::pin(stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok(Frame::data(text)), stream))
    }))
}

impl HeldStream {
    /// Waits for the next piece or for the time of a heartbeat; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let (now, heartbeat) = (Instant::now(), self.pauses.heartbeat);
        let wait = self
            .due
            .map_or(heartbeat, |due| due.saturating_duration_since(now));
        let is_due = self.due.is_some() && wait <= heartbeat;
        if !wait.is_zero() && self.ends_within(wait.min(heartbeat)).await {
            return None;
        }
        if is_due {
            let piece = self.take();
            self.due = self.next_due(Instant::now(), false);
            piece
        } else {
            Some(Bytes::from_static(COMMENT.as_bytes()))
        }
    }

    /// Waits for a time; returns true if the stream ends before.
    async fn ends_within(&mut self, time: Duration) -> bool {
        let Recipient {
            state,
            version,
            phase,
        } = &mut self.recipient;
        // The events of an exchange in flight are still sent, as those of any other answer.
        let is_rest = self.sent >= self.items.ends.len();
        tokio::select! {
            () = sleep(time) => false,
            () = state.client_left(), if *version < Version::HTTP_2 => true,
            _ = phase.wait_for(|phase| *phase >= Phase::Ending), if is_rest => true,
        }
    }

    /// Returns the time at which the next piece is sent.
    fn next_due(&self, now: Instant, is_first: bool) -> Option<Instant> {
        if self.sent < self.items.ends.len() {
            return if is_first {
                Some(now)
            } else {
                now.checked_add(self.pauses.item)
            };
        }
        match &self.items.then {
            AfterItems::Repeat { events, next } if next % events.round() == 0 => {
                now.checked_add(self.pauses.item.max(self.pauses.round))
            }
            AfterItems::Repeat { .. } => now.checked_add(self.pauses.item),
            AfterItems::Hold | AfterItems::End => None,
        }
    }

    /// Takes the next piece.
    fn take(&mut self) -> Option<Bytes> {
        if let Some(end) = self.items.ends.get(self.sent) {
            let start = self
                .sent
                .checked_sub(1)
                .map_or(0, |before| self.items.ends[before]);
            self.sent += 1;
            let piece = self.content.slice(start..*end);
            if self.sent == self.items.ends.len() {
                // A held stream needs its content no more, which others have a use for.
                self.content = Bytes::new();
            }
            return Some(piece);
        }
        match &mut self.items.then {
            AfterItems::Repeat { events, next } => {
                let piece = events.piece(*next);
                *next = next.saturating_add(1);
                Some(Bytes::from(piece))
            }
            AfterItems::Hold | AfterItems::End => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;
    use crate::codec::events::EventStream;

    const MS: Duration = Duration::from_millis(1);

    fn sent(then: AfterItems, pauses: [u32; 3]) -> (Events, watch::Sender<Phase>) {
        let phase = watch::Sender::new(Phase::Serving);
        let items = Items {
            ends: [3, 6].into(),
            then,
        };
        let recipient = Recipient {
            state: Arc::default(),
            version: Version::HTTP_11,
            phase: phase.subscribe(),
        };
        let content = Bytes::from_static(b"onetwo");
        let [item, round, heartbeat] = pauses.map(|pause| MS * pause);
        let pauses = Pauses {
            item,
            round,
            heartbeat,
        };
        (held(content, items, pauses, recipient), phase)
    }

    async fn next(stream: &mut Events) -> String {
        let Some(frame) = stream.next().await else {
            return "the end".to_owned();
        };
        let data = frame.expect("cannot fail").into_data().expect("is data");
        String::from_utf8_lossy(&data).into_owned()
    }

    #[tokio::test]
    async fn a_held_stream_has_heartbeats_until_the_server_stops() {
        let started = Instant::now();
        let (mut stream, phase) = sent(AfterItems::Hold, [0, 0, 20]);
        assert_eq!(next(&mut stream).await, "one");
        assert_eq!(next(&mut stream).await, "two");
        assert_eq!(next(&mut stream).await, COMMENT);
        assert_eq!(next(&mut stream).await, COMMENT);
        assert!(started.elapsed() >= MS * 40);
        phase.send_replace(Phase::Ending);
        assert_eq!(next(&mut stream).await, "the end");
    }

    #[tokio::test]
    async fn the_events_are_sent_before_a_server_that_stops_ends_the_stream() {
        let (mut stream, phase) = sent(AfterItems::Hold, [5, 0, 20]);
        phase.send_replace(Phase::Ending);
        assert_eq!(next(&mut stream).await, "one");
        assert_eq!(next(&mut stream).await, "two");
        assert_eq!(next(&mut stream).await, "the end");
    }

    #[tokio::test]
    async fn events_are_repeated_with_growing_ids_after_a_pause() {
        let events = EventStream::read(&Bytes::from_static(b"data: a\n\n"), &[9]).expect("is text");
        let repeat = AfterItems::Repeat {
            events: Arc::new(events),
            next: 1,
        };
        let (mut stream, _phase) = sent(repeat, [1, 30, 1000]);
        next(&mut stream).await;
        next(&mut stream).await;
        let started = Instant::now();
        assert_eq!(next(&mut stream).await, "id: 2\ndata: a\n\n");
        assert!(started.elapsed() >= MS * 20);
        assert_eq!(next(&mut stream).await, "id: 3\ndata: a\n\n");
        assert!(started.elapsed() >= MS * 50);
        assert_eq!(Pauses::new(Duration::ZERO).round, Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_long_delay_has_heartbeats_too() {
        let (mut stream, _phase) = sent(AfterItems::Hold, [60, 0, 40]);
        assert_eq!(next(&mut stream).await, "one");
        assert_eq!(next(&mut stream).await, COMMENT);
        assert_eq!(next(&mut stream).await, "two");
    }
}

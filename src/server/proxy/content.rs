//! Content of a forwarded request, as it comes from the client.
use std::collections::VecDeque;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};

use crate::server::content::ReadFault;
use crate::server::proxy::copy::{ContentCopy, SharedCopy, with};
use crate::upstream::client::ContentError;

/// Time that the content of a request with `Expect: 100-continue` waits for the 100 of the real API;
/// many servers send none (RFC 9110 §10.1.1).
const FOR_CONTINUE: Duration = Duration::from_secs(1);

/// Gate before the content of a request with `Expect: 100-continue`. To read the content tells the client to
/// send it, so that the content is read only after the real API sent 100, or after [`FOR_CONTINUE`].
#[derive(Debug, Clone)]
pub(super) struct ContentGate(Arc<Mutex<Option<oneshot::Sender<GateSignal>>>>);

#[derive(Debug)]
enum GateSignal {
    /// The real API wants the content.
    Open,
    /// The real API answered without the content. Its answer has ended when the sender is dropped.
    Answered(oneshot::Receiver<()>),
}

/// Exchange whose answer came before the content of its request. The content breaks off when this is dropped:
/// earlier, the answer would break off too.
#[derive(Debug)]
pub(super) struct AnsweredEarly {
    _ended: oneshot::Sender<()>,
}

impl ContentGate {
    /// Opens the gate: the real API sent 100.
    pub(super) fn open(&self) {
        self.signal(GateSignal::Open);
    }

    /// Closes the gate for ever unless it is open: the real API sent its answer.
    pub(super) fn close(&self) -> AnsweredEarly {
        let (sender, receiver) = oneshot::channel();
        self.signal(GateSignal::Answered(receiver));
        AnsweredEarly { _ended: sender }
    }

    fn signal(&self, signal: GateSignal) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // The content may have been sent or dropped meanwhile.
            let _waiting = sender.send(signal);
        }
    }
}

/// State of the gate before a content.
enum GateWait {
    /// The real API has not answered yet; the gate opens by itself after the time.
    Shut(oneshot::Receiver<GateSignal>, Pin<Box<Sleep>>),
    /// The real API answered without the content.
    Answered(oneshot::Receiver<()>),
}

/// Content that passes through; a copy is kept.
pub(super) struct PassingContent {
    /// Parts that were read already.
    first: VecDeque<Bytes>,
    incoming: Incoming,
    copy: SharedCopy,
    gate: Option<GateWait>,
    /// Longest time without any content (`--body-timeout`).
    longest_pause: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl PassingContent {
    /// Creates the content of which `first` was read, and copied, already.
    pub(super) fn new(
        first: VecDeque<Bytes>,
        incoming: Incoming,
        copy: SharedCopy,
        longest_pause: Duration,
    ) -> Self {
        if incoming.is_end_stream() {
            with(&copy, ContentCopy::complete);
        }
        Self {
            first,
            incoming,
            copy,
            gate: None,
            longest_pause,
            pause: None,
        }
    }

    /// Lets the content wait until the real API wants it.
    pub(super) fn gated(mut self) -> (Self, ContentGate) {
        let (sender, receiver) = oneshot::channel();
        self.gate = Some(GateWait::Shut(receiver, Box::pin(sleep(FOR_CONTINUE))));
        (self, ContentGate(Arc::new(Mutex::new(Some(sender)))))
    }

    /// Waits until the content may be sent.
    ///
    /// # Errors
    ///
    /// Error of the content, if the real API answered without it.
    fn poll_gate(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ContentError>> {
        if let Some(GateWait::Shut(signal, time)) = &mut self.gate {
            match Pin::new(signal).poll(context) {
                Poll::Ready(Ok(GateSignal::Answered(end))) => {
                    self.gate = Some(GateWait::Answered(end));
                }
                Poll::Ready(Ok(GateSignal::Open)) => self.gate = None,
                Poll::Ready(Err(_)) | Poll::Pending => {
                    ready!(time.as_mut().poll(context));
                    self.gate = None;
                }
            }
        }
        if let Some(GateWait::Answered(end)) = &mut self.gate {
            let _ended = ready!(Pin::new(end).poll(context));
            let why = "the real API answered before it had the content";
            return Poll::Ready(Err(why.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl Body for PassingContent {
    type Data = Bytes;
    type Error = ContentError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ContentError>>> {
        if let Some(part) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        if let Err(error) = ready!(self.poll_gate(context)) {
            return Poll::Ready(Some(Err(error)));
        }
        let Poll::Ready(next) = Pin::new(&mut self.incoming).poll_frame(context) else {
            let time = self.longest_pause;
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(time)));
            ready!(pause.as_mut().poll(context));
            let late = io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the client sent nothing for {time:?} (`--body-timeout`)"),
            );
            return Poll::Ready(Some(Err(late.into())));
        };
        self.pause = None;
        match next {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    with(&self.copy, |copy| copy.add(data));
                }
                if self.incoming.is_end_stream() {
                    with(&self.copy, ContentCopy::complete);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            None => {
                with(&self.copy, ContentCopy::complete);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.first.iter().map(|part| part.len() as u64).sum();
        match self.incoming.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(read + rest),
            None => SizeHint::default(),
        }
    }
}

/// Content that was read, with its trailers.
#[derive(Debug, Clone)]
pub(super) struct WholeContent {
    pub(super) bytes: Bytes,
    trailers: Option<HeaderMap>,
}

/// Content that was read before it is forwarded; its framing is that of the request.
pub(super) struct ReadContent {
    content: Option<Bytes>,
    trailers: Option<HeaderMap>,
    /// True if the request announced the length.
    has_length: bool,
}

impl ReadContent {
    pub(super) fn new(content: WholeContent, has_length: bool) -> Self {
        let WholeContent { bytes, trailers } = content;
        Self {
            content: (!bytes.is_empty()).then_some(bytes),
            trailers,
            has_length,
        }
    }
}

impl Body for ReadContent {
    type Data = Bytes;
    type Error = ContentError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ContentError>>> {
        let content = self.content.take().map(Frame::data);
        let frame = content.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            _ if self.trailers.is_some() => SizeHint::default(),
            Some(_) if !self.has_length => SizeHint::default(),
            content => SizeHint::with_exact(content.as_ref().map_or(0, |c| c.len() as u64)),
        }
    }
}

/// Content of a request that is read before it is forwarded.
pub(super) enum CollectedContent {
    /// All of it.
    Whole(WholeContent),
    /// Its first parts, as it is larger than the limit, and the rest.
    Beginning(VecDeque<Bytes>, Incoming),
}

/// Reads a content up to the limit of the copy.
///
/// # Errors
///
/// `ReadFault`, if the client breaks off, or sends nothing for `longest_pause`.
pub(super) async fn collect(
    mut incoming: Incoming,
    copy: &SharedCopy,
    longest_pause: Duration,
) -> Result<CollectedContent, ReadFault> {
    let mut parts = VecDeque::new();
    let mut trailers = None;
    while !incoming.is_end_stream() {
        let next = timeout(longest_pause, incoming.frame()).await;
        let next = next.map_err(|_| ReadFault::TooSlow(longest_pause))?;
        let Some(frame) = next else { break };
        let frame = frame.map_err(|error| ReadFault::BrokenOff(error.into()))?;
        let part = match frame.into_data() {
            Ok(part) => part,
            Err(frame) => {
                trailers = frame.into_trailers().ok();
                continue;
            }
        };
        let fits = with(copy, |copy| {
            copy.add(&part);
            copy.is_open()
        });
        parts.push_back(part);
        if !fits {
            return Ok(CollectedContent::Beginning(parts, incoming));
        }
    }
    with(copy, ContentCopy::complete);
    let bytes = match parts.len() {
        0 | 1 => parts.pop_front().unwrap_or_default(),
        _ => Bytes::from(Vec::from(parts).concat()),
    };
    Ok(CollectedContent::Whole(WholeContent { bytes, trailers }))
}

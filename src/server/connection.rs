//! Protocol of a connection: detects it, and holds little memory while the connection is idle.
//!
//! The service answers the requests.
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf as _;
use bytes::BytesMut;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::server::activity::ConnectionActivity;
use crate::server::limits::{Limits, Phase};
use crate::server::listener::{Accepted, Socket};
use crate::server::pace::Outgoing;
use crate::server::proxy::tunnel;

/// First bytes of an HTTP/2 connection (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Interval at which a connection is checked: an idle one gives back the memory that it holds for
/// the next request, and one whose client takes too long is closed.
const STEP: Duration = Duration::from_secs(1);

/// Time after which the allocator gives unused memory back to the system, with a margin. It does so
/// only when other memory is freed later, and not always at once.
const KEPT: Duration = Duration::from_millis(1300);

/// Number of times that an idle connection prompts the allocator to give memory back.
const TIMES: u32 = 4;

/// Spelling of the names of header fields in HTTP/1.1, which has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderCase {
    /// Lower case.
    Lower,
    /// As the client and the real API spell them.
    Kept,
}

/// Service that answers the requests of a connection.
pub(super) trait Answers:
    HttpService<
        Incoming,
        ResBody = Outgoing,
        Future: Send + 'static,
        Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    > + Send
    + 'static
{
}

impl<S> Answers for S where
    S: HttpService<
            Incoming,
            ResBody = Outgoing,
            Future: Send + 'static,
            Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        > + Send
        + 'static
{
}

/// Error that broke a connection off.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Protocol(#[from] hyper::Error),
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error("the client did not finish the TLS handshake within {0:?}")]
    Late(Duration),
}

/// Serves a connection in HTTP/1.1, or in HTTP/2 if it begins with the preface (RFC 9113 §3.3),
/// until one side closes it. `ending` makes it end after the exchanges in flight: HTTP/2 from
/// `Phase::LastCall` on, HTTP/1.1 from `Phase::Ending` on.
///
/// # Errors
///
/// [`ConnectionError`], if the connection broke off.
pub(super) async fn serve<S: Answers>(
    accepted: Accepted,
    mut service: S,
    state: Arc<ConnectionActivity>,
    (limits, case): (Limits, HeaderCase),
    mut ending: watch::Receiver<Phase>,
) -> Result<(), ConnectionError> {
    let stream = tokio::select! {
        socket = timeout(limits.header_timeout, accepted.socket()) => match socket {
            Ok(socket) => socket.map_err(ConnectionError::Handshake)?,
            Err(_) => return Err(ConnectionError::Late(limits.header_timeout)),
        },
        () = reached(&mut ending, Phase::Ending) => return Ok(()),
    };
    let mut wire = Wire {
        stream,
        first: BytesMut::new(),
        state,
        write_timeout: limits.write_timeout,
        stuck: None,
    };
    let mut time = limits.header_timeout;
    let mut is_new = true;
    // Number of times that the allocator is still to be prompted for the memory of this connection.
    let mut times = 0;
    loop {
        let wait = if times > 0 { KEPT.min(time) } else { time };
        let protocol = tokio::select! {
            // Requests that have arrived by now are answered even at the end.
            biased;
            begun = timeout(wait, wire.begin(is_new)) => match begun {
                Ok(Ok(Some(protocol))) => protocol,
                Err(_) if wait < time => {
                    give_back();
                    (times, time) = (times - 1, time.saturating_sub(wait));
                    continue;
                }
                Ok(Ok(None) | Err(_)) | Err(_) => return Ok(()),
            },
            () = reached(&mut ending, Phase::Ending) => return Ok(()),
        };
        match protocol {
            Protocol::Http2 => {
                let served = Box::pin(serve_http2(wire, service, limits, ending)).await;
                return Ok(served?);
            }
            Protocol::Http1 => {
                match Box::pin(serve_http1(wire, service, (limits, case), &mut ending)).await? {
                    None => return Ok(()),
                    Some(rest) => (wire, service) = rest,
                }
            }
        }
        (is_new, time) = (false, limits.header_timeout.saturating_sub(STEP));
        give_back();
        times = TIMES - 1;
    }
}

/// Prompts the allocator to reclaim unused memory, of this connection and of others.
fn give_back() {
    /// Sizes of a buffer, and of a block that the allocator requests from the system, in bytes.
    const SIZES: [usize; 2] = [8 * 1024, 256 * 1024];
    SIZES
        .into_iter()
        .for_each(|size| drop(black_box(Vec::<u8>::with_capacity(size))));
}

/// Waits until the server has reached a phase.
async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let _gone = phase.wait_for(|phase| *phase >= wanted).await;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

async fn serve_http2<S: Answers>(
    wire: Wire,
    service: S,
    limits: Limits,
    mut ending: watch::Receiver<Phase>,
) -> Result<(), hyper::Error> {
    let state = Arc::clone(&wire.state);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams);
    // An idle connection stays open as long as its client answers pings.
    builder.keep_alive_interval(limits.header_timeout);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(wire), service));
    let stuck = async {
        while !state.is_stuck(limits.write_timeout) {
            sleep(STEP.min(limits.write_timeout)).await;
        }
    };
    let served = async {
        tokio::select! {
            biased;
            done = connection.as_mut() => return done,
            // Requests in flight are answered, and the client sends no more (RFC 9113 §6.8).
            () = reached(&mut ending, Phase::LastCall) => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    tokio::select! {
        biased;
        done = served => done,
        () = stuck => {
            tracing::debug!("the client read nothing of the answer for {:?}", limits.write_timeout);
            Ok(())
        }
    }
}

/// Serves requests until the connection ends, and then returns `None`; returns the socket and the
/// service if nothing has arrived for a while, so that the memory of the protocol is freed.
async fn serve_http1<S: Answers>(
    wire: Wire,
    service: S,
    (limits, case): (Limits, HeaderCase),
    ending: &mut watch::Receiver<Phase>,
) -> Result<Option<(Wire, S)>, hyper::Error> {
    let state = Arc::clone(&wire.state);
    let mut builder = http1::Builder::new();
    // The time for a head is checked in steps: a timer for each costs more than reading most heads.
    builder
        .header_read_timeout(None)
        .half_close(true)
        .preserve_header_case(case == HeaderCase::Kept);
    let step = STEP
        .min(limits.header_timeout)
        .max(Duration::from_millis(1));
    let mut waited = Duration::ZERO;
    let mut connection = builder.serve_connection(TokioIo::new(wire), service);
    let mut signal = ending.clone();
    let mut end = pin!(reached(ending, Phase::Ending));
    let mut tick = pin!(sleep(step));
    let mut seen = state.exchanges.load(Ordering::Relaxed);
    // After one poll, the timers wake this task by themselves; polling them for each event is
    // needless.
    let (mut is_asked, mut is_ending) = (false, false);
    let done = poll_fn(|context| {
        // Requests that have arrived by now are answered even at the end.
        if let Poll::Ready(done) = Pin::new(&mut connection).poll(context) {
            return Poll::Ready(Some(done));
        }
        if !is_ending
            && signal.has_changed().unwrap_or(true)
            && *signal.borrow_and_update() >= Phase::Ending
        {
            is_ending = true;
            Pin::new(&mut connection).graceful_shutdown();
            if let Poll::Ready(done) = Pin::new(&mut connection).poll(context) {
                return Poll::Ready(Some(done));
            }
        }
        if !is_asked {
            is_asked = true;
            let is_late = end.as_mut().poll(context).is_ready() && !is_ending;
            if tick.as_mut().poll(context).is_ready() || is_late {
                context.waker().wake_by_ref();
            }
        } else if tick.is_elapsed() {
            let now = state.exchanges.load(Ordering::Relaxed);
            let is_on = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
            let is_idle = now == seen && !is_on(&state.is_busy) && !is_on(&state.is_blocked);
            waited = if is_idle {
                waited + step
            } else {
                Duration::ZERO
            };
            seen = now;
            if waited >= limits.header_timeout {
                tracing::debug!("no request came for {waited:?}");
                return Poll::Ready(Some(Ok(())));
            }
            if waited >= STEP && !is_ending && is_on(&state.is_at_rest) {
                return Poll::Ready(None);
            }
            tick.as_mut().reset(Instant::now() + step);
            if tick.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
        Poll::Pending
    })
    .await;
    match done {
        Some(Ok(())) if let Some(upgrade) = state.tunnel() => {
            let parts = connection.into_parts();
            let first = BytesMut::from(parts.read_buf.as_ref());
            tunnel::run(parts.io.into_inner(), first, upgrade).await;
            Ok(None)
        }
        Some(done) => done.map(|()| None),
        None => {
            let parts = connection.into_parts();
            let mut wire = parts.io.into_inner();
            wire.first.extend_from_slice(&parts.read_buf);
            Ok(Some((wire, parts.service)))
        }
    }
}

/// Bytes reserved to read from a new connection before its protocol is known; most requests are
/// shorter.
const USUAL: usize = 1024;

/// Longest answer that is copied and sent in one piece, head included, in bytes.
const SMALL: usize = 1024;

/// Socket, with the bytes that were read from it before its protocol was known.
struct Wire {
    stream: Socket,
    first: BytesMut,
    state: Arc<ConnectionActivity>,
    write_timeout: Duration,
    /// Timer that ends once the client has taken nothing for `write_timeout`; `None` while it takes
    /// data.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.state.is_reset.load(Ordering::Relaxed) {
            self.stream.reset_at_end();
        }
    }
}

impl Wire {
    /// Waits for a request, or for the first bytes of a new connection, and returns the protocol;
    /// `None` if the client closed the connection.
    async fn begin(&mut self, is_new: bool) -> io::Result<Option<Protocol>> {
        loop {
            let expected = &PREFACE[..self.first.len().min(PREFACE.len())];
            if is_new && self.first.len() >= PREFACE.len() && self.first.starts_with(PREFACE) {
                return Ok(Some(Protocol::Http2));
            }
            if !self.first.is_empty() && (!is_new || !self.first.starts_with(expected)) {
                return Ok(Some(Protocol::Http1));
            }
            self.stream.readable().await?;
            if !is_new && !self.stream.is_secured() {
                return Ok(Some(Protocol::Http1));
            }
            self.first.reserve(USUAL);
            match self.stream.read_some(&mut self.first).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first[..length]);
            self.first.advance(length);
            if self.first.is_empty() {
                self.first = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.state.is_at_rest.store(false, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = bytes.iter().map(|part| part.len()).sum();
        let written = if length <= SMALL {
            // Copying a head and a short content costs less than a vectored write.
            let mut whole = [0; SMALL];
            let mut left = &mut whole[..];
            for part in bytes {
                let (place, rest) = left.split_at_mut(part.len());
                place.copy_from_slice(part);
                left = rest;
            }
            Pin::new(&mut self.stream).poll_write(context, &whole[..length])
        } else {
            Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
        };
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look_for_client(context);
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state.is_reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Wire {
    /// Notes the result of a write. A pending write keeps the connection from being idle, and
    /// becomes a `TimedOut` error if it lasts for `write_timeout`.
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.state
            .is_blocked
            .store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let time = self.write_timeout;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(time)));
        if stuck.as_mut().poll(context).is_ready() {
            tracing::debug!("the client read nothing of the answer for {time:?}");
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    /// Checks whether the client closed its side while an answer is delayed. `hyper` does not read
    /// then, but flushes each time that the connection is polled.
    fn look_for_client(&mut self, context: &mut Context<'_>) {
        if !self.state.is_waiting.load(Ordering::Relaxed) || !self.first.is_empty() {
            return;
        }
        let Self { stream, first, .. } = self;
        if stream.poll_closed(first, context).is_ready() {
            self.state.is_waiting.store(false, Ordering::Relaxed);
            self.state.left.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use hyper::service::service_fn;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use http::Version;

    use crate::server::pace;

    #[tokio::test]
    async fn a_connection_at_rest_holds_no_protocol() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let mut client = TcpStream::connect(listener.local_addr().expect("is bound"))
            .await
            .expect("connects");
        let (stream, _) = listener.accept().await.expect("accepts");
        let (state, ending) = (
            Arc::new(ConnectionActivity::default()),
            watch::Sender::new(Phase::Serving),
        );
        let told = Arc::clone(&state);
        let service = service_fn(move |_| {
            told.begin();
            told.end(true, true);
            let response = http::Response::new(Bytes::from_static(b"it"));
            let response = pace::body(
                response,
                Duration::ZERO,
                &told,
                Version::HTTP_11,
                &watch::Sender::new(Phase::Serving).subscribe(),
            );
            async { Ok::<_, Infallible>(response) }
        });
        let served = serve(
            Accepted::Plain(stream),
            service,
            Arc::clone(&state),
            (Limits::default(), HeaderCase::Lower),
            ending.subscribe(),
        );
        let served = tokio::spawn(served);
        // The test, the service and the connection hold references; HTTP/1.1 holds one more.
        for _ in 0..2 {
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .expect("is written");
            let mut answer = Vec::new();
            while !answer.ends_with(b"it") {
                client.read_buf(&mut answer).await.expect("is read");
            }
            assert_eq!(Arc::strong_count(&state), 4);
            let rest = async {
                while Arc::strong_count(&state) > 3 {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(10 * STEP, rest).await.expect("comes to rest");
        }
        ending.send_replace(Phase::Ending);
        timeout(STEP, served)
            .await
            .expect("ends at once")
            .expect("does not panic")
            .expect("is no error");
    }
}

//! Sockets, time and tasks: bytes from the network → exchange → bytes to the network.
//!
//! What is answered is left to `exchange`. The caller binds the listener and owns the signal.

mod connection;
pub mod control;
pub mod log;
mod pace;
pub mod stderr;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::connection::State;
use self::control::Control;
use crate::Sandbox;
use crate::contract::sending::Break;
use crate::exchange::problem::{self, Kind, Problem};
use crate::exchange::rejection::WARM_UPS;
use crate::exchange::{Body, ContentLimit, Report, Response, Sending};

/// What the server does not go beyond, and how fast it goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest request content, in bytes; a larger one is answered with 413 (`--max-body`).
    pub max_body: usize,
    /// How long exchanges in flight may take once the server is told to stop; what is not finished
    /// then is cut (`--drain`).
    pub drain: Duration,
    /// How many connections are served at a time; others wait in the queue of the system until one of them
    /// closes (`--max-connections`).
    pub max_connections: usize,
    /// How long a client may take to send the head of a request, or to begin the next one on a
    /// connection; then the connection is closed. In HTTP/2, how long nothing may come before a ping is
    /// sent that must be answered (`--header-timeout`).
    pub header_timeout: Duration,
    /// How long a client may take to send the content of a request; then it is answered with 408, and the
    /// connection closed (`--body-timeout`).
    pub body_timeout: Duration,
    /// How many requests one HTTP/2 connection may have open at a time; others wait (`--max-streams`).
    pub max_streams: u32,
    /// How long it waits before each item but the first of an answer that is sent item by item, such
    /// as server-sent events (`--item-delay`).
    pub item_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: ContentLimit::default().0,
            drain: Duration::from_secs(10),
            max_connections: 16_384,
            header_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            max_streams: 200,
            item_delay: Duration::ZERO,
        }
    }
}

/// How long connections are still accepted and read once the server is told to stop.
const LAST_CALL: Duration = Duration::from_millis(100);

/// How much of a content that is too large is read and dropped, in bytes: enough for most clients
/// to see the answer instead of a broken connection.
const DROPPED: usize = 64 * 1024 * 1024;

/// Serves the sandbox until `shutdown` is ready, and then finishes what is in flight.
pub async fn run(listener: TcpListener, sandbox: Arc<Sandbox>, limits: Limits, shutdown: impl Future<Output = ()>) {
    run_with(listener, Arc::new(Control::new(sandbox)), limits, shutdown).await;
}

/// Serves a sandbox with its control API until `shutdown` is ready, and then finishes what is in flight.
pub async fn run_with(
    listener: TcpListener,
    control: Arc<Control>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let server = Server {
        met: Once::new(),
        control,
        limits,
        places: Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
        ending: watch::Sender::new(false),
    };
    tokio::select! {
        () = server.accept(&listener) => {}
        () = shutdown => {}
    }
    // Who has connected by now has an exchange in flight, even if it was not read yet.
    let _over = tokio::time::timeout(LAST_CALL, server.accept(&listener)).await;
    drop(listener);
    server.control.end();
    server.ending.send_replace(true);
    tokio::select! {
        () = server.ending.closed() => {}
        () = tokio::time::sleep(limits.drain) => tracing::warn!("exchanges in flight were cut after {:?}", limits.drain),
    }
}

/// What all connections share.
struct Server {
    /// Done once the first client is there.
    met: Once,
    control: Arc<Control>,
    limits: Limits,
    /// One for each connection that may still come.
    places: Arc<Semaphore>,
    /// Says when connections are to end; each of them listens as long as it is there.
    ending: watch::Sender<bool>,
}

impl Server {
    /// Accepts connections, for ever; while all places are taken none is.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _peer)) => {
                    self.met.call_once(Self::warm_up);
                    self.serve(stream, place);
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others must close first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Has what any wrong request needs by the time that one comes; without clients it is only in the way.
    fn warm_up() {
        WARM_UPS.into_iter().for_each(|warm_up| drop(tokio::task::spawn_blocking(warm_up)));
    }

    /// Serves a connection.
    fn serve(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Answers are written whole, so waiting to fill a packet only costs time.
        let _unsupported = stream.set_nodelay(true);
        let (limits, ending) = (self.limits, self.ending.subscribe());
        let state = Arc::new(State::default());
        // Each connection counts who uses its own; what all share would be counted by all threads at once.
        let own = Arc::new((Arc::clone(&self.control), Arc::clone(&state)));
        let service = service_fn(move |request| {
            let own = Arc::clone(&own);
            async move {
                let (control, state) = &*own;
                state.begin();
                let (mut response, is_read) = exchange(control, request, limits).await;
                let Sending { delay, fault, .. } = response.extensions_mut().remove().unwrap_or_default();
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                match fault {
                    Some(Break::Reset) => {
                        state.reset();
                        Err(Wanted)
                    }
                    Some(Break::Empty) => Err(Wanted),
                    Some(Break::Truncate) => Ok(pace::truncated(response)),
                    Some(Break::SlowBody) => Ok(pace::slowly(response)),
                    Some(Break::Status(_)) | None => {
                        let response = pace::body(response, limits.item_delay);
                        state.end(is_read, pace::is_whole(&response));
                        Ok(response)
                    }
                }
            }
        });
        tokio::spawn(async move {
            if let Err(error) = connection::serve(stream, service, state, limits, ending).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

/// The connection breaks off because a fixture wants it.
#[derive(Debug, thiserror::Error)]
#[error("a fixture lets the connection break off")]
struct Wanted;

/// One request, one response, one line in the log; and whether the request was read to its end.
async fn exchange(control: &Control, request: http::Request<Incoming>, limits: Limits) -> (Response, bool) {
    let started = Instant::now();
    let (head, incoming) = request.into_parts();
    let mut noting = None;
    let read = in_time(incoming, limits).await;
    let is_read = matches!(read, Ok(Body::Complete(_)));
    let (request, (response, report)) = match read {
        Ok(body) => {
            let request = http::Request::from_parts(head, body);
            let answered = guarded(|| {
                let (answered, exchange) = control.answered(&request);
                noting = exchange;
                answered
            });
            (request, answered)
        }
        Err(fault) => (http::Request::from_parts(head, Body::Complete(Bytes::new())), fault.answer()),
    };
    let took = started.elapsed();
    log::exchange(control, &request, &response, &report, took);
    if let Some(noting) = noting {
        control.note(&request, noting, &response, report, took);
    }
    (response, is_read)
}

/// Why the content of a request could not be read.
enum ReadFault {
    BrokenOff(Box<dyn std::error::Error + Send + Sync>),
    /// It was not complete after this time.
    TooSlow(Duration),
}

impl ReadFault {
    fn answer(&self) -> (Response, Report) {
        match self {
            Self::BrokenOff(error) => {
                let detail = format!("the content broke off: {error}");
                problem_response(&Problem::new(Kind::Malformed, StatusCode::BAD_REQUEST, detail))
            }
            Self::TooSlow(time) => {
                let detail = format!("the content was not complete after {time:?} (`--body-timeout`)");
                let problem = Problem::new(Kind::Timeout, StatusCode::REQUEST_TIMEOUT, detail);
                let (mut response, report) = problem_response(&problem);
                // RFC 9110 §15.5.9
                response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
                (response, report)
            }
        }
    }
}

/// The content of a request, if it comes in time.
async fn in_time(incoming: Incoming, limits: Limits) -> Result<Body, ReadFault> {
    if incoming.is_end_stream() {
        return Ok(Body::Complete(Bytes::new()));
    }
    tokio::select! {
        // Most contents are there by now, and then no clock is set.
        biased;
        read = read(incoming, limits.max_body) => read.map_err(ReadFault::BrokenOff),
        () = tokio::time::sleep(limits.body_timeout) => Err(ReadFault::TooSlow(limits.body_timeout)),
    }
}

async fn read(incoming: Incoming, max: usize) -> Result<Body, Box<dyn std::error::Error + Send + Sync>> {
    let mut limited = Limited::new(incoming, max.saturating_add(DROPPED));
    let mut parts: Vec<Bytes> = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = limited.frame().await {
        match frame {
            Ok(frame) => {
                let Ok(data) = frame.into_data() else { continue };
                length += data.len();
                if length > max {
                    parts.clear();
                } else {
                    parts.push(data);
                }
            }
            Err(error) if error.is::<LengthLimitError>() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(match parts.len() {
        _ if length > max => Body::TooLarge(max),
        0 => Body::Complete(Bytes::new()),
        1 => Body::Complete(parts.swap_remove(0)),
        _ => Body::Complete(Bytes::from(parts.concat())),
    })
}

/// A panic costs its exchange, not the process.
fn guarded(answer: impl FnOnce() -> (Response, Report)) -> (Response, Report) {
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| failed(&*panic))
}

fn failed(panic: &(dyn std::any::Any + Send)) -> (Response, Report) {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("?"), "an exchange failed");
    let detail = "the sandbox failed to answer this request; its log says more";
    problem_response(&Problem::new(Kind::Internal, StatusCode::INTERNAL_SERVER_ERROR, detail))
}

/// A problem that is about no operation.
fn problem_response(problem: &Problem) -> (Response, Report) {
    let mut response = Response::new(problem.content());
    *response.status_mut() = problem.status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
    let report = Report { source: format!("problem {}", problem.kind.name()).into(), ..Report::default() };
    (response, report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_500_problem() {
        let (response, report) = guarded(|| panic!("what cannot happen"));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = String::from_utf8_lossy(response.body()).into_owned();
        assert!(body.contains("/_standin/problems/internal") && !body.contains("cannot happen"), "{body}");
        assert_eq!(report.source, "problem internal");
    }
}

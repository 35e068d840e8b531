//! Sockets, time and tasks: bytes from the network → exchange → bytes to the network.
//!
//! What is answered is left to `exchange`. The caller binds the listener and owns the signal.

pub mod control;
pub mod log;
mod pace;

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use self::control::Control;
use crate::Sandbox;
use crate::exchange::problem::{self, Kind, Problem};
use crate::exchange::{Body, Report, Response};

/// What the server does not go beyond, and how fast it goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest request content, in bytes; a larger one is answered with 413 (`--max-body`).
    pub max_body: usize,
    /// How long exchanges in flight may take once the server is told to stop; what is not finished
    /// then is cut (`--drain`).
    pub drain: Duration,
    /// How long a client may take to send the head of a request, or to begin the next one on a
    /// connection; then the connection is closed.
    pub header_timeout: Duration,
    /// How long it waits before each item but the first of an answer that is sent item by item, such
    /// as server-sent events (`--item-delay`).
    pub item_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 10 * 1024 * 1024,
            drain: Duration::from_secs(10),
            header_timeout: Duration::from_secs(75),
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
    let graceful = GracefulShutdown::new();
    let control = Arc::new(Control::new(sandbox));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => serve_connection(stream, Arc::clone(&control), limits, &graceful),
                Err(error) => {
                    // Out of file descriptors, most likely: others must close first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    // Who has connected by now has an exchange in flight, even if it was not read yet.
    let last_call = tokio::time::sleep(LAST_CALL);
    tokio::pin!(last_call);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _peer)) = accepted {
                    serve_connection(stream, Arc::clone(&control), limits, &graceful);
                }
            }
            () = &mut last_call => break,
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(limits.drain) => tracing::warn!("exchanges in flight were cut after {:?}", limits.drain),
    }
}

fn serve_connection(stream: TcpStream, control: Arc<Control>, limits: Limits, graceful: &GracefulShutdown) {
    // Answers are written whole, so waiting to fill a packet only costs time.
    let _unsupported = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let control = Arc::clone(&control);
        async move {
            let response = exchange(&control, request, limits).await;
            Ok::<_, Infallible>(pace::body(response, limits.item_delay))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// One request, one response, one line in the log.
async fn exchange(control: &Control, request: http::Request<Incoming>, limits: Limits) -> Response {
    let started = Instant::now();
    let (head, incoming) = request.into_parts();
    let (response, report) = match read(incoming, limits.max_body).await {
        Ok(body) => {
            let request = http::Request::from_parts(head.clone(), body);
            guarded(|| control.answer(&request))
        }
        Err(error) => broken_off(&*error),
    };
    log::exchange(&head, &response, &report, started.elapsed());
    response
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

fn broken_off(error: &(dyn std::error::Error + Send + Sync)) -> (Response, Report) {
    let detail = format!("the content broke off: {error}");
    problem_response(&Problem::new(Kind::Malformed, StatusCode::BAD_REQUEST, detail))
}

/// A problem that is about no operation.
fn problem_response(problem: &Problem) -> (Response, Report) {
    let mut response = Response::new(problem.content());
    *response.status_mut() = problem.status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
    let report = Report { source: format!("problem {}", problem.kind.name()), ..Report::default() };
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

//! Sockets, time and tasks: bytes from the network → exchange → bytes to the network.
//!
//! `exchange` computes the answers. The caller binds the listener and owns the signal.

mod activity;
pub(crate) mod budget;
mod clock;
mod compute;
mod connection;
pub(crate) mod console;
mod content;
pub(crate) mod control;
pub(crate) mod current;
mod hold;
mod limits;
pub(crate) mod listener;
pub(crate) mod log;
mod message;
mod outgoing;
mod pace;
mod proxy;
mod quick;
pub(crate) mod reload;
mod shared;
mod signature;
pub(crate) mod stderr;
pub(crate) mod tls;
pub(crate) mod watcher;

pub use crate::server::limits::Limits;
pub(crate) use crate::server::listener::Listener;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Sandbox;
use crate::codec::message::{Body, Request, Response, Secured};
use crate::contract::simulation::Break;
use crate::errors::WARM_UPS;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::{Report, Sending};
use crate::server::activity::ConnectionActivity;
use crate::server::budget::{Budget, SMALL};
use crate::server::compute::ChosenThread;
use crate::server::connection::HeaderCase;
use crate::server::content::{ReadFault, in_time};
use crate::server::control::Control;
use crate::server::control::sender::ReadyToSend;
use crate::server::control::session::PREFIX;
use crate::server::control::verify::RepeatFor;
use crate::server::current::CurrentControl;
use crate::server::limits::Phase;
use crate::server::listener::{Accepted, Listeners};
use crate::server::message::problem_response;
use crate::server::proxy::Forwarding;
use crate::server::shared::{BrokenOff, ConnectionState, Shared};

/// Pause after a failure to accept a connection: other connections must close first.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

/// Interval at which failures to accept connections are reported; those in between are counted.
const FAILURES_TOLD: Duration = Duration::from_secs(60);

/// Pause before an answer that waits for further calls (`within`) is computed again.
const BEFORE_A_REPETITION: Duration = Duration::from_millis(25);

/// Time for which connections are still accepted and read when the server stops.
const LAST_CALL: Duration = Duration::from_millis(100);

/// Serves the sandbox until `shutdown` is ready, and then finishes the exchanges in flight.
pub async fn run(
    listener: TcpListener,
    sandbox: Arc<Sandbox>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let control = Arc::new(CurrentControl::new(Arc::new(Control::new(sandbox))));
    run_with(listener, control, limits, shutdown).await;
}

/// Serves a sandbox with its control API until `shutdown` is ready, and then finishes the exchanges
/// in flight.
pub async fn run_with(
    listener: TcpListener,
    control: Arc<CurrentControl>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    run_on(vec![Listener::Plain(listener)], control, limits, shutdown).await;
}

/// Serves a sandbox with its control API on several listeners, as [`run_with`] does on one.
pub(crate) async fn run_on(
    listeners: Vec<Listener>,
    control: Arc<CurrentControl>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let listeners = Listeners::new(listeners);
    let server = Server {
        met: Once::new(),
        control,
        limits,
        places: Arc::new(Semaphore::new(
            limits.max_connections.clamp(1, Semaphore::MAX_PERMITS),
        )),
        phase: watch::Sender::new(Phase::Serving),
        shared: Arc::new(Shared {
            is_last_call: AtomicBool::new(false),
            budget: Budget::new(limits.content_memory),
            slots: compute::slots(),
        }),
    };
    tokio::select! {
        () = server.accept(&listeners) => {}
        () = shutdown => {}
    }
    server.shared.is_last_call.store(true, Ordering::Relaxed);
    server.phase.send_replace(Phase::LastCall);
    // A client that has connected by now has an exchange in flight, even if its request has not
    // been read yet.
    let _over = tokio::time::timeout(LAST_CALL, server.accept(&listeners)).await;
    drop(listeners);
    server.control.end();
    server.phase.send_replace(Phase::Ending);
    tokio::select! {
        () = server.phase.closed() => {}
        () = tokio::time::sleep(limits.drain) => tracing::warn!("exchanges in flight were cut after {:?}", limits.drain),
    }
}

/// State that all connections share.
struct Server {
    /// Completed when the first client connects.
    met: Once,
    control: Arc<CurrentControl>,
    limits: Limits,
    /// Permits for further connections.
    places: Arc<Semaphore>,
    /// Phase of the server; each connection subscribes to it for as long as it lives.
    phase: watch::Sender<Phase>,
    shared: Arc<Shared>,
}

impl Server {
    /// Accepts connections forever; none while all permits are taken.
    async fn accept(&self, listeners: &Listeners) {
        let mut failures = Failures::default();
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            match listeners.accept().await {
                Ok(accepted) => {
                    self.met.call_once(Self::warm_up);
                    self.serve(accepted, place);
                }
                Err(error) => {
                    // The most likely cause: no file descriptors are left.
                    failures.tell(&error);
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                }
            }
        }
    }

    /// Loads the data that rejections need before the first wrong request arrives; a server without
    /// clients does not need it.
    fn warm_up() {
        WARM_UPS
            .into_iter()
            .for_each(|warm_up| drop(tokio::task::spawn_blocking(warm_up)));
    }

    /// Serves a connection in a new task.
    fn serve(&self, accepted: Accepted, place: OwnedSemaphorePermit) {
        let (limits, phase) = (self.limits, self.phase.subscribe());
        let state = Arc::new(ConnectionActivity::default());
        let (control, shared) = (Arc::clone(&self.control), Arc::clone(&self.shared));
        let case = match control.load().upstream() {
            Some(_) => HeaderCase::Kept,
            None => HeaderCase::Lower,
        };
        let own = Arc::new(ConnectionState {
            control,
            state: Arc::clone(&state),
            shared,
            limits,
            phase: phase.clone(),
        });
        let is_secured = accepted.is_secured();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            if is_secured {
                request.extensions_mut().insert(Secured);
            }
            let own = Arc::clone(&own);
            async move { own.answer(request).await }
        });
        tokio::spawn(async move {
            let served = connection::serve(accepted, service, state, (limits, case), phase);
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

/// Failures to accept connections, which are reported once per interval.
#[derive(Default)]
struct Failures {
    count: u64,
    told: Option<Instant>,
}

impl Failures {
    fn tell(&mut self, error: &std::io::Error) {
        self.count += 1;
        if self.told.is_none_or(|told| told.elapsed() >= FAILURES_TOLD) {
            let count = std::mem::take(&mut self.count);
            self.told = Some(Instant::now());
            tracing::warn!(%error, count, "connections could not be accepted, and wait until others close");
        }
    }
}

impl ConnectionState {
    /// Answers a request, or forwards it to the real API.
    ///
    /// # Errors
    ///
    /// `BrokenOff`, if a fixture breaks the connection off.
    async fn answer(
        self: &Arc<Self>,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<pace::Outgoing>, BrokenOff> {
        self.state.begin();
        let version = request.version();
        let control = self.control.load();
        let Some(upstream) = control.upstream().map(Arc::clone) else {
            drop(control);
            let answered = self.exchange(request).await;
            return self.finished(answered, version).await;
        };
        let (started, control) = (Instant::now(), Arc::clone(&control));
        let answered = match proxy::answer_request(self, request, control, upstream).await {
            Forwarding::Done(response) => {
                return response.map(|response| self.closing(response, version));
            }
            Forwarding::ToSandbox(request) => self.exchange(request).await,
            Forwarding::ToSandboxRead(request) => {
                (self.counted(self.work_out(request, started).await), true)
            }
            Forwarding::Unreadable(head, fault) => (self.unreadable(head, &fault, started), false),
        };
        self.finished(answered, version).await
    }

    /// Announces the end of a connection of HTTP/1.1 if the server ends (RFC 9112 §9.6): the client does
    /// not send another request that would be lost.
    fn closing<B>(&self, mut response: http::Response<B>, version: Version) -> http::Response<B> {
        if self.is_ending()
            && version < Version::HTTP_2
            && response.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Applies the delay, the fault and the pace of an answer of the sandbox.
    ///
    /// # Errors
    ///
    /// `BrokenOff`, if a fixture breaks the connection off.
    async fn finished(
        &self,
        (mut response, is_read): (Response, bool),
        version: Version,
    ) -> Result<http::Response<pace::Outgoing>, BrokenOff> {
        let state = &self.state;
        let Sending { delay, fault, .. } = response.extensions_mut().remove().unwrap_or_default();
        if !delay.is_zero() {
            state.wait(delay, version).await;
        }
        if let Some(ready) = response.extensions_mut().remove::<ReadyToSend>() {
            outgoing::send_later(&self.control, ready);
        }
        response = self.closing(response, version);
        match fault {
            Some(Break::Reset) => {
                state.reset();
                Err(BrokenOff)
            }
            Some(Break::Empty) => Err(BrokenOff),
            Some(Break::Truncate) => Ok(pace::truncated(response)),
            Some(Break::SlowBody) => Ok(pace::slowly(response, state, version)),
            Some(Break::Status(_)) | None => {
                let delay = self.limits.item_delay;
                let response = pace::body(response, delay, state, version, &self.phase);
                state.end(is_read, pace::is_whole(&response));
                Ok(response)
            }
        }
    }

    /// Answers one request and logs it in one line; also returns true if the request was read to
    /// its end.
    async fn exchange(&self, request: http::Request<Incoming>) -> (Response, bool) {
        let started = Instant::now();
        let (head, incoming) = request.into_parts();
        let mut share = self.shared.budget.share();
        let read = match message::refused(&head) {
            Some(problem) => Err(ReadFault::Refused(problem)),
            None => in_time(incoming, self.limits, &mut share).await,
        };
        let is_read = matches!(read, Ok(Body::Complete(_)));
        let is_busy = self.shared.budget.is_spent()
            && share.is_empty()
            && !head.uri.path().starts_with(PREFIX);
        let read = if is_busy {
            Err(ReadFault::NoRoom(self.limits.content_memory))
        } else {
            read
        };
        let response = match read {
            Ok(body) => {
                self.work_out(http::Request::from_parts(head, body), started)
                    .await
            }
            Err(fault) => self.unreadable(head, &fault, started),
        };
        drop(share);
        (self.counted(response), is_read)
    }

    /// Answers a request whose content could not be read, and logs it.
    fn unreadable(&self, head: Parts, fault: &ReadFault, started: Instant) -> Response {
        let request = http::Request::from_parts(head, Body::Complete(Bytes::new()));
        let (response, report) = fault.answer();
        let took = started.elapsed();
        log::exchange(&self.control.load(), &request, &response, &report, took);
        response
    }

    /// Answers a request on this thread or on a thread for long work, see `compute::place`.
    async fn work_out(&self, request: Request, started: Instant) -> Response {
        let (control, place, operation) = {
            // One contract answers the whole exchange, even if a reload replaces it meanwhile.
            let control = self.control.load();
            let (place, operation) = compute::place(&control, &request);
            if place == ChosenThread::Here {
                return answer_and_note(&control, &request, operation, started);
            }
            (Arc::clone(&control), place, operation)
        };
        let request = Arc::new(request);
        loop {
            let slot = match place {
                ChosenThread::Alone => None,
                // The semaphore is never closed.
                _ => Arc::clone(&self.shared.slots).acquire_owned().await.ok(),
            };
            let noted = control.noted();
            let (control_now, request_now) = (Arc::clone(&control), Arc::clone(&request));
            let work = tokio::task::spawn_blocking(move || {
                let response = answer_and_note(&control_now, &request_now, operation, started);
                drop(slot);
                response
            });
            let mut response = work.await.unwrap_or_else(|error| failed(&error).0);
            match response.extensions_mut().remove::<RepeatFor>() {
                Some(RepeatFor(limit)) => {
                    // Only a further exchange can change the answer.
                    while control.noted() == noted {
                        if started.elapsed() >= limit || self.is_ending() {
                            return response;
                        }
                        tokio::time::sleep(BEFORE_A_REPETITION).await;
                    }
                }
                None => return response,
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.shared.is_last_call.load(Ordering::Relaxed)
    }

    /// Counts the content of an answer as long as it is in memory for this answer alone.
    fn counted(&self, mut response: Response) -> Response {
        let content = response.body();
        if content.len() > SMALL && content.is_unique() {
            let content = std::mem::take(response.body_mut());
            *response.body_mut() = budget::counted(content, &self.shared.budget);
        }
        response
    }
}

/// Answers a request, and notes the exchange in the log and the journal.
fn answer_and_note(
    control: &Control,
    request: &Request,
    operation: Option<usize>,
    started: Instant,
) -> Response {
    let began = Instant::now();
    let mut noting = None;
    let (response, report) = guarded(|| {
        let (answered, exchange) = control.answered(request);
        noting = exchange;
        answered
    });
    if let Some(operation) = operation {
        control.paces.note(operation, began.elapsed());
    }
    let took = started.elapsed();
    log::exchange(control, request, &response, &report, took);
    if let Some(noting) = noting {
        control.note(request, noting, &response, report, took);
    }
    response
}

/// Computes an answer; a panic costs its exchange a 500, not the process.
fn guarded(answer: impl FnOnce() -> (Response, Report)) -> (Response, Report) {
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| failed(&*panic))
}

fn failed(panic: &(dyn std::any::Any + Send)) -> (Response, Report) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("?"), "an exchange failed");
    let detail = "the sandbox failed to answer this request; its log says more";
    problem_response(&Problem::new(
        ProblemKind::Internal,
        StatusCode::INTERNAL_SERVER_ERROR,
        detail,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_500_problem() {
        let (response, report) = guarded(|| panic!("what cannot happen"));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = String::from_utf8_lossy(response.body()).into_owned();
        assert!(
            body.contains("/_standin/problems/internal") && !body.contains("cannot happen"),
            "{body}"
        );
        assert_eq!(report.source, "problem internal");
    }
}

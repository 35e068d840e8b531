//! Sends the callbacks of answered requests and the webhooks of documents, and notes them in the
//! journal.
//!
//! `exchange::outgoing` makes the requests. Sending never holds an answer or the end of the server.
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode, Uri};

use crate::codec::message::{Body, Request, Response};
use crate::exchange::Report;
use crate::exchange::observed::judge_response;
use crate::exchange::outgoing::{OutgoingOrigin, OutgoingRequest};
use crate::server::control::sender::{MOST_TASKS, NotAnswered, ReadyToSend, Sender};
use crate::server::control::session::PREFIX;
use crate::server::control::{Control, Noting};
use crate::server::current::CurrentControl;
use crate::state::answered::{Answered, AnsweredBy};
use crate::validate::Violation;

/// Time after an answer until its first callback is sent: the client has the answer by then.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(50);

/// Pauses before the second and each further attempt.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Longest `Retry-After` of a receiver that is respected; a longer one is cut.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Header field with the name of the session, as clients send it.
const SESSION: HeaderName = HeaderName::from_static("standin-session");

/// Sends the requests of an answer in a task of their own, one after the other.
pub(super) fn send_later(control: &Arc<CurrentControl>, ready: ReadyToSend) {
    let sender = Arc::clone(control.load().sender());
    let Some(task) = sender.task() else {
        tracing::warn!("callbacks are not sent: {MOST_TASKS} others are not finished");
        return;
    };
    let control = Arc::clone(control);
    tokio::spawn(async move {
        tokio::time::sleep(AFTER_THE_ANSWER).await;
        for outgoing in ready.requests.iter() {
            let sending = Sending {
                sender: &sender,
                ready: &ready,
                origin: outgoing.origin,
            };
            sending.run(outgoing, &control).await;
        }
        drop(task);
    });
}

/// One request while it is sent.
struct Sending<'s> {
    sender: &'s Sender,
    ready: &'s ReadyToSend,
    origin: OutgoingOrigin,
}

impl Sending<'_> {
    /// Sends a request until the receiver takes it or all attempts are used up; each attempt is
    /// noted.
    async fn run(&self, outgoing: &OutgoingRequest, control: &CurrentControl) {
        let label = self.origin.label(self.ready.sandbox.contract());
        let mut request = match &outgoing.request {
            Ok(request) => request.clone(),
            Err(error) => {
                tracing::warn!("{label} is not sent: {error}");
                return;
            }
        };
        if !self.ready.session.is_empty()
            && let Ok(name) = HeaderValue::from_str(&self.ready.session)
        {
            request.headers_mut().insert(SESSION, name);
        }
        if !self.sender.policy().allows(request.uri()) {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let refused = Err(NotAnswered::NotAllowed(host));
            self.note(control, &request, refused, Duration::ZERO);
            return;
        }
        let mut pauses = PAUSES.into_iter();
        loop {
            let started = Instant::now();
            let answered = self.sender.once(&request).await;
            let pause = pauses.next().filter(|_| is_retried(&answered));
            let pause = pause.map(|pause| retry_after(&answered).unwrap_or(pause));
            self.note(control, &request, answered, started.elapsed());
            let Some(pause) = pause else { return };
            tokio::time::sleep(pause).await;
        }
    }

    /// Notes an attempt in the journal and in the log.
    fn note(
        &self,
        control: &CurrentControl,
        request: &http::Request<Bytes>,
        answered: Result<http::Response<Body>, NotAnswered>,
        took: Duration,
    ) {
        let contract = self.ready.sandbox.contract();
        let label = self.origin.label(contract);
        let request: Request = request.clone().map(Body::Complete);
        let is_sent = answered.is_ok();
        let (response, source, violations) = match answered {
            Ok(response) => {
                let described = self.origin.of(contract);
                // The inbox answers as it does, whatever the document says of a receiver.
                let described = described.filter(|_| !is_inbox(request.uri()));
                let judged = described
                    .map(|outgoing| judge_response(&outgoing.operation, &request, &response));
                let violations = judged.unwrap_or_default().violations;
                let violations: Vec<String> = violations.iter().map(Violation::summary).collect();
                (response.map(|body| body.bytes()), label, violations)
            }
            Err(why) => {
                let why = format!("{label} is not sent: {why}");
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                (response, why, Vec::new())
            }
        };
        let (method, url, status) = (request.method(), request.uri(), response.status().as_u16());
        if is_sent {
            tracing::info!("{method} {url} {status} ({source})");
        } else {
            tracing::warn!("{method} {url} ({source})");
        }
        for violation in &violations {
            tracing::warn!("the receiver answers {}: {violation}", request.uri());
        }
        let noting = Noting::of_outgoing(
            &self.ready.session,
            Answered {
                by: AnsweredBy::Receiver,
                violations,
            },
        );
        let report = Report {
            source: source.into(),
            ..Report::default()
        };
        let control: &Control = &control.load();
        if control.keeps_journal() {
            control.note(&request, noting, &response, report, took);
        }
    }
}

/// Returns true if an attempt is worth another one: the receiver was not reached, is busy, or
/// failed.
fn is_retried(answered: &Result<http::Response<Body>, NotAnswered>) -> bool {
    let is_later = |status: StatusCode| {
        status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
            )
    };
    answered
        .as_ref()
        .map_or(true, |response| is_later(response.status()))
}

/// Returns the pause that the receiver asks for in seconds (RFC 9110 §10.2.3).
fn retry_after(answered: &Result<http::Response<Body>, NotAnswered>) -> Option<Duration> {
    let value = answered.as_ref().ok()?.headers().get(RETRY_AFTER)?;
    let seconds: u64 = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// Returns true if a URL is that of an inbox of a sandbox.
fn is_inbox(url: &Uri) -> bool {
    let at = url.path().find(PREFIX);
    at.is_some_and(|at| url.path()[at + PREFIX.len()..].starts_with("inbox/"))
}

//! Sends the callbacks of answered requests and the webhooks of documents, and notes them in the
//! journal.
//!
//! `exchange::outgoing` makes the requests. Sending never holds an answer or the end of the server.
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::codec::message::{Body, Request, Response};
use crate::exchange::Report;
use crate::exchange::observed::judge_response;
use crate::exchange::outgoing::{InboxPlace, OutgoingError, OutgoingRequest};
use crate::server::control::sender::{NotAnswered, ReadyToSend, Sender, receiver_of};
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
    let refused = match (&ready.page, sender.task(&ready)) {
        (Some(page), _) => Err(NotAnswered::ForeignPage(page.clone())),
        (None, None) => Err(NotAnswered::TooMany),
        (None, Some(task)) => Ok(task),
    };
    let task = match refused {
        Ok(task) => task,
        Err(refused) => {
            let why = refused.to_string();
            for outgoing in ready.requests.iter() {
                let refused = NotAnswered::Failed(why.clone());
                Sending::new(&sender, &ready, outgoing).note_unsent(control, &refused);
            }
            return;
        }
    };
    let control = Arc::clone(control);
    tokio::spawn(async move {
        tokio::time::sleep(AFTER_THE_ANSWER).await;
        for outgoing in ready.requests.iter() {
            Sending::new(&sender, &ready, outgoing).run(&control).await;
        }
        drop(task);
    });
}

/// One request while it is sent.
struct Sending<'s> {
    sender: &'s Sender,
    ready: &'s ReadyToSend,
    outgoing: &'s OutgoingRequest,
}

impl<'s> Sending<'s> {
    fn new(sender: &'s Sender, ready: &'s ReadyToSend, outgoing: &'s OutgoingRequest) -> Self {
        Self {
            sender,
            ready,
            outgoing,
        }
    }

    /// Returns true if the session was reset after the request was made, which drops it.
    fn is_dropped(&self) -> bool {
        self.sender.drops(self.ready)
    }

    /// Sends a request until the receiver takes it or all attempts are used up; each attempt is
    /// noted.
    async fn run(&self, control: &CurrentControl) {
        if self.is_dropped() {
            return;
        }
        let mut request = match &self.outgoing.request {
            Ok(request) => request.clone(),
            Err(error @ OutgoingError::NoReceiver(_)) => {
                return tracing::debug!("a callback is not sent: {error}");
            }
            Err(error) => return self.note_unsent(control, &error.clone().into()),
        };
        if !self.ready.session.is_empty()
            && self.ready.session.is_ascii()
            && let Ok(name) = HeaderValue::from_str(&self.ready.session)
        {
            request.headers_mut().insert(SESSION, name);
        }
        if let Some(inbox) = &self.outgoing.inbox {
            let answered = self.put_in_inbox(control, inbox, &request);
            return self.note(control, &request, answered, Duration::ZERO);
        }
        if !self.sender.policy().allows(request.uri()) {
            let host = receiver_of(request.uri()).to_owned();
            return self.note_unsent(control, &NotAnswered::NotAllowed(host));
        }
        let mut pauses = PAUSES.into_iter();
        loop {
            let started = Instant::now();
            let answered = self.sender.once(&request).await;
            if self.is_dropped() {
                return;
            }
            let pause = pauses.next().filter(|_| is_retried(&answered));
            let pause = pause.map(|pause| retry_after(&answered).unwrap_or(pause));
            self.note(control, &request, answered, started.elapsed());
            let Some(pause) = pause else { return };
            tokio::time::sleep(pause).await;
            if self.is_dropped() {
                return;
            }
        }
    }

    /// Delivers a request to an inbox of this sandbox, which needs no connection.
    fn put_in_inbox(
        &self,
        control: &CurrentControl,
        inbox: &InboxPlace,
        request: &http::Request<Bytes>,
    ) -> Result<http::Response<Body>, NotAnswered> {
        let session = inbox.session.as_ref().unwrap_or(&self.ready.session);
        let place = (session.clone(), inbox.name.clone());
        let control: &Control = &control.load();
        let put = control.put_in_inbox(place, request.method(), request.headers(), request.body());
        put.map_err(|problem| NotAnswered::Failed(problem.detail))?;
        let mut response = http::Response::new(Body::Complete(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// Notes a request that is not sent.
    fn note_unsent(&self, control: &CurrentControl, why: &NotAnswered) {
        let contract = self.ready.sandbox.contract();
        let label = self.outgoing.origin.label(contract);
        let source = format!("{label} is not sent: {why}");
        let request = match &self.outgoing.request {
            Ok(request) => request.clone(),
            Err(_) => {
                let mut request = http::Request::new(Bytes::new());
                let described = self.outgoing.origin.of(contract);
                if let Some(described) = described {
                    described.operation.method.clone_into(request.method_mut());
                }
                request
            }
        };
        tracing::warn!("{source}");
        self.enter(
            control,
            request,
            &no_answer(),
            source,
            Vec::new(),
            Duration::ZERO,
        );
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
        let label = self.outgoing.origin.label(contract);
        let (method, url) = (request.method(), request.uri());
        let (response, source, violations) = match answered {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::info!("{method} {url} {status} ({label})");
                let violations = self.violations(request, &response);
                (response.map(|body| body.bytes()), label, violations)
            }
            Err(why) => {
                let source = format!("{label} has no answer: {why}");
                tracing::warn!("{method} {url} ({source})");
                (no_answer(), source, Vec::new())
            }
        };
        for violation in &violations {
            tracing::warn!("the receiver answers {url}: {violation}");
        }
        self.enter(
            control,
            request.clone(),
            &response,
            source,
            violations,
            took,
        );
    }

    /// Returns what is wrong with the answer of a receiver, and what could not be checked; nothing of
    /// an inbox, whatever the document says of a receiver.
    fn violations(
        &self,
        request: &http::Request<Bytes>,
        response: &http::Response<Body>,
    ) -> Vec<String> {
        let contract = self.ready.sandbox.contract();
        let described = self.outgoing.origin.of(contract);
        let Some(described) = described.filter(|_| self.outgoing.inbox.is_none()) else {
            return Vec::new();
        };
        let request: Request = request.clone().map(Body::Complete);
        let judged = judge_response(&described.operation, &request, response);
        let violations = judged.violations.iter().map(Violation::summary);
        violations.chain(judged.unchecked).collect()
    }

    /// Enters a request into the journal.
    fn enter(
        &self,
        control: &CurrentControl,
        request: http::Request<Bytes>,
        response: &Response,
        source: String,
        violations: Vec<String>,
        took: Duration,
    ) {
        let answered = Answered {
            by: AnsweredBy::Receiver,
            violations,
        };
        let noting = Noting::of_outgoing(&self.ready.session, answered);
        let report = Report {
            source: source.into(),
            ..Report::default()
        };
        let control: &Control = &control.load();
        if control.keeps_journal() {
            let request: Request = request.map(Body::Complete);
            control.note(&request, noting, response, report, took);
        }
    }
}

/// Returns what the journal has in place of an answer that did not come.
fn no_answer() -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
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

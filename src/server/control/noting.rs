//! Exchanges with the simulated API: answers them, counts them in the coverage, and notes them in the
//! journal and for listeners.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use crate::codec::accept::Accept;
use crate::codec::compression;
use crate::codec::message::{Request, Response};
use crate::codec::text::decode_form;
use crate::contract::Location;
use crate::contract::media::MediaRange;
use crate::exchange::Report;
use crate::exchange::outgoing::{DEPTH, OutgoingRequests};
use crate::server::control::expectation::Expectation;
use crate::server::control::sender::{ReadyToSend, Sender};
use crate::server::control::stream::JournalEvent;
use crate::server::control::{Control, ControlAccess, Noting};
use crate::state::answered::{Answered, AnsweredBy, FallbackReason};
use crate::state::coverage::Wrong;
use crate::state::journal::{Ended, Entry};
use crate::state::kept_violations::kept_violations;
use crate::state::redaction::Redaction;

impl Control {
    /// Answers a request to the simulated API, and counts it in the coverage.
    pub(super) fn exchange(
        &self,
        request: &Request,
        session: &str,
        expectation: Expectation,
    ) -> (Response, Report) {
        let (mut response, report) =
            self.sandbox
                .answer_in(session, self.sandbox.settings(), request);
        self.isolate(request, &mut response);
        self.prepare_callbacks(request, session, &mut response);
        let mut counted = expectation.counted(&report.violations);
        let is_expected = |index| self.sandbox.expects_violation(session, index, request);
        if !counted.is_empty()
            && !report.violations.is_empty()
            && report.operation.is_some_and(is_expected)
        {
            counted.clear();
        }
        // What the sandbox sends to itself is no call of a client.
        if !request.headers().contains_key(DEPTH) {
            self.count(request, response.status(), report.operation, counted);
        }
        (response, report)
    }

    /// Returns the sender of callbacks and webhooks.
    pub(crate) fn sender(&self) -> &Arc<Sender> {
        &self.sender
    }

    /// Makes the callbacks of an answer ready to be sent.
    fn prepare_callbacks(&self, request: &Request, session: &str, response: &mut Response) {
        let extensions = response.extensions_mut();
        let Some(OutgoingRequests(requests)) = extensions.remove::<OutgoingRequests>() else {
            return;
        };
        extensions.insert(ReadyToSend {
            sandbox: Arc::clone(&self.sandbox),
            session: session.to_owned(),
            requests,
            after_reset: self.sender.last_reset(),
            page: self.options.hosts.foreign_page(request),
        });
    }

    /// Counts an exchange in the coverage, with the violations that count against the client.
    pub(super) fn count(
        &self,
        request: &Request,
        status: StatusCode,
        operation: Option<usize>,
        counted: Vec<String>,
    ) {
        if let Some(index) = operation {
            let operation = &self.sandbox.contract().operations[index];
            let query = request.uri().query().unwrap_or_default();
            let has = |location: Location, name: &str| match location {
                Location::Path => true,
                Location::Query => query.split('&').any(|pair| {
                    let sent = decode_form(pair.split('=').next().unwrap_or_default());
                    sent == name || sent.split('[').next() == Some(name)
                }),
                Location::Header => request.headers().contains_key(name),
                Location::Cookie => request.headers().get("cookie").is_some_and(|cookie| {
                    cookie.to_str().is_ok_and(|cookie| {
                        cookie
                            .split(';')
                            .any(|pair| pair.trim().split('=').next() == Some(name))
                    })
                }),
            };
            self.coverage
                .note(index, operation, status, counted.len(), has);
        } else if !counted.is_empty() {
            self.coverage.note_unmatched();
        }
        if !counted.is_empty() {
            self.note_wrong(request, status, operation, counted);
        }
    }

    /// Returns true if exchanges are noted in the journal.
    pub(crate) fn keeps_journal(&self) -> bool {
        self.options.journal > 0 && self.options.access != ControlAccess::Closed
    }

    /// Keeps the scripts of a page that the API answers with away from the control API, which has the
    /// same origin: a browser gives the page an origin of its own (Content Security Policy Level 3
    /// §6.3.2), unless the API documents a policy.
    fn isolate(&self, request: &Request, response: &mut Response) {
        const SANDBOX: HeaderValue = HeaderValue::from_static(
            "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts",
        );
        let media = response.headers().get(CONTENT_TYPE);
        let media = media.and_then(|media| media.to_str().ok());
        // Most answers are JSON, whose type need not be parsed for each exchange.
        let has = |text: &str, word: &str| {
            let mut parts = text.as_bytes().windows(word.len());
            parts.any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        };
        let media = media.filter(|text| has(text, "html") || has(text, "xml"));
        let is_page = media.and_then(MediaRange::parse).is_some_and(|media| {
            let essence = media.essence();
            matches!(essence, "text/html" | "text/xml" | "application/xml")
                || essence.ends_with("+xml")
        });
        if is_page
            && self.options.access != ControlAccess::Closed
            && Accept::read(request.headers()).prefers("text/html")
        {
            let headers = response.headers_mut();
            headers.entry(CONTENT_SECURITY_POLICY).or_insert(SANDBOX);
        }
    }

    /// Records a request with violations for the report.
    pub(super) fn note_wrong(
        &self,
        request: &Request,
        status: StatusCode,
        operation: Option<usize>,
        violations: Vec<String>,
    ) {
        self.coverage.note_wrong(|| Wrong {
            operation: operation.map(|index| self.operation_name(index).to_owned()),
            request: format!(
                "{} {}",
                request.method(),
                Redaction::of(operation.map(|index| &self.sandbox.contract().operations[index]))
                    .target(&request.uri().to_string())
            ),
            status: status.as_u16(),
            violations: kept_violations(violations),
        });
    }

    /// Returns who answered a request that was not forwarded; `None` without a real API.
    fn of_sandbox(&self, request: &Request) -> Option<Answered> {
        self.upstream.as_ref()?;
        let reason = request.extensions().get::<FallbackReason>();
        Some(Answered::by(match reason {
            Some(FallbackReason(reason)) => AnsweredBy::Fallback(reason.clone()),
            None => AnsweredBy::Sandbox,
        }))
    }

    /// Notes an exchange in the journal, and sends it to the listeners; `took` is its duration.
    /// Returns the number of the exchange.
    pub fn note(
        &self,
        request: &Request,
        noting: Noting,
        response: &Response,
        report: Report,
        took: Duration,
    ) -> u64 {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let Noting {
            session,
            inner,
            answered,
        } = noting;
        let answered = answered.or_else(|| self.of_sandbox(request));
        let request = inner.as_deref().unwrap_or(request);
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let ended = Ended {
            number,
            at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            method: request.method(),
            target: request.uri(),
            headers: request.headers(),
            content: &request.body().bytes(),
            operation: report
                .operation
                .and_then(|index| self.numbers.number(index)),
            status: response.status(),
            answer_headers: response.headers(),
            answer: compression::plain(response),
            source: report.source,
            violations: report.violations,
            answered,
        };
        if self.stream.receiver_count() > 0 {
            // A listener that has gone misses it.
            let _listeners = self.stream.send(JournalEvent::Entry(Arc::new(Entry::new(
                ended.clone(),
                &session,
                &|index| self.operation(index),
            ))));
        }
        self.sandbox.note(&session, ended, self.options.journal);
        number
    }
}

//! Exchanges with the real API: which requests are forwarded, and how they are noted.
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};

use crate::codec::coding;
use crate::codec::cors;
use crate::codec::message::{Body, Request, Response};
use crate::codec::preference::Preferences;
use crate::contract::route::Routed;
use crate::contract::simulation::Responder;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::{Cors, Report, observed};
use crate::server::control::expectation::Expectation;
use crate::server::control::forwarding::Forwarding;
use crate::server::control::session::{PREFIX, SessionRequest, session_of};
use crate::server::control::{Control, Noting};
use crate::server::log;
use crate::state::answered::{Answered, AnsweredBy};
use crate::upstream::address::UpstreamAddress;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::fields;
use crate::upstream::gateway::{Judging, Upstream};
use crate::upstream::judging::{Judgement, judge};

/// Request that may be forwarded to the real API.
#[derive(Debug)]
pub(crate) struct Forwardable {
    /// Session of the request.
    pub session: String,
    /// Head of the request without the session in its path; its content is empty.
    pub head: Request,
    /// Index of the operation, as the path and the method name it.
    pub operation: Option<usize>,
    expectation: Expectation,
}

impl Forwardable {
    /// Returns the path and the query for the real API; preferences that choose who answers are left
    /// out.
    pub(crate) fn target(&self) -> PathAndQuery {
        let uri = self.head.uri();
        let chosen = uri.query().and_then(fields::query_without_choice);
        let without = chosen.and_then(|query| {
            let mark = if query.is_empty() { "" } else { "?" };
            format!("{}{mark}{query}", uri.path()).parse().ok()
        });
        let target = || uri.path_and_query().cloned();
        without
            .or_else(target)
            .unwrap_or_else(|| PathAndQuery::from_static("/"))
    }

    /// Returns the request with its content, decoded.
    pub(crate) fn with(&self, content: Body, control: &Control) -> Request {
        let mut request = self.head.clone();
        *request.body_mut() = content;
        coding::undo(&request, control.sandbox.settings().content_limit.0).unwrap_or(request)
    }

    /// Takes the request with its content, not decoded.
    pub(crate) fn take(&mut self, content: Body) -> Request {
        let nothing = Request::new(Body::Complete(Bytes::new()));
        let mut request = std::mem::replace(&mut self.head, nothing);
        *request.body_mut() = content;
        request
    }
}

/// Result of the comparison of a forwarded exchange with the contract.
#[derive(Debug, Default)]
pub(crate) struct JudgedForward {
    pub judgement: Judgement,
    /// Violations of the request that count against the client.
    counted: Vec<String>,
    /// Violations of request and response, one line each.
    pub violations: Vec<String>,
    /// Number of violations of the response, which are the last ones.
    pub of_response: usize,
    /// Source of the answer, for the journal.
    pub source: Cow<'static, str>,
    /// True if the client gets a problem instead of the answer (`--errors`).
    pub is_refused: bool,
}

impl Control {
    /// Sets the real API that requests are forwarded to.
    #[must_use]
    pub(crate) fn with_upstream(mut self, upstream: Arc<Upstream>) -> Self {
        self.upstream = Some(Forwarding::new(upstream, self.sandbox.contract()));
        self
    }

    /// Returns the real API.
    pub(crate) fn upstream(&self) -> Option<&Arc<Upstream>> {
        self.upstream
            .as_ref()
            .map(|forwarding| &forwarding.upstream)
    }

    /// Returns the address that a request is forwarded to: that of the proxy, or the server that its
    /// operation has for itself.
    pub(crate) fn upstream_address<'u>(
        &'u self,
        upstream: &'u Upstream,
        operation: Option<usize>,
    ) -> &'u UpstreamAddress {
        let servers = self.upstream.as_ref().map(|own| &own.servers);
        let own = servers.and_then(|servers| servers.address(operation));
        own.map_or(&upstream.address, |own| own)
    }

    /// Returns the request as one that may be forwarded; `None` if the sandbox itself answers it: it is
    /// for the control API, or wrong for the sandbox, or a preflight that `--cors on` answers.
    pub(crate) fn forwardable(&self, head: &http::request::Parts) -> Option<Forwardable> {
        let mut request = Request::new(Body::Complete(Bytes::new()));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = head.uri.clone();
        *request.headers_mut() = head.headers.clone();
        let SessionRequest {
            session,
            request: inner,
        } = session_of(&request).ok()?;
        let request = inner.map_or(request, |inner| *inner);
        let path = request.uri().path();
        // RFC 9110 §9.3.6: `CONNECT` asks a proxy for a tunnel to any host.
        let is_tunnel = *request.method() == Method::CONNECT;
        if path.starts_with(PREFIX) || is_tunnel || self.admit(&request).is_err() {
            return None;
        }
        let permits = self.sandbox.settings().cors == Cors::On;
        if permits && cors::is_preflight(request.method(), request.headers()) {
            return None;
        }
        let expectation = Expectation::of(&request).ok()?;
        let operation = match self.sandbox.contract().route(request.method(), path) {
            Routed::Operation(index, _) => Some(index),
            _ => None,
        };
        Some(Forwardable {
            session,
            head: request,
            operation,
            expectation,
        })
    }

    /// Returns who answers a request by what is known of its head; `None` if its content decides.
    pub(crate) fn responder(&self, request: &Forwardable) -> Option<Responder> {
        if fields::is_at_its_end(request.head.method(), request.head.headers()) {
            return Some(Responder::Sandbox);
        }
        if let Some(preferred) = Self::preferred(request) {
            return Some(preferred);
        }
        let Some(index) = request.operation else {
            return Some(self.usual_responder(None));
        };
        let (sandbox, session) = (&self.sandbox, request.session.as_str());
        if sandbox.has_choosing_fixture(session, index) {
            return None;
        }
        let usual = self.usual_responder(request.operation);
        if usual == Responder::Sandbox || !sandbox.has_written(session) {
            return Some(usual);
        }
        if sandbox.names_written(session, &request.head) {
            return Some(Responder::Sandbox);
        }
        (!sandbox.may_name_in_content(index)).then_some(usual)
    }

    /// Returns who answers a request whose content was read.
    pub(crate) fn chosen_responder(
        &self,
        session: &str,
        operation: Option<usize>,
        request: &Request,
    ) -> Responder {
        let chosen =
            operation.and_then(|index| self.sandbox.chosen_responder(session, index, request));
        chosen.unwrap_or_else(|| {
            let usual = self.usual_responder(operation);
            if usual == Responder::Real && self.sandbox.names_written(session, request) {
                return Responder::Sandbox;
            }
            usual
        })
    }

    fn usual_responder(&self, operation: Option<usize>) -> Responder {
        let responders = self
            .upstream
            .as_ref()
            .map(|forwarding| &forwarding.responders);
        responders.map_or(Responder::Sandbox, |responders| responders.of(operation))
    }

    /// Returns who answers as `Prefer: real` or `Prefer: sandbox` asks.
    pub(crate) fn preferred(request: &Forwardable) -> Option<Responder> {
        let headers = request.head.headers();
        let query = request.head.uri().query();
        if !headers.contains_key("prefer") && !query.is_some_and(|query| query.contains("__")) {
            return None;
        }
        let pairs = crate::codec::style::Pairs::parse(query.unwrap_or_default());
        Preferences::read(headers, &pairs).responder
    }

    /// Returns true if a request does not fit the documents.
    pub(crate) fn has_faults(&self, request: &Request) -> bool {
        let sandbox = &self.sandbox;
        let judged = observed::judge_request(sandbox.contract(), sandbox.settings(), request);
        !judged.faults.is_empty()
    }

    /// Lets a page of another origin read an answer of the real API that has no rule about it; `page`
    /// has the `Origin` of the request.
    pub(crate) fn permit_page(&self, page: &HeaderMap, answer: &mut HeaderMap) {
        let permits = self.sandbox.settings().cors == Cors::On;
        if permits && !answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            cors::permit(page, answer);
        }
    }

    /// Compares both sides of an exchange with the contract.
    pub(crate) fn judge_forward(
        &self,
        request: &Forwardable,
        exchange: &ObservedExchange,
    ) -> JudgedForward {
        // Of several operations at one path, only the request tells which it is for.
        let is_one = |index| self.sandbox.contract().variants(index).is_empty();
        let is_compared = self.upstream().is_some_and(|upstream| upstream.compares())
            || !request.operation.is_none_or(is_one);
        let judgement = if is_compared {
            judge(&self.sandbox, exchange)
        } else {
            Judgement::uncompared(request.operation)
        };
        let settings = self.upstream.as_ref().map(|own| &own.upstream.settings);
        let checks = |side: Option<Judging>| side.is_some_and(|judging| judging != Judging::Off);
        let mut of_request = Vec::new();
        if checks(settings.map(|settings| settings.requests)) {
            of_request = judgement.of_request();
        }
        let mut of_response = Vec::new();
        if checks(settings.map(|settings| settings.responses)) {
            of_response = judgement.of_response(exchange.response.status());
        }
        let mut counted = request.expectation.counted(&of_request);
        let is_expected = |index| {
            let session = &exchange.session;
            self.sandbox
                .expects_violation(session, index, &exchange.request)
        };
        if !of_request.is_empty() && judgement.operation.is_some_and(is_expected) {
            counted.clear();
        }
        counted.extend(of_response.iter().cloned());
        let count = of_response.len();
        of_request.extend(of_response);
        JudgedForward {
            judgement,
            counted,
            violations: of_request,
            of_response: count,
            source: "the real API".into(),
            is_refused: false,
        }
    }

    /// Counts an exchange with the real API in the coverage, and notes it in the log and the journal.
    pub(crate) fn note_forward(&self, judged: JudgedForward, exchange: ObservedExchange) {
        let JudgedForward {
            judgement,
            counted,
            mut violations,
            of_response,
            source,
            is_refused,
        } = judged;
        let source = if is_refused {
            format!("{source}; the client got a 502 problem instead, because of `--errors`").into()
        } else {
            source
        };
        let mut report = Report {
            operation: judgement.operation,
            source,
            violations: violations.clone(),
        };
        let ObservedExchange {
            session,
            at,
            took,
            request,
            response,
        } = exchange;
        let (head, content) = response.into_parts();
        let response = Response::from_parts(head, content.bytes());
        self.count(&request, response.status(), report.operation, counted);
        log::exchange(self, &request, &response, &report, took);
        if self.keeps_journal() {
            let of_answer = violations.split_off(violations.len() - of_response);
            report.violations = violations;
            let noting = Noting {
                session: session.clone(),
                inner: None,
                answered: Some(Answered {
                    by: AnsweredBy::Real,
                    violations: of_answer,
                }),
            };
            self.note(&request, noting, &response, report, took);
        }
        if let Some(upstream) = self.upstream() {
            let address = self.upstream_address(upstream, judgement.operation);
            let exchange = ObservedExchange {
                session,
                at,
                took,
                request,
                response: response.map(|_| content),
            };
            let observers = &upstream.observers;
            observers.observe(&self.sandbox, address, judgement, exchange);
        }
    }

    /// Notes a failure of the real API in the log and the journal, and returns the problem.
    pub(crate) fn note_failure(
        &self,
        forwarded: &Forwardable,
        problem: &Problem,
        took: Duration,
    ) -> Response {
        let (response, report) = crate::server::message::problem_response(problem);
        let report = Report {
            operation: forwarded.operation,
            violations: vec![problem.detail.clone()],
            ..report
        };
        log::exchange(self, &forwarded.head, &response, &report, took);
        if self.keeps_journal() {
            let noting = Noting {
                session: forwarded.session.clone(),
                inner: None,
                answered: Some(Answered::by(AnsweredBy::Proxy)),
            };
            self.note(&forwarded.head, noting, &response, report, took);
        }
        response
    }

    /// Returns the problem that replaces an answer of the real API with violations (`--errors`).
    pub(crate) fn misfit_problem(&self, judged: &JudgedForward) -> Problem {
        let operation = judged.judgement.operation;
        let address = self
            .upstream()
            .map(|upstream| self.upstream_address(upstream, operation).to_string());
        let detail = format!(
            "the answer of {} does not fit the document",
            address.unwrap_or_default()
        );
        Problem {
            violations: judged.judgement.violations.clone(),
            ..Problem::new(
                ProblemKind::UpstreamMisfit,
                http::StatusCode::BAD_GATEWAY,
                detail,
            )
        }
    }
}

/// Returns the exchange of a request and a response without their content codings; `most` is the
/// largest decoded content in bytes.
pub(crate) fn observed_exchange(
    session: &str,
    request: Request,
    response: http::Response<Body>,
    took: Duration,
    most: usize,
) -> ObservedExchange {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = since.unwrap_or_default().saturating_sub(took);
    let request = coding::undo(&request, most).unwrap_or(request);
    let decoded = match response.body() {
        Body::Complete(content) => coding::decoded(response.headers(), content, most),
        _ => None,
    };
    let response = match decoded {
        Some(body) => response.map(|_| body),
        None => response,
    };
    ObservedExchange {
        session: session.to_owned(),
        at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
        took,
        request,
        response,
    }
}

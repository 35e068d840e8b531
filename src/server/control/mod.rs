//! Control API: everything below `/_standin/` that reports on the sandbox or changes it.
//!
//! `control.yaml` documents it in OpenAPI, and its requests are validated against that document
//! like those to any other API.

mod document;
mod expectation;
pub(crate) mod hook;
pub(crate) mod hosts;
mod insight;
mod json_form;
mod numbers;
mod open;
mod page;
mod posted;
pub(crate) mod requests;
pub(crate) mod session;
mod state;
pub(crate) mod stream;
pub(crate) mod verify;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use tokio::sync::broadcast;

use crate::Sandbox;
use crate::codec::message::{Request, Response};
use crate::codec::text::decode_form;
use crate::codec::{coding, compression};
use crate::contract::{Location, Operation};
use crate::diagnostic::escape;
use crate::document::Input;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::{Cors, Report, Settings};
use crate::sandbox::Reading;
use crate::server::control::expectation::Expectation;
use crate::server::control::hook::ReloadFunction;
use crate::server::control::hosts::Hosts;
use crate::server::control::json_form::json_form;
use crate::server::control::numbers::OperationNumbers;
use crate::server::control::session::{PREFIX, SessionRequest, session_of};
use crate::server::control::stream::{Heard, JournalEvent};
use crate::server::message::problem_response;
use crate::server::quick::Paces;
use crate::state::coverage::{Coverage, Wrong};
use crate::state::journal::{Ended, Entry, kept_violations};
use crate::state::redaction::Redaction;

/// Clients that may use the control API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ControlAccess {
    /// Every client that reaches the server.
    #[default]
    Open,
    /// Clients that send this token, in `Authorization: Bearer …`.
    Token(String),
    /// No client.
    Closed,
}

/// Options of the control API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Clients that may use it (`--control`, `--control-token`).
    pub access: ControlAccess,
    /// Number of exchanges that the journal of each session keeps (`--journal`).
    pub journal: usize,
    /// Host names that it answers to.
    pub hosts: Hosts,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: ControlAccess::Open,
            journal: 500,
            hosts: Hosts::default(),
        }
    }
}

/// Sandbox with its control API.
#[derive(Debug)]
pub struct Control {
    sandbox: Arc<Sandbox>,
    options: Options,
    document: OnceLock<Bytes>,
    /// Sandbox that validates requests to the control API.
    own: Arc<OnceLock<Sandbox>>,
    /// Number of exchanges so far.
    count: Arc<AtomicU64>,
    coverage: Coverage,
    /// Numbers of the operations in journals.
    numbers: OperationNumbers,
    /// Function that loads the documents again, if they can be.
    reload: Arc<OnceLock<ReloadFunction>>,
    /// Number of the last fixture that a client added.
    fixture_ids: Arc<AtomicU64>,
    /// Redactions of secrets in paths, by the index of the operation; most operations have none.
    secrets: OnceLock<HashMap<usize, Redaction>>,
    /// Sender of exchanges to the clients that listen to them.
    stream: broadcast::Sender<JournalEvent>,
    /// Speed of each operation.
    pub(super) paces: Paces,
}

/// Data that is needed to note an exchange.
#[derive(Debug)]
pub struct Noting {
    session: String,
    /// The request without the session in its path and without content coding; `None` if it had
    /// neither.
    inner: Option<Box<Request>>,
}

/// Maximum number of exchanges that a listener may lag behind; beyond it, the listener misses the
/// oldest.
const STREAM: usize = 256;

/// OpenAPI document of the control API.
const DOCUMENT: &str = include_str!("control.yaml");

impl Control {
    /// Creates the control API of a sandbox with default options.
    #[must_use]
    pub fn new(sandbox: Arc<Sandbox>) -> Self {
        Self::with(sandbox, Options::default())
    }

    /// Creates the control API of a sandbox.
    #[must_use]
    pub fn with(sandbox: Arc<Sandbox>, options: Options) -> Self {
        let coverage = Coverage::new(sandbox.contract());
        let numbers = OperationNumbers::new(sandbox.contract());
        let (stream, _) = broadcast::channel(STREAM);
        let paces = Paces::new(sandbox.contract().operations.len());
        Self {
            sandbox,
            options,
            document: OnceLock::new(),
            own: Arc::default(),
            count: Arc::default(),
            coverage,
            numbers,
            reload: Arc::default(),
            fixture_ids: Arc::default(),
            secrets: OnceLock::new(),
            stream,
            paces,
        }
    }

    /// Returns the control API of the sandbox that follows this one: journals, counts and listeners
    /// go on.
    pub(super) fn succeeding(&self, sandbox: Arc<Sandbox>) -> Self {
        let contract = sandbox.contract();
        let numbers = self.numbers.succeeding(self.sandbox.contract(), contract);
        let before = |index| self.numbers.number(index);
        let now = |index| numbers.number(index);
        let coverage = self.coverage.succeeding(contract, before, now);
        Self {
            coverage,
            paces: Paces::new(contract.operations.len()),
            options: self.options.clone(),
            document: OnceLock::new(),
            own: Arc::clone(&self.own),
            count: Arc::clone(&self.count),
            numbers,
            reload: Arc::clone(&self.reload),
            fixture_ids: Arc::clone(&self.fixture_ids),
            secrets: OnceLock::new(),
            stream: self.stream.clone(),
            sandbox,
        }
    }

    /// Returns the sandbox.
    #[must_use]
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Returns the coverage of the contract.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns the name of an operation: `post-contacts`, or `POST /contacts` if it has no
    /// `operationId`.
    #[must_use]
    pub fn operation_name(&self, index: usize) -> &str {
        self.sandbox.contract().operations[index].name()
    }

    /// Returns the path of a request to an operation as people may read it: without secrets.
    #[must_use]
    pub fn shown_path<'p>(&self, operation: Option<usize>, path: &'p str) -> Cow<'p, str> {
        let secrets = self.secrets.get_or_init(|| {
            let all = self.sandbox.contract().operations.iter().enumerate();
            let own =
                all.map(|(index, operation)| (index, Redaction::of_path(&operation.template)));
            own.filter(|(_, redaction)| *redaction != Redaction::default())
                .collect()
        });
        match operation.and_then(|index| secrets.get(&index)) {
            Some(redaction) => Cow::Owned(redaction.path(path)),
            None => Cow::Borrowed(path),
        }
    }

    /// Returns the operation with a number of the journal.
    fn operation(&self, number: usize) -> Option<&Operation> {
        let index = self.numbers.index(number)?;
        self.sandbox.contract().operations.get(index)
    }

    /// Returns the number of exchanges that were noted so far.
    pub(super) fn noted(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Sets the function that loads the documents again. Only the first call counts.
    pub(super) fn set_reload(&self, reload: ReloadFunction) {
        let _first = self.reload.set(reload);
    }

    /// Sends an event to all listeners: the documents were loaded again.
    pub(super) fn tell_reload(&self, report: Value) {
        // A listener that has gone misses it.
        let _listeners = self.stream.send(JournalEvent::Reload(Arc::new(report)));
    }

    /// Ends the event streams of all listeners, because the server ends.
    pub fn end(&self) {
        let _listeners = self.stream.send(JournalEvent::End);
    }

    /// Answers a request to the control API or to the simulated API, and notes the exchange.
    #[must_use]
    pub fn answer(&self, request: &Request) -> (Response, Report) {
        let started = Instant::now();
        let ((response, report), noting) = self.answered(request);
        if let Some(noting) = noting {
            self.note(
                request,
                noting,
                &response,
                report.clone(),
                started.elapsed(),
            );
        }
        (response, report)
    }

    /// Answers a request. Also returns the data to [`note`](Self::note) the exchange, if the
    /// request is to the simulated API and a journal is kept.
    pub fn answered(&self, request: &Request) -> ((Response, Report), Option<Noting>) {
        let SessionRequest {
            session,
            request: inner,
        } = match session_of(request) {
            Ok(named) => named,
            Err(problem) => return (problem_response(&problem), None),
        };
        // Everything that reads the content, now or later, reads it decoded.
        let most = self.sandbox.settings().content_limit.0;
        let inner = coding::undo(inner.as_deref().unwrap_or(request), most)
            .map(Box::new)
            .or(inner);
        let asked = inner.as_deref().unwrap_or(request);
        if let Some(name) = asked.uri().path().strip_prefix(PREFIX) {
            return (self.own(asked, name, &session), None);
        }
        if let Err(problem) = self.admit(asked) {
            return (problem_response(&problem), None);
        }
        let expectation = match Expectation::of(asked) {
            Ok(expectation) => expectation,
            Err(problem) => return (problem_response(&problem), None),
        };
        if page::is_front_page(self.sandbox.contract(), asked) {
            return (self.own(asked, "", &session), None);
        }
        let answered = self.exchange(asked, &session, expectation);
        let is_noted = self.options.journal > 0 && self.options.access != ControlAccess::Closed;
        (answered, is_noted.then_some(Noting { session, inner }))
    }

    /// Checks that a request to the simulated API has a known host name and an allowed origin.
    fn admit(&self, request: &Request) -> Result<(), Problem> {
        self.options.hosts.admit(request)?;
        if self.sandbox.settings().cors == Cors::Off && hosts::is_foreign(request) {
            let detail = "the request has the `Origin` of another page, which `--cors off` forbids; `--cors on` lets it";
            return Err(Problem::new(
                ProblemKind::ForeignOrigin,
                StatusCode::FORBIDDEN,
                detail,
            ));
        }
        Ok(())
    }

    /// Answers a request to the simulated API, and counts it in the coverage.
    fn exchange(
        &self,
        request: &Request,
        session: &str,
        expectation: Expectation,
    ) -> (Response, Report) {
        let (response, report) = self
            .sandbox
            .answer_in(session, self.sandbox.settings(), request);
        let counted = expectation.counted(&report.violations);
        if let Some(index) = report.operation {
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
                .note(index, operation, response.status(), counted.len(), has);
        } else if !counted.is_empty() {
            self.coverage.note_unmatched();
        }
        if !counted.is_empty() {
            self.note_wrong(request, response.status(), report.operation, counted);
        }
        (response, report)
    }

    /// Records a request with violations for the report.
    fn note_wrong(
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

    /// Notes an exchange in the journal, and sends it to the listeners; `took` is its duration.
    pub fn note(
        &self,
        request: &Request,
        noting: Noting,
        response: &Response,
        report: Report,
        took: Duration,
    ) {
        let Noting { session, inner } = noting;
        let request = inner.as_deref().unwrap_or(request);
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let ended = Ended {
            number: self.count.fetch_add(1, Ordering::Relaxed) + 1,
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
            answer: compression::plain(response),
            source: report.source,
            violations: report.violations,
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
    }

    fn own(&self, request: &Request, name: &str, session: &str) -> (Response, Report) {
        let content = self.open_content(request, name, session);
        let Some((content, media)) = content else {
            return self.judged(request, session);
        };
        // Clients that may use the API by any name may use these too: a health check by a container
        // name.
        if let Err(problem) = self.options.hosts.admit(request) {
            return problem_response(&problem);
        }
        if let Some(permitted) = self.permitted(request, name) {
            return permitted;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let detail = format!(
                "`{PREFIX}{name}` has no {}; it has GET, HEAD",
                request.method()
            );
            let problem = Problem::new(
                ProblemKind::MethodNotAllowed,
                StatusCode::METHOD_NOT_ALLOWED,
                detail,
            );
            let (mut response, report) = problem_response(&problem);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return (response, report);
        }
        let (mut response, report) = answered(content, media);
        self.complete(request, name, &mut response);
        (response, report)
    }

    /// Answers a request that is validated against the document of the control API.
    fn judged(&self, request: &Request, session: &str) -> (Response, Report) {
        if let Err(problem) = self.permit(request) {
            let (mut response, report) = problem_response(&problem);
            if problem.status == StatusCode::UNAUTHORIZED {
                // RFC 9110 §11.6.1
                response
                    .headers_mut()
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            return (response, report);
        }
        let as_json = json_form(request);
        let request = as_json.as_ref().unwrap_or(request);
        let (response, report) = self.judge().answer(request);
        let (true, Some(operation)) = (response.status().is_success(), report.operation) else {
            // The index of the operation belongs to the document of the control API.
            return (
                response,
                Report {
                    operation: None,
                    source: "control".into(),
                    ..report
                },
            );
        };
        let asked = ControlRequest::new(request, session);
        let mut wait = None;
        let name = self.judge().contract().operations[operation].name();
        let done = match name {
            "listRequests" => Ok(self.requests(&asked)),
            "clearRequests" => Ok(self.clear_requests(&asked)),
            "streamRequests" => return self.listen(&asked, Heard::Exchanges),
            "streamEvents" => return self.listen(&asked, Heard::All),
            "reload" => self.reload(),
            "verify" => self.verify(&asked).map(|verdict| {
                wait = verdict.wait;
                verdict.answer
            }),
            "listFixtures" => Ok(self.posted_fixtures(&asked)),
            "addFixtures" => self.post_fixtures(&asked),
            "removeFixtures" | "removeFixture" => self.remove_fixtures(&asked),
            "reset" => Ok(self.reset(&asked)),
            "getScenario" => Ok(self.scenario(&asked)),
            "setScenario" => self.set_scenario(&asked),
            "listSessions" => Ok(self.sessions()),
            "exportState" => Ok(self.export(&asked)),
            "importState" => self.import(&asked),
            "getCollection" => self.collection(&asked),
            "putCollection" => self.put_collection(&asked),
            "listSnapshots" => Ok(self.snapshots(&asked)),
            "takeSnapshot" => self.take_snapshot(&asked),
            "getSnapshot" => self.snapshot(&asked),
            "restoreSnapshot" => self.restore(&asked),
            "dropSnapshot" => self.drop_snapshot(&asked),
            "listOperations" => Ok(self.operations()),
            "explain" => self.explain(&asked),
            "clearCoverage" => Ok(self.clear_coverage()),
            "getCoverage" => Ok(self.coverage_now()),
            other => Err(Problem::new(
                ProblemKind::Internal,
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("nobody does `{other}`"),
            )),
        };
        match done {
            Ok(Value::Null) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                (
                    response,
                    Report {
                        source: "control".into(),
                        ..Report::default()
                    },
                )
            }
            // People also read it on terminals.
            Ok(value) => {
                let text = escape::json(&value.to_string()).into_owned();
                let (mut response, report) = answered(Bytes::from(text), "application/json");
                if let Some(wait) = wait {
                    response.extensions_mut().insert(wait);
                }
                if name == "addFixtures" {
                    *response.status_mut() = StatusCode::CREATED;
                }
                (response, report)
            }
            Err(problem) => problem_response(&problem),
        }
    }

    /// Checks that the client may use the control API.
    ///
    /// # Errors
    ///
    /// `Problem` 421, 403 or 401, for the host name, the access or origin, and the token.
    fn permit(&self, request: &Request) -> Result<(), Problem> {
        let refused = |detail: &str| {
            Err(Problem::new(
                ProblemKind::ControlClosed,
                StatusCode::FORBIDDEN,
                detail,
            ))
        };
        self.options.hosts.admit_to_control(request)?;
        let text = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        match &self.options.access {
            ControlAccess::Closed => {
                return refused("the control API is off, see `--control` and `--control-token`");
            }
            ControlAccess::Token(token) => {
                let sent = text(AUTHORIZATION).and_then(|value| value.split_once(' '));
                let is_right = |(scheme, sent): (&str, &str)| {
                    scheme.eq_ignore_ascii_case("bearer")
                        && bool::from(sent.trim().as_bytes().ct_eq(token.as_bytes()))
                };
                if !sent.is_some_and(is_right) {
                    let detail = "the control API requires `Authorization: Bearer` with the token of `--control-token`";
                    return Err(Problem::new(
                        ProblemKind::Unauthorized,
                        StatusCode::UNAUTHORIZED,
                        detail,
                    ));
                }
            }
            ControlAccess::Open => {}
        }
        // A page of another origin must not do with a form what it cannot do with a script.
        if hosts::is_foreign(request) || hosts::is_change_from_page(request) {
            refused("pages of other origins may not use the control API")
        } else {
            Ok(())
        }
    }

    /// Loads the documents again.
    ///
    /// # Errors
    ///
    /// `Problem` 409 if a file is broken, and 501 if the sandbox has no files.
    fn reload(&self) -> Result<Value, Problem> {
        let Some(reload) = self.reload.get() else {
            let detail =
                "the documents of this sandbox are not in files, so they cannot be loaded again";
            let (kind, status) = (ProblemKind::NotReloadable, StatusCode::NOT_IMPLEMENTED);
            return Err(Problem::new(kind, status, detail));
        };
        reload.call().map_err(|detail| {
            Problem::new(ProblemKind::BrokenDocuments, StatusCode::CONFLICT, detail)
        })
    }

    fn judge(&self) -> &Sandbox {
        self.own.get_or_init(|| {
            let input = Input::Text {
                name: "control.yaml".to_owned(),
                text: DOCUMENT.to_owned(),
            };
            let settings = Settings {
                cors: Cors::Off,
                ..Settings::default()
            };
            Sandbox::new(&[input], &[], &Reading::default(), settings)
        })
    }
}

fn answered(content: Bytes, media: &'static str) -> (Response, Report) {
    let mut response = Response::new(content);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media));
    (
        response,
        Report {
            source: "control".into(),
            ..Report::default()
        },
    )
}

/// Request to the control API.
struct ControlRequest<'r> {
    request: &'r Request,
    /// Session that the request is in.
    session: &'r str,
    query: Vec<(String, String)>,
    /// Content as JSON.
    body: Value,
}

impl<'r> ControlRequest<'r> {
    fn new(request: &'r Request, session: &'r str) -> Self {
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let body = serde_json::from_slice(&request.body().bytes()).unwrap_or(Value::Null);
        Self {
            request,
            session,
            query,
            body,
        }
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(there, _)| there == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the session that the request is about: the one in its query, else the one that it is
    /// in.
    fn about(&self) -> &str {
        self.query("session").unwrap_or(self.session)
    }

    /// Returns the rest of the path after a word: `pets` of `/_standin/state/pets`.
    fn after(&self, word: &str) -> String {
        let path = self
            .request
            .uri()
            .path()
            .strip_prefix(PREFIX)
            .unwrap_or_default();
        let rest = path
            .strip_prefix(word)
            .unwrap_or_default()
            .trim_start_matches('/');
        crate::codec::text::decode(rest)
    }
}

fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(
        ProblemKind::Violation,
        StatusCode::UNPROCESSABLE_ENTITY,
        detail,
    )
}

fn not_there(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::UnknownEntity, StatusCode::NOT_FOUND, detail)
}

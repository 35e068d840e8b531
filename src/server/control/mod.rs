//! Control API: everything below `/_standin/` that reports on the sandbox or changes it.
//!
//! `control.yaml` documents it in OpenAPI, and its requests are validated against that document
//! like those to any other API.

mod access;
mod collections;
mod covered;
mod diagnostics;
mod dispatch;
mod document;
mod drafts;
mod drifted;
mod entities;
mod exchanges;
mod expectation;
pub(crate) mod forwarded;
mod forwarding;
mod found;
pub(crate) mod hook;
pub(crate) mod hosts;
mod inbox;
mod inboxes;
mod insight;
mod json_form;
mod kept;
mod lists;
mod noting;
mod numbers;
mod open;
mod operations;
mod page;
mod posted;
mod recording;
pub(crate) mod requests;
mod responding;
mod schemas;
pub(crate) mod sender;
pub(crate) mod session;
mod snapshots;
mod state;
pub(crate) mod stream;
pub(crate) mod supplement;
pub(crate) mod verify;
mod webhooks;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use indexmap::IndexMap;
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use tokio::sync::broadcast;

pub(crate) use crate::server::control::access::{ConsoleAccess, ControlAccess};

use crate::Sandbox;
use crate::codec::coding;
use crate::codec::compression::compress;
use crate::codec::message::{Request, Response};
use crate::codec::text::decode;
use crate::contract::catalogue::Catalogue;
use crate::contract::directory::SchemaDirectory;
use crate::contract::lines::PlaceLines;
use crate::document::Input;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::outgoing::DEPTH;
use crate::exchange::{Compression, Cors, Report, Settings};
use crate::resource::Collection;
use crate::sandbox::Reading;
use crate::server::control::expectation::Expectation;
use crate::server::control::forwarding::Forwarding;
use crate::server::control::found::FoundDiagnostics;
use crate::server::control::hook::ReloadFunction;
use crate::server::control::hosts::Hosts;
use crate::server::control::inboxes::Inboxes;
use crate::server::control::json_form::json_form;
use crate::server::control::numbers::OperationNumbers;
use crate::server::control::sender::{OutgoingPolicy, Sender};
use crate::server::control::session::{PREFIX, SessionRequest, session_of};
use crate::server::control::stream::JournalEvent;
use crate::server::message::problem_response;
use crate::server::quick::Paces;
use crate::state::answered::Answered;
use crate::state::coverage::Coverage;
use crate::state::journal::RecordedOperation;
use crate::state::redaction::Redaction;

/// Options of the control API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Clients that may use it (`--control`, `--control-token`).
    pub access: ControlAccess,
    /// Number of exchanges that the journal of each session keeps (`--journal`).
    pub journal: usize,
    /// Host names that it answers to.
    pub hosts: Hosts,
    /// Use of the console (`--console`).
    pub console: ConsoleAccess,
    /// Receivers of callbacks and webhooks (`--callbacks`, `--allow-callback`).
    pub outgoing: OutgoingPolicy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: ControlAccess::Open,
            journal: 500,
            hosts: Hosts::default(),
            console: ConsoleAccess::default(),
            outgoing: OutgoingPolicy::default(),
        }
    }
}

/// Collections by name in the order of the documents, with the indexes of their operations.
type Collections = IndexMap<String, (Arc<Collection>, Vec<usize>)>;

/// Sandbox with its control API.
#[derive(Debug)]
pub struct Control {
    sandbox: Arc<Sandbox>,
    options: Options,
    document: OnceLock<Bytes>,
    /// Search texts and groups of the operations, made when first needed.
    catalogue: OnceLock<Catalogue>,
    /// Named schemas and their users, found when first needed.
    directory: OnceLock<SchemaDirectory>,
    /// Lines of operations and named schemas, found when first needed.
    lines: OnceLock<PlaceLines>,
    /// Diagnostics of the documents and fixtures, found when first needed.
    diagnostics: OnceLock<FoundDiagnostics>,
    /// Number of requests that wait for the diagnostics.
    examining: AtomicUsize,
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
    /// Collections of the contract.
    collections: OnceLock<Collections>,
    /// Redactions of operations that earlier contracts had, by their numbers.
    retired: Arc<HashMap<usize, Redaction>>,
    /// Redactions of secrets in paths, by the index of the operation; most operations have none.
    secrets: OnceLock<HashMap<usize, Redaction>>,
    /// Sender of exchanges to the clients that listen to them.
    stream: broadcast::Sender<JournalEvent>,
    /// Speed of each operation.
    pub(super) paces: Paces,
    /// Sender of callbacks and webhooks.
    sender: Arc<Sender>,
    /// Inboxes for callbacks and webhooks.
    inboxes: Arc<Inboxes>,
    /// Real API of `standin proxy`.
    upstream: Option<Forwarding>,
}

/// Data that is needed to note an exchange.
#[derive(Debug)]
pub struct Noting {
    session: String,
    /// The request without the session in its path and without content coding; `None` if it had
    /// neither.
    inner: Option<Box<Request>>,
    /// Answer of a proxy; `None` if the sandbox answered.
    answered: Option<Answered>,
}

impl Noting {
    /// Returns the data of an answer of the sandbox in a session.
    fn of_sandbox(session: &str, inner: Option<Box<Request>>) -> Self {
        Self {
            session: session.to_owned(),
            inner,
            answered: None,
        }
    }
}

impl Noting {
    /// Returns the data of a request that the API sent.
    pub(crate) fn of_outgoing(session: &str, answered: Answered) -> Self {
        Self {
            answered: Some(answered),
            ..Self::of_sandbox(session, None)
        }
    }
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
        let sender = Arc::new(Sender::new(options.outgoing.clone()));
        Self {
            sandbox,
            options,
            document: OnceLock::new(),
            catalogue: OnceLock::new(),
            directory: OnceLock::new(),
            lines: OnceLock::new(),
            diagnostics: OnceLock::new(),
            examining: AtomicUsize::new(0),
            own: Arc::default(),
            count: Arc::default(),
            coverage,
            numbers,
            reload: Arc::default(),
            fixture_ids: Arc::default(),
            collections: OnceLock::new(),
            retired: Arc::default(),
            secrets: OnceLock::new(),
            stream,
            paces,
            sender,
            inboxes: Arc::default(),
            upstream: None,
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
        let mut retired = (*self.retired).clone();
        for (index, operation) in self.sandbox.contract().operations.iter().enumerate() {
            let number = self.numbers.number(index);
            if let Some(number) = number.filter(|number| numbers.index(*number).is_none()) {
                retired.insert(number, Redaction::of(Some(operation)));
            }
        }
        Self {
            coverage,
            paces: Paces::new(contract.operations.len()),
            options: self.options.clone(),
            document: OnceLock::new(),
            catalogue: OnceLock::new(),
            directory: OnceLock::new(),
            lines: OnceLock::new(),
            diagnostics: OnceLock::new(),
            examining: AtomicUsize::new(0),
            own: Arc::clone(&self.own),
            count: Arc::clone(&self.count),
            numbers,
            sender: Arc::clone(&self.sender),
            inboxes: Arc::clone(&self.inboxes),
            reload: Arc::clone(&self.reload),
            fixture_ids: Arc::clone(&self.fixture_ids),
            collections: OnceLock::new(),
            retired: Arc::new(retired),
            secrets: OnceLock::new(),
            stream: self.stream.clone(),
            upstream: self.upstream.as_ref().map(|own| own.succeeding(contract)),
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
            own.filter(|(_, redaction)| redaction.is_of_path())
                .collect()
        });
        match operation.and_then(|index| secrets.get(&index)) {
            Some(redaction) => Cow::Owned(redaction.path(path)),
            None => Cow::Borrowed(path),
        }
    }

    /// Returns the operation with a number of the journal.
    fn operation(&self, number: usize) -> Option<RecordedOperation<'_>> {
        match self.numbers.index(number) {
            Some(index) => {
                let operation = self.sandbox.contract().operations.get(index)?;
                Some(RecordedOperation {
                    name: Some(operation.name()),
                    redaction: Redaction::of(Some(operation)),
                })
            }
            None => Some(RecordedOperation {
                name: None,
                redaction: self.retired.get(&number)?.clone(),
            }),
        }
    }

    /// Returns the number of exchanges that were noted so far.
    pub(super) fn noted(&self) -> u64 {
        self.count.load(Ordering::Relaxed) + self.inboxes.received()
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
            let (mut response, report) = self.own(asked, name, &session);
            if self.sandbox.settings().compression == Compression::On {
                compress(asked.headers(), &mut response);
            }
            return ((response, report), None);
        }
        if let Err(problem) = self.admit(asked) {
            return (problem_response(&problem), None);
        }
        let expectation = match Expectation::of(asked) {
            Ok(expectation) => expectation,
            Err(problem) => {
                // A test with a misspelt expectation must not pass.
                self.coverage.count_violation();
                let violations = vec![problem.detail.clone()];
                self.note_wrong(asked, problem.status, None, violations);
                return (problem_response(&problem), None);
            }
        };
        if page::is_front_page(self.sandbox.contract(), asked) {
            return (self.own(asked, "", &session), None);
        }
        let answered = self.exchange(asked, &session, expectation);
        let is_noted = self.keeps_journal();
        (
            answered,
            is_noted.then(|| Noting::of_sandbox(&session, inner)),
        )
    }

    /// Checks that a request to the simulated API has a known host name and an allowed origin.
    fn admit(&self, request: &Request) -> Result<(), Problem> {
        self.options.hosts.admit(request)?;
        if self.sandbox.settings().cors == Cors::Off && self.options.hosts.is_foreign(request) {
            let detail = "the request has the `Origin` of another page, which `--cors off` forbids; `--cors on` lets it";
            return Err(Problem::new(
                ProblemKind::ForeignOrigin,
                StatusCode::FORBIDDEN,
                detail,
            ));
        }
        Ok(())
    }

    fn own(&self, request: &Request, name: &str, session: &str) -> (Response, Report) {
        if request.headers().contains_key(DEPTH) && !name.starts_with("inbox/") {
            // A client could have a callback do what it must not do itself.
            return problem_response(&Problem::new(
                ProblemKind::ControlClosed,
                StatusCode::FORBIDDEN,
                "callbacks and webhooks reach the control API only at `/_standin/inbox/NAME`",
            ));
        }
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
        if let Some(Err(problem)) = asked.query("session").map(session::check_name) {
            return problem_response(&problem);
        }
        let name = self.judge().contract().operations[operation].name();
        self.perform(name, &asked)
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
        let hosts = &self.options.hosts;
        if hosts.is_foreign(request) || hosts::is_change_from_page(request) {
            refused(&hosts.refusal(request))
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

    /// Returns the first segment of the path after a word, decoded: `GET /pets` of
    /// `/_standin/operations/GET%20%2Fpets/request`.
    fn segment(&self, word: &str) -> String {
        self.segments(word).next().unwrap_or_default()
    }

    /// Returns the segments of the path after a word, decoded.
    fn segments(&self, word: &str) -> impl Iterator<Item = String> {
        let path = self.request.uri().path().strip_prefix(PREFIX);
        let rest = path.and_then(|path| path.strip_prefix(word)?.strip_prefix('/'));
        rest.into_iter()
            .flat_map(|rest| rest.split('/').map(decode))
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
        decode(rest)
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

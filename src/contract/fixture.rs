//! Fixture files → fixtures of operations: the responses that the user supplies.
//!
//! `fixture_key` attaches them to operations, and `exchange` tests afterwards whether the condition
//! of a fixture holds for a request.
use std::num::NonZeroU64;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::contract::example::Example;
use crate::contract::request_condition::{ConditionReader, RequestCondition};
use crate::contract::simulation::{
    self, Delay, RateLimit, Responder, SimulatedFault, SimulationError,
};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::syntax::join;
use crate::document::{BODY_FILE, FixtureFile};
use crate::schema::Examples;
use crate::schema::{Demand, Schemas};

/// One response of a fixture file.
#[derive(Debug)]
pub struct Fixture {
    /// Condition on the request; always holds if absent.
    pub when: Option<RequestCondition>,
    /// Number of matching calls of a session that the fixture applies to; all if absent.
    pub times: Option<u64>,
    /// Interval at which the fixture applies to matching calls of a session: 3 for calls 3, 6, 9, …;
    /// to each call if absent.
    pub every: Option<NonZeroU64>,
    /// Status to answer with; if absent, the status of the example or of the success response.
    pub status: Option<StatusCode>,
    /// True if requests that meet the condition are wrong on purpose (`expect: violation`).
    pub expects_violation: bool,
    /// Source of the body.
    pub answer: FixtureAnswer,
    /// Change of the body, a JSON Merge Patch (RFC 7396).
    pub patch: Option<Value>,
    /// Header fields to set.
    pub headers: Vec<FixtureHeader>,
    /// Scenario that the fixture belongs to; it applies in every scenario if absent.
    pub scenario: Option<String>,
    /// Number of answers after which the next step applies, and that step.
    pub then: Option<(u64, Box<Fixture>)>,
    /// Delay of the answer.
    pub delay: Option<Delay>,
    /// Fault to simulate.
    pub fault: Option<SimulatedFault>,
    /// Limit on calls of the operation.
    pub rate_limit: Option<RateLimit>,
    /// Program that answers with `standin proxy` (`upstream: real`).
    pub upstream: Option<Responder>,
    /// True if the body, the patch or a header field has runtime expressions such as
    /// `{$request.body#/name}`.
    pub has_expressions: bool,
    /// Place of the entry in the fixture file.
    pub place: Place,
}

/// Line of a header field that a fixture sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixtureHeader {
    /// Name of the field.
    pub name: HeaderName,
    /// Value of the field.
    pub value: FixtureHeaderValue,
}

/// Value of a header field that a fixture sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixtureHeaderValue {
    /// Value without expressions.
    Fixed(HeaderValue),
    /// Text with runtime expressions.
    Expression(String),
    /// No such field, although the document has it.
    Absent,
}

impl Fixture {
    /// Returns true if the fixture only adds header fields to an answer, changes how it is sent, or
    /// expects violations: a later fixture, or else the document, gives the status and the body.
    #[must_use]
    pub fn only_adds(&self) -> bool {
        let adds = !self.headers.is_empty()
            || self.delay.is_some()
            || self.fault.is_some()
            || self.rate_limit.is_some()
            || self.upstream.is_some()
            || self.expects_violation;
        adds && self.has_documented_body() && self.status.is_none() && self.patch.is_none()
    }

    /// Returns true if the fixture has no body of its own: the answer is the documented or
    /// remembered one, with the status, the header fields and the patch of the fixture.
    #[must_use]
    pub fn has_documented_body(&self) -> bool {
        matches!(self.answer, FixtureAnswer::Documented)
    }

    /// Returns the fixture and the steps after it (`then`).
    pub fn steps(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |fixture| {
            fixture.then.as_ref().map(|(_, then)| &**then)
        })
    }

    /// Returns true if answering needs a view of the session: for the scenario, the number of
    /// calls, the rate limit, delays, faults or runtime expressions.
    #[must_use]
    pub fn is_staged(&self) -> bool {
        self.scenario.is_some()
            || self.times.is_some()
            || self.every.is_some()
            || self.then.is_some()
            || self.rate_limit.is_some()
            || self.delay.is_some()
            || self.has_expressions
            || self.fault.is_some()
    }
}

/// Source of a fixture's body.
#[derive(Debug)]
pub enum FixtureAnswer {
    /// Documented example with this name.
    Example(String),
    /// Body in the fixture file.
    Body(Box<Example>),
    /// Body that the answer would have without the fixture.
    Documented,
}

/// JSON Schema of fixture files, for editors.
pub(crate) const SCHEMA: &str = include_str!("fixtures.schema.json");

/// Fields that an entry may have.
pub(crate) const FIELDS: [&str; 17] = [
    "when",
    "expect",
    "times",
    "every",
    "status",
    "example",
    "body",
    BODY_FILE,
    "patch",
    "headers",
    "scenario",
    "after",
    "then",
    "delay",
    "fault",
    "rate_limit",
    "upstream",
];

/// Fields of an entry that its steps (`then`) share with it and cannot have themselves.
pub(crate) const OF_ENTRY: [&str; 6] = ["when", "times", "every", "scenario", "expect", "upstream"];

/// Header fields that belong to the message as it is sent (RFC 9110 §7.6.1, §8.6).
pub(crate) const OF_CONNECTION: [&str; 6] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "trailer",
];

/// Maximum number of steps of one entry; an entry with more is refused.
const MOST_STEPS: usize = 100;

/// Reads the fixtures of one key from the list at `pointer`. Invalid entries are reported in
/// `found` and left out.
pub(crate) fn read(file: &FixtureFile, pointer: &str, found: &mut Vec<Diagnostic>) -> Vec<Fixture> {
    let reader = FixtureReader {
        file,
        schemas: Schemas::new(
            Arc::clone(&file.source),
            Arc::clone(&file.tree),
            Demand::Few,
        ),
    };
    let list = file.tree.pointer(pointer);
    let Some(items) = list.and_then(Value::as_array) else {
        found.push(reader.invalid(
            pointer,
            "the fixtures of an operation are a list, each entry with `when`, `status`, `example` or `body`, `patch`, `headers`",
        ));
        return Vec::new();
    };
    let pointers = (0..items.len()).map(|index| join(pointer, &index.to_string()));
    pointers
        .filter_map(|at| {
            reader
                .fixture(&at, 0)
                .map_err(|diagnostic| found.push(diagnostic))
                .ok()
        })
        .collect()
}

struct FixtureReader<'f> {
    file: &'f FixtureFile,
    schemas: Arc<Schemas>,
}

impl FixtureReader<'_> {
    fn invalid(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(
            Code::InvalidFixture,
            Place::value(&self.file.source, pointer),
            message,
        )
    }

    /// Reads the entry at a JSON Pointer; `depth` is the number of steps before it.
    fn fixture(&self, at: &str, depth: usize) -> Result<Fixture, Diagnostic> {
        let entry = self.file.tree.pointer(at).and_then(Value::as_object);
        let entry = entry.ok_or_else(|| self.invalid(at, "an entry of a fixture is a map"))?;
        self.fields(at, entry, depth)?;
        let status = self.status(at, entry.get("status"))?;
        let read = |name: &str| entry.get(name).map(|value| (value, join(at, name)));
        let said = |at: String| move |error: SimulationError| self.invalid(&at, error.to_string());
        let delay = read("delay")
            .map(|(value, at)| Delay::read(value).map_err(said(at)))
            .transpose()?;
        let fault = read("fault")
            .map(|(value, at)| SimulatedFault::read(value, status).map_err(said(at)))
            .transpose()?;
        let rate_limit = read("rate_limit")
            .map(|(value, at)| RateLimit::read(value).map_err(said(at)))
            .transpose()?;
        let scenario = read("scenario").map(|(value, at)| {
            let name = value
                .as_str()
                .filter(|name| !name.is_empty())
                .map(str::to_owned);
            name.ok_or_else(|| self.invalid(&at, "`scenario` is a name"))
        });
        let conditions = ConditionReader {
            source: &self.file.source,
            schemas: &self.schemas,
        };
        let when = read("when").map(|(value, at)| conditions.read(&at, value));
        let texts = ["body", "patch", "headers"].map(|name| entry.get(name));
        Ok(Fixture {
            when: when.transpose()?,
            times: self.times(at, entry.get("times"))?,
            every: self.every(at, entry.get("every"))?,
            expects_violation: self.expectation(at, entry)?,
            status,
            answer: self.answer(at, entry)?,
            patch: entry.get("patch").cloned(),
            headers: self.headers(at, entry.get("headers"))?,
            scenario: scenario.transpose()?,
            then: self.then(at, entry, depth)?,
            delay,
            fault,
            rate_limit,
            upstream: self.upstream(at, entry)?,
            has_expressions: texts.into_iter().flatten().any(has_expression),
            place: Place::value(&self.file.source, at),
        })
    }

    /// Checks the names of the fields of an entry, and which of them exclude each other.
    fn fields(&self, at: &str, entry: &Map<String, Value>, depth: usize) -> Result<(), Diagnostic> {
        if let Some(unknown) = entry.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            let message = format!(
                "`{unknown}` is not a field of a fixture, expected one of `{}`",
                FIELDS.join("`, `")
            );
            return Err(self.invalid(&join(at, unknown), message));
        }
        for (body, others) in [
            ("body", ["example", "patch"].as_slice()),
            (BODY_FILE, &["body", "example", "patch"]),
        ] {
            let other = others.iter().find(|other| entry.contains_key(**other));
            if let Some(other) = other.filter(|_| entry.contains_key(body)) {
                let message = format!("`{other}` and `{body}` exclude each other");
                return Err(self.invalid(at, message));
            }
        }
        if depth == 0 {
            return Ok(());
        }
        if let Some(name) = OF_ENTRY.iter().find(|name| entry.contains_key(**name)) {
            let message = format!("`{name}` is in `then`, expected in the entry itself");
            let help = format!("`{name}` of the entry applies to all of its steps");
            return Err(self.invalid(&join(at, name), message).help(help));
        }
        if depth >= MOST_STEPS {
            let message = format!("an entry has more than {MOST_STEPS} steps");
            return Err(self.invalid(at, message));
        }
        Ok(())
    }

    /// Reads `expect: violation`, which only `when` and `scenario` may be beside: a wrong request is
    /// answered with its error in any case.
    fn expectation(&self, at: &str, entry: &Map<String, Value>) -> Result<bool, Diagnostic> {
        let Some(expected) = entry.get("expect") else {
            return Ok(false);
        };
        if expected != "violation" {
            let message = format!("`expect` is {expected}, expected `violation`");
            return Err(self.invalid(&join(at, "expect"), message));
        }
        let is_other = |name: &&String| !["when", "scenario", "expect"].contains(&name.as_str());
        match entry.keys().find(is_other) {
            Some(other) => {
                let message =
                    format!("`{other}` is beside `expect`, expected only `when` and `scenario`");
                let help = "a wrong request is answered with its error; write another entry for the others";
                Err(self.invalid(&join(at, other), message).help(help))
            }
            None => Ok(true),
        }
    }

    /// Reads `upstream: real` and `upstream: sandbox`. With `real`, nothing of the answer can be set,
    /// as it passes unchanged.
    fn upstream(
        &self,
        at: &str,
        entry: &Map<String, Value>,
    ) -> Result<Option<Responder>, Diagnostic> {
        let Some(written) = entry.get("upstream") else {
            return Ok(None);
        };
        let Some(responder) = written.as_str().and_then(Responder::named) else {
            let message = format!("`upstream` is {written}, expected `real` or `sandbox`");
            return Err(self.invalid(&join(at, "upstream"), message));
        };
        let is_other = |name: &&String| !["when", "scenario", "upstream"].contains(&name.as_str());
        match entry.keys().find(is_other) {
            Some(other) if responder == Responder::Real => {
                let message = format!(
                    "`{other}` is beside `upstream: real`, expected only `when` and `scenario`"
                );
                let help = "an answer of the real API passes unchanged; write `upstream: sandbox` to set it here";
                Err(self.invalid(&join(at, other), message).help(help))
            }
            _ => Ok(Some(responder)),
        }
    }

    /// Reads `times: 1` and `times: 2 calls`.
    fn times(&self, at: &str, times: Option<&Value>) -> Result<Option<u64>, Diagnostic> {
        let Some(times) = times else { return Ok(None) };
        let pointer = join(at, "times");
        match simulation::calls(times) {
            Ok(0) => Err(self.invalid(&pointer, "`times` is 0, expected at least 1")),
            Ok(times) => Ok(Some(times)),
            Err(error) => Err(self.invalid(&pointer, error.to_string())),
        }
    }

    /// Reads `every: 3`, `every: 3 calls` and `every: 3rd`. An interval of 1 is none.
    fn every(&self, at: &str, every: Option<&Value>) -> Result<Option<NonZeroU64>, Diagnostic> {
        let Some(every) = every else { return Ok(None) };
        let pointer = join(at, "every");
        let interval = simulation::interval(every)
            .map_err(|error| self.invalid(&pointer, error.to_string()))?;
        match NonZeroU64::new(interval) {
            None => Err(self.invalid(&pointer, "`every` is 0, expected at least 1")),
            Some(NonZeroU64::MIN) => Ok(None),
            interval => Ok(interval),
        }
    }

    /// Reads `after: 2 calls` and `then: {…}`, which require each other.
    fn then(
        &self,
        at: &str,
        entry: &Map<String, Value>,
        depth: usize,
    ) -> Result<Option<(u64, Box<Fixture>)>, Diagnostic> {
        match (entry.get("after"), entry.get("then")) {
            (None, None) => Ok(None),
            (Some(after), Some(_)) => {
                let after = simulation::calls(after)
                    .map_err(|error| self.invalid(&join(at, "after"), error.to_string()))?;
                let then = self.fixture(&join(at, "then"), depth + 1)?;
                Ok(Some((after, Box::new(then))))
            }
            (Some(_), None) => Err(self.invalid(
                &join(at, "after"),
                "`after` needs `then`, what is answered from then on",
            )),
            (None, Some(_)) => {
                Err(self.invalid(&join(at, "then"), "`then` needs `after`, such as `2 calls`"))
            }
        }
    }

    fn status(&self, at: &str, status: Option<&Value>) -> Result<Option<StatusCode>, Diagnostic> {
        let Some(status) = status else {
            return Ok(None);
        };
        let code = status.as_u64().and_then(|code| u16::try_from(code).ok());
        let code = code
            .filter(|code| (200..600).contains(code))
            .and_then(|code| StatusCode::from_u16(code).ok());
        match code {
            Some(code) => Ok(Some(code)),
            None => Err(self.invalid(
                &join(at, "status"),
                format!("`status` is {status}, expected a number from 200 to 599"),
            )),
        }
    }

    fn answer(&self, at: &str, entry: &Map<String, Value>) -> Result<FixtureAnswer, Diagnostic> {
        if let Some(path) = entry.get(BODY_FILE) {
            return self.body_file(&join(at, BODY_FILE), path);
        }
        match (entry.get("example"), entry.contains_key("body")) {
            (Some(Value::String(name)), _) => Ok(FixtureAnswer::Example(name.clone())),
            (Some(_), _) => Err(self.invalid(
                &join(at, "example"),
                "`example` is the name of a documented example",
            )),
            (None, true) => {
                let pointer = join(at, "body");
                let place = Place::value(&self.file.source, pointer.clone());
                let tree = Arc::clone(&self.file.tree);
                Ok(FixtureAnswer::Body(Box::new(Example::new(
                    String::new(),
                    place,
                    tree,
                    pointer,
                    None,
                    Examples::Verbatim,
                ))))
            }
            (None, false) => Ok(FixtureAnswer::Documented),
        }
    }

    /// Reads `body_file: bodies/list.json`.
    fn body_file(&self, at: &str, path: &Value) -> Result<FixtureAnswer, Diagnostic> {
        let Some(path) = path.as_str().filter(|path| !path.is_empty()) else {
            let message = format!("`{BODY_FILE}` is {path}, expected the path of a file");
            return Err(self.invalid(at, message));
        };
        match self.file.body(path) {
            Ok(body) => {
                let place = Place::value(&self.file.source, at);
                Ok(FixtureAnswer::Body(Box::new(Example::of_file(place, body))))
            }
            Err(error) => {
                let message = format!("the body in `{path}` cannot be read: {error}");
                let help = "the path is relative to the folder of the fixture file, and within it";
                Err(self.invalid(at, message).help(help))
            }
        }
    }

    fn headers(&self, at: &str, headers: Option<&Value>) -> Result<Vec<FixtureHeader>, Diagnostic> {
        let Some(headers) = headers else {
            return Ok(Vec::new());
        };
        let pointer = join(at, "headers");
        let map = headers
            .as_object()
            .ok_or_else(|| self.invalid(&pointer, "`headers` is a map of names and values"))?;
        let mut lines = Vec::new();
        for (name, value) in map {
            // A list of values gives one header line each, such as several `Set-Cookie`.
            let values = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            if OF_CONNECTION
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
            {
                let message = format!("`{name}` is set by the server, which sends the content");
                return Err(self.invalid(&join(&pointer, name), message));
            }
            for value in values {
                if value.is_null()
                    && let Ok(name) = HeaderName::from_bytes(name.as_bytes())
                {
                    let value = FixtureHeaderValue::Absent;
                    lines.push(FixtureHeader { name, value });
                    continue;
                }
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                lines.push(header(name, &text).ok_or_else(|| {
                    self.invalid(
                        &join(&pointer, name),
                        format!("`{name}: {text}` is not a header field"),
                    )
                })?);
            }
        }
        Ok(lines)
    }
}

/// Reads a line of a header field; `None` if it cannot be sent.
fn header(name: &str, text: &str) -> Option<FixtureHeader> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    // Only the text around expressions is known yet, so it has to be valid.
    let fixed = HeaderValue::from_str(text).ok()?;
    let value = if text.contains(EXPRESSION) {
        FixtureHeaderValue::Expression(text.to_owned())
    } else {
        FixtureHeaderValue::Fixed(fixed)
    };
    Some(FixtureHeader { name, value })
}

/// Beginning of a runtime expression.
const EXPRESSION: &str = "{$";

/// Returns true if a text in a value has a runtime expression.
fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(EXPRESSION),
        Value::Array(items) => items.iter().any(has_expression),
        Value::Object(object) => object.values().any(has_expression),
        _ => false,
    }
}

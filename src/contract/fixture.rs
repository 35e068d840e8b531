//! Fixture files → fixtures of operations: the responses that the user supplies.
//!
//! `exchange` tests afterwards whether the condition of a fixture holds for a request.
use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::contract::example::Example;
use crate::contract::simulation::{self, Delay, RateLimit, SimulatedFault, SimulationError};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::FixtureFile;
use crate::document::names::{nearest, unknown_keyword};
use crate::document::syntax::join;
use crate::schema::Examples;
use crate::schema::{Demand, Direction, Schema, Schemas};

/// One response of a fixture file.
#[derive(Debug)]
pub struct Fixture {
    /// Condition, a JSON Schema over `{path, query, header, cookie, body}`; always holds if
    /// absent.
    pub when: Option<Arc<Schema>>,
    /// Status to answer with; if absent, the status of the example or of the success response.
    pub status: Option<StatusCode>,
    /// Source of the body.
    pub answer: FixtureAnswer,
    /// Headers to add.
    pub headers: Vec<(HeaderName, HeaderValue)>,
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
    /// True if the body has runtime expressions such as `{$request.body#/name}`.
    pub has_expressions: bool,
    /// Place of the entry in the fixture file.
    pub place: Place,
}

impl Fixture {
    /// Returns true if the fixture only changes how an answer is sent, and not its status, headers
    /// or body.
    #[must_use]
    pub fn is_manner(&self) -> bool {
        matches!(self.answer, FixtureAnswer::Documented)
            && self.status.is_none()
            && self.headers.is_empty()
    }

    /// Returns the fixture and the steps after it (`then`).
    pub fn steps(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |fixture| {
            fixture.then.as_ref().map(|(_, then)| &**then)
        })
    }

    /// Returns true if answering needs a view of the session: for the scenario, further steps, the
    /// rate limit, delays, faults or runtime expressions.
    #[must_use]
    pub fn is_staged(&self) -> bool {
        self.scenario.is_some()
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
    /// Documented content for the status.
    Documented,
}

/// Fields that an entry may have.
const FIELDS: [&str; 11] = [
    "when",
    "status",
    "example",
    "body",
    "headers",
    "scenario",
    "after",
    "then",
    "delay",
    "fault",
    "rate_limit",
];

/// Parts of a request that a condition can test.
const PARTS: [&str; 5] = ["path", "query", "header", "cookie", "body"];

/// Reads the fixtures of one operation from the list at `pointer`. Invalid entries are reported in
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
            "the fixtures of an operation are a list, each entry with `when`, `status`, `example` or `body`, `headers`",
        ));
        return Vec::new();
    };
    let pointers = (0..items.len()).map(|index| join(pointer, &index.to_string()));
    pointers
        .filter_map(|at| {
            reader
                .fixture(&at)
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

    fn fixture(&self, at: &str) -> Result<Fixture, Diagnostic> {
        let entry = self.file.tree.pointer(at).and_then(Value::as_object);
        let entry = entry.ok_or_else(|| self.invalid(at, "an entry of a fixture is a map"))?;
        if let Some(unknown) = entry.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            let message = format!(
                "`{unknown}` is not a field of a fixture, expected one of `{}`",
                FIELDS.join("`, `")
            );
            return Err(self.invalid(&join(at, unknown), message));
        }
        if entry.contains_key("example") && entry.contains_key("body") {
            return Err(self.invalid(at, "`example` and `body` exclude each other"));
        }
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
        Ok(Fixture {
            when: self.when(at, entry.get("when"))?,
            status,
            answer: self.answer(at, entry)?,
            headers: self.headers(at, entry.get("headers"))?,
            scenario: scenario.transpose()?,
            then: self.then(at, entry)?,
            delay,
            fault,
            rate_limit,
            has_expressions: entry
                .get("body")
                .is_some_and(|body| body.to_string().contains("{$")),
            place: Place::value(&self.file.source, at),
        })
    }

    /// Reads `after: 2 calls` and `then: {…}`, which require each other.
    fn then(
        &self,
        at: &str,
        entry: &serde_json::Map<String, Value>,
    ) -> Result<Option<(u64, Box<Fixture>)>, Diagnostic> {
        match (entry.get("after"), entry.get("then")) {
            (None, None) => Ok(None),
            (Some(after), Some(_)) => {
                let after = simulation::calls(after)
                    .map_err(|error| self.invalid(&join(at, "after"), error.to_string()))?;
                Ok(Some((after, Box::new(self.fixture(&join(at, "then"))?))))
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

    fn when(&self, at: &str, when: Option<&Value>) -> Result<Option<Arc<Schema>>, Diagnostic> {
        let Some(when) = when else { return Ok(None) };
        let pointer = join(at, "when");
        if !when.is_object() && !when.is_boolean() {
            return Err(self.invalid(
                &pointer,
                "`when` is a JSON Schema over `{path, query, header, cookie, body}`",
            ));
        }
        self.keywords(&pointer, when)?;
        let schema = Schema::new(&self.schemas, pointer.clone(), Direction::Request);
        schema
            .check_all()
            .map_err(|error| self.invalid(&pointer, error.to_string()))?;
        Ok(Some(Arc::new(schema)))
    }

    /// Rejects keywords that JSON Schema does not have, and parts that a request does not have:
    /// ignoring them would make the condition hold for every request.
    fn keywords(&self, pointer: &str, when: &Value) -> Result<(), Diagnostic> {
        if let Some(unknown) = unknown_keyword(when) {
            let help = match unknown.meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if PARTS.contains(&unknown.name.as_str()) => {
                    format!("write `when: {{properties: {{{}: …}}}}`", unknown.name)
                }
                None => "write the names of values below `properties`".to_owned(),
            };
            let message = format!("`{}` is not a JSON Schema keyword", unknown.name);
            let place = Place::key(&self.file.source, format!("{pointer}{}", unknown.pointer));
            return Err(Diagnostic::at(Code::InvalidFixture, place, message).help(help));
        }
        let properties = when
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|map| map.keys());
        let named =
            properties.map(|name| (name.as_str(), join(&join(pointer, "properties"), name)));
        let required = when
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let required = required
            .enumerate()
            .map(|(index, name)| (name, join(&join(pointer, "required"), &index.to_string())));
        let Some((name, at)) = named
            .chain(required)
            .find(|(name, _)| !PARTS.contains(name))
        else {
            return Ok(());
        };
        let message = format!(
            "a request has no `{name}`, expected one of `{}`",
            PARTS.join("`, `")
        );
        let invalid = self.invalid(&at, message);
        Err(match nearest(name, PARTS.into_iter()) {
            Some(meant) => invalid.help(format!("did you mean `{meant}`?")),
            None => invalid.help(format!(
                "write, for a property of the body, `properties: {{body: {{properties: {{{name}: …}}}}}}`"
            )),
        })
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

    pub(crate) fn answer(
        &self,
        at: &str,
        entry: &serde_json::Map<String, Value>,
    ) -> Result<FixtureAnswer, Diagnostic> {
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

    fn headers(
        &self,
        at: &str,
        headers: Option<&Value>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Diagnostic> {
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
            for value in values {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                let name_read = HeaderName::from_bytes(name.as_bytes()).ok();
                let line = name_read.zip(HeaderValue::from_str(&text).ok());
                lines.push(line.ok_or_else(|| {
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

//! Validates a request against its operation and returns everything that does not fit.
//!
//! `exchange` calls this module for each request; the response to violations is left to `errors`.

mod body_content;
pub(crate) mod credentials;
use serde_json::{Map, Value, json};

use crate::codec::message::Body;
use crate::codec::parameter::{self, Inputs};
use crate::codec::style::ReadOutcome;
use crate::codec::text;
use crate::contract::route::Pin;
use crate::contract::{
    Location, MediaType, Operation, Parameter, ParameterForm, RequestBody, Style,
};
use crate::document::syntax::unescape;
use crate::schema::{MOST_ERRORS, Schema, SchemaError, cut, start_of};
pub(crate) use crate::validate::body_content::ContentFault;
use crate::validate::body_content::ReceivedContent;

/// The part of a request that a violation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A parameter, by location and name.
    Parameter(Location, String),
    /// The content of the request.
    Body,
}

/// A mismatch between a request and its operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The part of the request that it is about.
    pub subject: Subject,
    /// The violated keyword; its pointer is relative to the body or to the value of the parameter.
    pub error: SchemaError,
    /// The value that was sent there; none if it is absent or too large to be repeated.
    pub value: Option<Value>,
}

/// Bound on the number of values in a sent value that an error repeats; a value with as many or
/// more is left out.
const MOST_REPEATED: usize = 200;

/// Maximum bytes of text in a sent value that an error repeats; a longer string is cut, and any
/// other value with more is left out.
const MOST_REPEATED_BYTES: usize = 4096;

/// Remaining allowance for repeating a value in an error.
struct Repeatable {
    values: usize,
    bytes: usize,
}

impl Repeatable {
    fn takes(&mut self, value: &Value) -> bool {
        let own = match value {
            Value::String(text) => text.len(),
            Value::Number(number) => number.to_string().len(),
            _ => 0,
        };
        self.values = self.values.saturating_sub(1);
        self.values > 0
            && self.has_room(own)
            && match value {
                Value::Array(items) => items.iter().all(|item| self.takes(item)),
                Value::Object(object) => object
                    .iter()
                    .all(|(name, member)| self.has_room(name.len()) && self.takes(member)),
                _ => true,
            }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }
}

/// Returns a copy of a sent value for an error, a long string cut; none if another value is too
/// large.
fn repeated(value: &Value) -> Option<Value> {
    if let Value::String(text) = value {
        return Some(Value::String(
            start_of(text, MOST_REPEATED_BYTES).into_owned(),
        ));
    }
    let mut left = Repeatable {
        values: MOST_REPEATED,
        bytes: MOST_REPEATED_BYTES,
    };
    left.takes(value).then(|| value.clone())
}

impl Violation {
    /// Returns the violation for an error of `instance`, the body or the value of a parameter.
    fn of(subject: Subject, error: SchemaError, instance: &Value) -> Self {
        let is_absent = error.keyword == "required";
        let at = instance.pointer(&error.pointer).filter(|_| !is_absent);
        let at = match error.operands.get("property").and_then(Value::as_str) {
            Some(property) => at.and_then(|object| object.get(property)),
            None => at,
        };
        let value = at.and_then(repeated);
        Self {
            subject,
            error,
            value,
        }
    }

    pub(crate) fn new(subject: Subject, keyword: &str, mut operands: Value) -> Self {
        if let Some(Value::String(detail)) = operands.get_mut("detail") {
            cut(detail, MOST_REPEATED_BYTES);
        }
        Self {
            subject,
            error: SchemaError::new("", keyword, operands),
            value: None,
        }
    }

    /// Marks the violation as one of a body that is absent altogether.
    fn of_absent_body(mut self) -> Self {
        self.error.operands.insert("absent".to_owned(), json!(true));
        self
    }

    /// Returns the violation for a required parameter that is absent.
    #[must_use]
    pub fn missing_parameter(parameter: &Parameter) -> Self {
        let subject = Subject::Parameter(parameter.location, parameter.name.clone());
        Self::new(subject, "required", json!({ "property": parameter.name }))
    }

    /// Returns the violation for a required property that the body lacks.
    #[must_use]
    pub fn missing_property(name: &str) -> Self {
        Self::new(Subject::Body, "required", json!({ "property": name }))
    }

    /// Returns the location and name of the parameter that the violation is about; none for the
    /// body.
    #[must_use]
    pub fn parameter(&self) -> Option<(Location, &str)> {
        match &self.subject {
            Subject::Parameter(location, name) => Some((*location, name)),
            Subject::Body => None,
        }
    }

    /// Returns the name of the culprit: the property that is missing or not allowed, else the
    /// innermost property that the value belongs to, else the parameter.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        if let Some(Value::String(property)) = self.error.operands.get("property") {
            return Some(property.clone());
        }
        let mut segments = self
            .error
            .pointer
            .rsplit('/')
            .filter(|segment| !segment.is_empty());
        let named = segments.find(|segment| segment.parse::<usize>().is_err());
        let named = named.map(unescape);
        named.or_else(|| self.parameter().map(|(_, name)| name.to_owned()))
    }

    /// Returns one line for a log or a header: `body /emails: must be array`.
    #[must_use]
    pub fn summary(&self) -> String {
        let subject = match &self.subject {
            Subject::Parameter(location, name) => format!("{} {name}", location.as_str()),
            Subject::Body => "body".to_owned(),
        };
        let pointer = if self.error.pointer.is_empty() {
            String::new()
        } else {
            format!(" {}", self.error.pointer)
        };
        format!("{subject}{pointer}: {}", self.error.sentence())
    }
}

/// Values of a request by name, as fixtures see them.
#[derive(Debug, Default)]
pub struct Values {
    parameters: Vec<(Location, String, Value)>,
    /// The body; none if the request has none or if its media type is not parsed.
    pub body: Option<Value>,
}

impl Values {
    /// Returns the value of a parameter, if one could be read.
    #[must_use]
    pub fn parameter(&self, location: Location, name: &str) -> Option<&Value> {
        let mut all = self.parameters.iter();
        all.find(|(there, known, _)| *there == location && known == name)
            .map(|(.., value)| value)
    }

    /// Returns the request as one instance, `{path, query, header, cookie, body}`. Values are
    /// typed where documented and strings elsewhere; header names are in lower case.
    #[must_use]
    pub fn as_instance(&self, inputs: &Inputs<'_>) -> Value {
        let query = inputs
            .query
            .0
            .iter()
            .map(|(name, raw)| (name.clone(), json!(text::decode_form(raw))));
        let header = inputs.headers.keys().filter_map(|name| {
            Some((
                name.as_str().to_owned(),
                json!(inputs.header(name.as_str())?),
            ))
        });
        let cookie = inputs
            .cookies
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)));
        let path = inputs
            .path
            .iter()
            .map(|(name, raw)| ((*name).to_owned(), json!(text::decode(raw))));
        let mut instance = json!({
            "path": path.collect::<Map<_, _>>(),
            "query": query.collect::<Map<_, _>>(),
            "header": header.collect::<Map<_, _>>(),
            "cookie": cookie.collect::<Map<_, _>>(),
        });
        for (location, name, value) in &self.parameters {
            let name = if *location == Location::Header {
                name.to_ascii_lowercase()
            } else {
                name.clone()
            };
            instance[location.as_str()][name] = value.clone();
        }
        if let Some(body) = &self.body {
            instance["body"] = body.clone();
        }
        instance
    }
}

/// Parameters and content of a request, read but not yet validated.
#[derive(Debug)]
pub struct Received<'o> {
    /// The values that could be read.
    pub values: Values,
    parameters: Vec<(&'o Parameter, ParameterOutcome)>,
    content: ReceivedContent<'o>,
}

/// Outcome of reading a parameter.
#[derive(Debug)]
enum ParameterOutcome {
    Absent,
    Empty,
    /// Read; the number is the index of the value in `Values::parameters`.
    Value(usize),
    Malformed(String),
}

impl Received<'_> {
    /// Returns the reason why the content cannot be read, if it cannot.
    #[must_use]
    pub fn content_fault(&self) -> Option<&ContentFault> {
        match &self.content {
            ReceivedContent::Unreadable(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Reads the parameters and the content of a request.
#[must_use]
pub fn receive<'o>(operation: &'o Operation, inputs: &Inputs<'_>, sent: &Body) -> Received<'o> {
    let mut values = Values::default();
    let mut parameters = Vec::new();
    for parameter in &operation.compiled().parameters {
        let found = match parameter::read(parameter, inputs) {
            ReadOutcome::Absent => ParameterOutcome::Absent,
            ReadOutcome::Empty => ParameterOutcome::Empty,
            ReadOutcome::Malformed(why) => ParameterOutcome::Malformed(why),
            ReadOutcome::Value(value) => {
                values
                    .parameters
                    .push((parameter.location, parameter.name.clone(), value));
                ParameterOutcome::Value(values.parameters.len() - 1)
            }
        };
        parameters.push((&**parameter, found));
    }
    let (content, body) = body_content::receive(operation, inputs.headers, sent);
    values.body = body;
    Received {
        values,
        parameters,
        content,
    }
}

/// Returns the violations of the parameters and the body.
#[must_use]
pub fn violations(
    operation: &Operation,
    received: &Received<'_>,
    absent: AbsentBody,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (parameter, found) in &received.parameters {
        let subject = || Subject::Parameter(parameter.location, parameter.name.clone());
        match found {
            ParameterOutcome::Empty if parameter.location == Location::Path => {
                violations.push(Violation::missing_parameter(parameter));
            }
            ParameterOutcome::Absent if parameter.required => {
                violations.push(Violation::missing_parameter(parameter));
            }
            ParameterOutcome::Absent | ParameterOutcome::Empty => {}
            ParameterOutcome::Malformed(why) => {
                violations.push(Violation::new(subject(), "style", json!({ "detail": why })));
            }
            ParameterOutcome::Value(index) => {
                let value = &received.values.parameters[*index].2;
                if let Some(schema) = parameter.schema() {
                    let errors = schema.errors(value).unwrap_or_default();
                    violations.extend(
                        errors
                            .into_iter()
                            .map(|error| Violation::of(subject(), error, value)),
                    );
                }
            }
        }
    }
    violations.extend(
        match (
            &operation.compiled().body,
            &received.content,
            &received.values.body,
        ) {
            (Some(documented), ReceivedContent::Absent, _) => judge_absent_body(documented, absent),
            (_, ReceivedContent::Read(Some(media)), Some(value)) => of_content(media, value),
            _ => Vec::new(),
        },
    );
    violations
}

/// Returns the violations of content that is read as a documented media type.
#[must_use]
pub(crate) fn of_content(media: &MediaType, value: &Value) -> Vec<Violation> {
    let is_sequence = media.range.sequence().is_some();
    // For a sequential media type, a schema that is not of an array describes each item.
    let whole = media
        .schema
        .as_ref()
        .filter(|schema| !is_sequence || schema.own_types() == ["array"]);
    let found = whole.map_or_else(Vec::new, |schema| body(schema, value));
    let item = media.item.as_ref();
    let item = item.or(media.schema.as_ref().filter(|_| is_sequence));
    match (item, value) {
        (Some(item), Value::Array(items)) if found.is_empty() => each(item, items),
        _ => found,
    }
}

/// Returns a sentence for each part of a schema that is left out of the validation of this request
/// because it cannot be compiled; each sentence once.
#[must_use]
pub(crate) fn unchecked(received: &Received<'_>) -> Vec<String> {
    let values = received
        .parameters
        .iter()
        .filter(|(_, found)| matches!(found, ParameterOutcome::Value(_)));
    let parameters = values.filter_map(|(parameter, _)| parameter.schema());
    let media = match &received.content {
        ReceivedContent::Read(media) => *media,
        _ => None,
    };
    let content = media
        .into_iter()
        .flat_map(|media| media.schema.iter().chain(&media.item));
    let parts = media
        .into_iter()
        .flat_map(|media| &media.encoding)
        .flat_map(|(_, encoding)| &encoding.headers);
    let content = content.chain(parts.filter_map(|header| header.schema.as_ref()));
    let mut told: Vec<String> = Vec::new();
    for fault in parameters.chain(content).flat_map(|schema| schema.faults()) {
        let sentence = fault.sentence();
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

/// Returns a violation for each query name that no parameter, security scheme or preference has;
/// each name once.
#[must_use]
pub(crate) fn other_names(operation: &Operation, inputs: &Inputs<'_>) -> Vec<Violation> {
    let query = || {
        operation
            .compiled()
            .parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Query)
    };
    let takes_all = query().any(|parameter| matches!(parameter.form, ParameterForm::Query(_)));
    let pinned = |name: &str| {
        let mut pins = operation.variant.iter().flat_map(|variant| &variant.pins);
        pins.any(|pin| match pin {
            Pin::Query(there, _) | Pin::Field(there, _) => there == name,
        })
    };
    let is_known = |name: &str| {
        let base = name.split('[').next().unwrap_or(name);
        takes_all
            || name.starts_with("__")
            || inputs.claimed.contains(&name)
            || pinned(name)
            || query().any(|parameter| {
                parameter.name == name || parameter.name == base || spreads(parameter, name)
            })
    };
    let mut told: Vec<&str> = Vec::new();
    for (name, _) in &inputs.query.0 {
        if !is_known(name) && !told.contains(&name.as_str()) {
            told.push(name);
        }
    }
    let unknown = |name: &str| {
        Violation::new(
            Subject::Parameter(Location::Query, name.to_owned()),
            "unknownParameter",
            json!({ "property": name }),
        )
    };
    told.into_iter().map(unknown).collect()
}

/// Returns true if a parameter is an exploded object that has a property of this name or may have
/// any property.
fn spreads(parameter: &Parameter, name: &str) -> bool {
    let ParameterForm::Styled {
        style: Style::Form,
        explode: true,
        schema,
    } = &parameter.form
    else {
        return false;
    };
    let tree = schema.tree();
    schema.types(tree).contains(&"object")
        && (schema.property(tree, name).is_some() || schema.properties(tree).is_empty())
}

/// Validates an absent body as an empty object where a body is required, or where the user asks
/// for it (`--require-bodies`).
fn judge_absent_body(documented: &RequestBody, absent: AbsentBody) -> Vec<Violation> {
    if !documented.required && absent == AbsentBody::Accepted {
        return Vec::new();
    }
    let schema = documented
        .content
        .iter()
        .find_map(|media| media.schema.as_ref());
    let as_empty = match schema {
        Some(schema) => body(schema, &json!({})),
        None => Vec::new(),
    };
    // A missing required property tells a client more than a missing body.
    let is_about_properties = as_empty
        .iter()
        .any(|violation| violation.error.keyword == "required");
    match (is_about_properties, documented.required) {
        (true, true) => as_empty
            .into_iter()
            .map(Violation::of_absent_body)
            .collect(),
        (true, false) => as_empty,
        (false, true) => {
            vec![
                Violation::new(Subject::Body, "required", json!({ "property": "body" }))
                    .of_absent_body(),
            ]
        }
        (false, false) => Vec::new(),
    }
}

/// Validates each item of a sequence; returns at most `MOST_ERRORS` violations, as for a list.
fn each(schema: &Schema, items: &[Value]) -> Vec<Violation> {
    let mut found = Vec::new();
    if schema.own_types() == ["array"] {
        return found;
    }
    for (index, item) in items.iter().enumerate() {
        for error in schema.errors(item).unwrap_or_default() {
            let mut violation = Violation::of(Subject::Body, error, item);
            violation.error.pointer.insert_str(0, &format!("/{index}"));
            found.push(violation);
            if found.len() >= MOST_ERRORS {
                return found;
            }
        }
    }
    found
}

/// Validates the body against the schema of its media type, then against the schemas that its
/// discriminators name.
fn body(schema: &Schema, value: &Value) -> Vec<Violation> {
    let mut errors = schema.errors(value).unwrap_or_default();
    if errors.is_empty() {
        errors = schema.errors_of_derived(value).unwrap_or_default();
    }
    errors
        .into_iter()
        .map(|error| Violation::of(Subject::Body, error, value))
        .collect()
}

/// Treatment of an absent body where the document does not require one (`--require-bodies`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentBody {
    /// Accepted, as OpenAPI specifies.
    #[default]
    Accepted,
    /// Validated as an empty object.
    Judged,
}

/// Treatment of query names that no parameter has (`--strict-query`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherNames {
    /// Accepted and ignored.
    #[default]
    Accepted,
    /// Reported as violations.
    Refused,
}

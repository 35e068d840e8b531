//! A request against its operation → everything that does not fit.
//!
//! What is answered then is left to `rejection`.

pub mod credentials;
use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::codec::content::{self, Content, Malformed};
use crate::codec::message::{Body, CodingFault};
use crate::codec::parameter::{self, Inputs};
use crate::codec::style::Read;
use crate::codec::{accept, text};
use crate::contract::media::MediaRange;
use crate::contract::route::Pin;
use crate::contract::{Location, MediaType, Operation, Parameter, ParameterForm, RequestBody, Style};
use crate::document::syntax::unescape;
use crate::schema::{MOST_ERRORS, Schema, SchemaError, cut, start_of};

/// What a violation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A parameter, by location and name.
    Parameter(Location, String),
    /// The content of the request.
    Body,
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// What it is about.
    pub subject: Subject,
    /// The pointer in it is into the body, or into the value of the parameter.
    pub error: SchemaError,
    /// What was sent there, unless it is nothing or too much to be repeated.
    pub value: Option<Value>,
}

/// How many values a sent one may have to be repeated in an error; one with more is left out.
const MOST_REPEATED: usize = 200;

/// How many bytes of text a sent value may have to be repeated in an error; a longer text is cut, and anything
/// else with more is left out.
const MOST_REPEATED_BYTES: usize = 4096;

/// How much of a value may still be repeated.
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
                Value::Object(object) => {
                    object.iter().all(|(name, member)| self.has_room(name.len()) && self.takes(member))
                }
                _ => true,
            }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }
}

/// A copy of a sent value that is short enough for an error; none of one that is not.
fn repeated(value: &Value) -> Option<Value> {
    if let Value::String(text) = value {
        return Some(Value::String(start_of(text, MOST_REPEATED_BYTES).into_owned()));
    }
    let mut left = Repeatable { values: MOST_REPEATED, bytes: MOST_REPEATED_BYTES };
    left.takes(value).then(|| value.clone())
}

impl Violation {
    /// What is wrong with `instance`, the body or the value of a parameter.
    fn of(subject: Subject, error: SchemaError, instance: &Value) -> Self {
        let is_absent = error.keyword == "required";
        let at = instance.pointer(&error.pointer).filter(|_| !is_absent);
        let at = match error.operands.get("property").and_then(Value::as_str) {
            Some(property) => at.and_then(|object| object.get(property)),
            None => at,
        };
        let value = at.and_then(repeated);
        Self { subject, error, value }
    }

    pub(crate) fn new(subject: Subject, keyword: &str, mut operands: Value) -> Self {
        if let Some(Value::String(detail)) = operands.get_mut("detail") {
            cut(detail, MOST_REPEATED_BYTES);
        }
        Self { subject, error: SchemaError::new("", keyword, operands), value: None }
    }

    /// A violation of a body that is not there at all.
    fn of_absent_body(mut self) -> Self {
        self.error.operands.insert("absent".to_owned(), json!(true));
        self
    }

    /// A required parameter that is not there.
    #[must_use]
    pub fn missing_parameter(parameter: &Parameter) -> Self {
        let subject = Subject::Parameter(parameter.location, parameter.name.clone());
        Self::new(subject, "required", json!({ "property": parameter.name }))
    }

    /// A required property of the body that is not there.
    #[must_use]
    pub fn missing_property(name: &str) -> Self {
        Self::new(Subject::Body, "required", json!({ "property": name }))
    }

    /// The location and name of the parameter that it is about.
    #[must_use]
    pub fn parameter(&self) -> Option<(Location, &str)> {
        match &self.subject {
            Subject::Parameter(location, name) => Some((*location, name)),
            Subject::Body => None,
        }
    }

    /// The name of what is wrong: of the property that is missing or not allowed, else of the
    /// innermost property that the value belongs to, else of the parameter.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        if let Some(Value::String(property)) = self.error.operands.get("property") {
            return Some(property.clone());
        }
        let mut segments = self.error.pointer.rsplit('/').filter(|segment| !segment.is_empty());
        let named = segments.find(|segment| segment.parse::<usize>().is_err());
        let named = named.map(unescape);
        named.or_else(|| self.parameter().map(|(_, name)| name.to_owned()))
    }

    /// For a log or a header: `body /emails: must be array`.
    #[must_use]
    pub fn summary(&self) -> String {
        let subject = match &self.subject {
            Subject::Parameter(location, name) => format!("{} {name}", location.as_str()),
            Subject::Body => "body".to_owned(),
        };
        let pointer = if self.error.pointer.is_empty() { String::new() } else { format!(" {}", self.error.pointer) };
        format!("{subject}{pointer}: {}", self.error.sentence())
    }
}

/// The values of a request by name, as fixtures see them.
#[derive(Debug, Default)]
pub struct Values {
    parameters: Vec<(Location, String, Value)>,
    /// The body; none if the request has none, or if it is of a type that is not looked into.
    pub body: Option<Value>,
}

impl Values {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, location: Location, name: &str) -> Option<&Value> {
        let mut all = self.parameters.iter();
        all.find(|(there, known, _)| *there == location && known == name).map(|(.., value)| value)
    }

    /// `{path, query, header, cookie, body}`: typed where documented, else strings; header names in
    /// lower case.
    #[must_use]
    pub fn as_instance(&self, inputs: &Inputs<'_>) -> Value {
        let query = inputs.query.0.iter().map(|(name, raw)| (name.clone(), json!(text::decode_form(raw))));
        let header = inputs
            .headers
            .keys()
            .filter_map(|name| Some((name.as_str().to_owned(), json!(inputs.header(name.as_str())?))));
        let cookie = inputs.cookies.iter().map(|(name, value)| (name.clone(), json!(value)));
        let path = inputs.path.iter().map(|(name, raw)| ((*name).to_owned(), json!(text::decode(raw))));
        let mut instance = json!({
            "path": path.collect::<Map<_, _>>(),
            "query": query.collect::<Map<_, _>>(),
            "header": header.collect::<Map<_, _>>(),
            "cookie": cookie.collect::<Map<_, _>>(),
        });
        for (location, name, value) in &self.parameters {
            let name = if *location == Location::Header { name.to_ascii_lowercase() } else { name.clone() };
            instance[location.as_str()][name] = value.clone();
        }
        if let Some(body) = &self.body {
            instance["body"] = body.clone();
        }
        instance
    }
}

/// What a request has, read as far as it can be; nothing of it is judged yet.
#[derive(Debug)]
pub struct Received<'o> {
    /// What could be read.
    pub values: Values,
    parameters: Vec<(&'o Parameter, Found)>,
    content: ReceivedContent<'o>,
}

/// What a request has for a parameter.
#[derive(Debug)]
enum Found {
    Absent,
    Empty,
    /// The value of this number.
    Value(usize),
    Malformed(String),
}

#[derive(Debug)]
enum ReceivedContent<'o> {
    /// There is none, or none is documented.
    Absent,
    /// It is of this documented type.
    Read(Option<&'o MediaType>),
    Unreadable(ContentFault),
}

impl Received<'_> {
    /// Why the content cannot be read, if it cannot.
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
    for parameter in &operation.parameters {
        let found = match parameter::read(parameter, inputs) {
            Read::Absent => Found::Absent,
            Read::Empty => Found::Empty,
            Read::Malformed(why) => Found::Malformed(why),
            Read::Value(value) => {
                values.parameters.push((parameter.location, parameter.name.clone(), value));
                Found::Value(values.parameters.len() - 1)
            }
        };
        parameters.push((&**parameter, found));
    }
    let content = match (&operation.body, sent) {
        (Some(_), Body::Undecodable(fault)) => undecodable(operation, fault),
        (Some(documented), Body::Complete(bytes)) if !bytes.is_empty() => {
            match read_content(operation, documented, inputs.headers, bytes) {
                Ok((content, media)) => {
                    if let Content::Value(value) = content {
                        values.body = Some(value);
                    }
                    ReceivedContent::Read(media)
                }
                Err(fault) => ReceivedContent::Unreadable(fault),
            }
        }
        _ => ReceivedContent::Absent,
    };
    Received { values, parameters, content }
}

/// Content whose coding cannot be undone. A coding that a parameter `Content-Encoding` documents may be sent, and is
/// not looked into.
fn undecodable<'o>(operation: &Operation, fault: &CodingFault) -> ReceivedContent<'o> {
    let names_coding = |parameter: &&std::sync::Arc<Parameter>| {
        parameter.location == Location::Header && parameter.name.eq_ignore_ascii_case("content-encoding")
    };
    let schema = operation.parameters.iter().find(names_coding).and_then(|parameter| parameter.schema());
    match fault {
        CodingFault::Unknown(name) if schema.is_some_and(|s| s.is_valid(&json!(name)) == Ok(true)) => {
            ReceivedContent::Read(None)
        }
        CodingFault::Unknown(name) => ReceivedContent::Unreadable(ContentFault::UnsupportedCoding(name.clone())),
        CodingFault::Malformed(why) => {
            let malformed = Malformed::new(why.clone(), None);
            ReceivedContent::Unreadable(ContentFault::Malformed(malformed))
        }
    }
}

/// Everything in parameters and body that does not fit.
#[must_use]
pub fn violations(operation: &Operation, received: &Received<'_>, absent: AbsentBody) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (parameter, found) in &received.parameters {
        let subject = || Subject::Parameter(parameter.location, parameter.name.clone());
        match found {
            Found::Absent if parameter.required => violations.push(Violation::missing_parameter(parameter)),
            Found::Absent | Found::Empty => {}
            Found::Malformed(why) => violations.push(Violation::new(subject(), "style", json!({ "detail": why }))),
            Found::Value(index) => {
                let value = &received.values.parameters[*index].2;
                if let Some(schema) = parameter.schema() {
                    let errors = schema.errors(value).unwrap_or_default();
                    violations.extend(errors.into_iter().map(|error| Violation::of(subject(), error, value)));
                }
            }
        }
    }
    violations.extend(match (&operation.body, &received.content, &received.values.body) {
        (Some(documented), ReceivedContent::Absent, _) => judge_absent_body(documented, absent),
        (_, ReceivedContent::Read(Some(media)), Some(value)) => {
            let mut found = match &media.schema {
                // The schema of a sequence that is none of a list is that of its items.
                Some(schema) if media.range.sequence().is_none() || schema.own_types() == ["array"] => {
                    body(schema, value)
                }
                _ => Vec::new(),
            };
            let of_sequence = media.schema.as_ref().filter(|_| media.range.sequence().is_some());
            let item = media.item.as_ref().or(of_sequence);
            if let (Some(item), true, Value::Array(items)) = (item, found.is_empty(), value) {
                found = each(item, items);
            }
            found
        }
        _ => Vec::new(),
    });
    violations
}

/// What the schemas that a request is judged by leave out, because it cannot be compiled.
#[must_use]
pub fn unchecked(received: &Received<'_>) -> Vec<String> {
    let values = received.parameters.iter().filter(|(_, found)| matches!(found, Found::Value(_)));
    let parameters = values.filter_map(|(parameter, _)| parameter.schema());
    let media = match &received.content {
        ReceivedContent::Read(media) => *media,
        _ => None,
    };
    let content = media.into_iter().flat_map(|media| media.schema.iter().chain(&media.item));
    let parts = media.into_iter().flat_map(|media| &media.encoding).flat_map(|(_, encoding)| &encoding.headers);
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

/// The names in the query that no parameter, security scheme or preference has.
#[must_use]
pub fn other_names(operation: &Operation, inputs: &Inputs<'_>) -> Vec<Violation> {
    let query = || operation.parameters.iter().filter(|parameter| parameter.location == Location::Query);
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
            || query().any(|parameter| parameter.name == name || parameter.name == base || spreads(parameter, name))
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

/// Whether a parameter is an exploded object that has a property, or may have any, of the name.
fn spreads(parameter: &Parameter, name: &str) -> bool {
    let ParameterForm::Styled { style: Style::Form, explode: true, schema } = &parameter.form else { return false };
    let tree = schema.tree();
    schema.types(tree).contains(&"object")
        && (schema.property(tree, name).is_some() || schema.properties(tree).is_empty())
}

/// An absent body is as good as an empty object where it is required, or where the user says so.
fn judge_absent_body(documented: &RequestBody, absent: AbsentBody) -> Vec<Violation> {
    if !documented.required && absent == AbsentBody::Accepted {
        return Vec::new();
    }
    let schema = documented.content.iter().find_map(|media| media.schema.as_ref());
    let as_empty = match schema {
        Some(schema) => body(schema, &json!({})),
        None => Vec::new(),
    };
    // What a required property says is more useful than that there is no body at all.
    let is_about_properties = as_empty.iter().any(|violation| violation.error.keyword == "required");
    match (is_about_properties, documented.required) {
        (true, true) => as_empty.into_iter().map(Violation::of_absent_body).collect(),
        (true, false) => as_empty,
        (false, true) => {
            vec![Violation::new(Subject::Body, "required", json!({ "property": "body" })).of_absent_body()]
        }
        (false, false) => Vec::new(),
    }
}

/// Why the content of a request cannot be judged by a schema at all.
#[derive(Debug, Clone)]
pub enum ContentFault {
    /// It is of no documented type; the type, or nothing if it has none.
    UnsupportedMediaType(Option<String>),
    /// It has a content coding that is not known, by its name.
    UnsupportedCoding(String),
    /// It is not what its type says.
    Malformed(Malformed),
}

/// Reads the content as the documented media type that fits.
///
/// # Errors
///
/// [`ContentFault`]
fn read_content<'o>(
    operation: &Operation,
    body: &'o RequestBody,
    headers: &http::HeaderMap,
    bytes: &Bytes,
) -> Result<(Content, Option<&'o MediaType>), ContentFault> {
    let unsupported = |sent: Option<&str>| ContentFault::UnsupportedMediaType(sent.map(str::to_owned));
    let text = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let (media, sent) = match text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        _ if body.content.is_empty() => return Ok((Content::Opaque, None)),
        // RFC 9110 §8.3: without `Content-Type` the recipient may examine the data.
        None => untyped(body, bytes).ok_or_else(|| unsupported(None))?,
        Some(text) if let Some(media) = body.content.iter().find(|media| media.range.is_exactly(text)) => {
            (media, Cow::Borrowed(&media.range))
        }
        Some(text) => {
            let sent = MediaRange::parse(text).ok_or_else(|| unsupported(Some(text)))?;
            let fitting = body.content.iter().filter(|media| media.range.covers(&sent));
            let media = fitting.max_by_key(|media| media.range.specificity());
            let documented = || {
                // A parameter `Content-Type` says that it may be sent, and not as what it is read.
                let first = body.content.iter().find(|media| media.range.is_json()).or(body.content.first());
                first.filter(|_| operation.documents_field("content-type", text))
            };
            (media.or_else(documented).ok_or_else(|| unsupported(Some(text)))?, Cow::Owned(sent))
        }
    };
    let content = content::read(bytes, &sent, media).map_err(ContentFault::Malformed)?;
    Ok((content, Some(media)))
}

/// The documented type of content that comes without `Content-Type` (RFC 9110 §8.3), and as what it is read: JSON
/// where JSON may be sent, else bytes where these may be.
fn untyped<'o>(body: &'o RequestBody, bytes: &Bytes) -> Option<(&'o MediaType, Cow<'o, MediaRange>)> {
    let find = |is_it: &dyn Fn(&MediaRange) -> bool| body.content.iter().find(|media| is_it(&media.range));
    if let Some(media) = find(&MediaRange::is_json) {
        return Some((media, accept::concrete(media)));
    }
    let bytes_type = MediaRange::parse("application/octet-stream")?;
    let json = MediaRange::parse("application/json")?;
    if let Some(media) = find(&|range| range.is_range() && range.covers(&json)) {
        // What no schema speaks of may be anything.
        let is_json = media.schema.is_some() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        let read_as = if is_json { accept::concrete(media) } else { Cow::Owned(bytes_type) };
        return Some((media, read_as));
    }
    find(&|range| range.covers(&bytes_type)).map(|media| (media, Cow::Owned(bytes_type.clone())))
}

/// Validates each item of a sequence; no more is told than of a list.
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

/// Validates the body against the schema of its media type.
fn body(schema: &Schema, value: &Value) -> Vec<Violation> {
    let mut errors = schema.errors(value).unwrap_or_default();
    if errors.is_empty() {
        errors = schema.errors_of_derived(value).unwrap_or_default();
    }
    errors.into_iter().map(|error| Violation::of(Subject::Body, error, value)).collect()
}

/// How an absent body is judged where the document does not require one (`--require-bodies`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentBody {
    /// It is accepted, as the standard says.
    #[default]
    Accepted,
    /// As an empty object.
    Judged,
}

/// How names in a query are judged that no parameter has (`--strict-query`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherNames {
    /// They are accepted, and ignored.
    #[default]
    Accepted,
    /// They are violations.
    Refused,
}

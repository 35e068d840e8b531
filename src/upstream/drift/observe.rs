//! Observes one exchange: what of it does the document not have, and what of the document came?
use std::rc::Rc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use crate::Sandbox;
use crate::codec::content::{self, Content};
use crate::codec::message::Body;
use crate::codec::parameter::Inputs;
use crate::codec::text;
use crate::contract::example::Example;
use crate::contract::media::MediaRange;
use crate::contract::route::Routed;
use crate::contract::{
    DocumentedResponse, Location, MediaType, Operation, Parameter, ParameterForm, StatusPattern,
};
use crate::errors::Fault;
use crate::exchange::observed::{answers_header_field, media_of, response_value};
use crate::schema::start_of;
use crate::upstream::drift::address::{pattern_of, request_pointer};
use crate::upstream::drift::batch::{DescribedContent, DriftBatch};
use crate::upstream::drift::bounded::BoundedMap;
use crate::upstream::drift::header::is_ordinary;
use crate::upstream::drift::kind::DriftKind;
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::record::{
    Drift, DriftExample, DriftKey, DriftSide, ExampleMaker, NO_MEDIA_TYPE,
};
use crate::upstream::drift::shape::Shape;
use crate::upstream::drift::unknown::{UnknownKey, UnknownOperation, general, is_proof};
use crate::upstream::drift::violation::{self, JudgedContent};
use crate::upstream::drift::walk::{UndeclaredMembers, walk};
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::Judgement;
use crate::validate::{ContentFault, Subject, Violation, other_names};

/// Longest name of a parameter, header field or media type that is kept, in bytes.
const LONGEST_NAME: usize = 100;

/// Longest JSON Pointer in content that is kept, in bytes.
const LONGEST_PLACE: usize = 300;

impl DriftBatch<'_> {
    /// Compares an exchange with the documents.
    pub(crate) fn add(&mut self, judgement: &Judgement, exchange: &ObservedExchange) {
        let mut own = Observations {
            exchanges: 1,
            unchecked: u64::from(!judgement.unchecked.is_empty()),
            ..Observations::default()
        };
        if let Some(index) = judgement.operation {
            let operation = &self.sandbox.contract().operations[index];
            let mut observer = Observer {
                examples: ExampleMaker::new(self.sandbox, judgement.operation, exchange),
                key: self.key(index),
                batch: self,
                observations: &mut own,
                index,
                operation,
                exchange,
            };
            observer.count();
            observer.response(judgement);
            observer.request(&judgement.faults);
        } else {
            own.unmatched = 1;
            observe_unknown(&mut own, self.sandbox, exchange);
        }
        self.observations.merge(own);
    }
}

/// Observation of an exchange of a documented operation.
struct Observer<'x, 's> {
    batch: &'x mut DriftBatch<'s>,
    /// Observations of this exchange.
    observations: &'x mut Observations,
    index: usize,
    operation: &'s Operation,
    key: Rc<str>,
    exchange: &'x ObservedExchange,
    examples: ExampleMaker<'x>,
}

impl<'x, 's> Observer<'x, 's> {
    fn count(&mut self) {
        let status = self.exchange.response.status().as_u16();
        let parameters = self.sent_parameters();
        let count = self
            .observations
            .operations
            .entry(self.key.to_string())
            .or_default();
        count.calls += 1;
        *count.statuses.entry(status).or_default() += 1;
        for parameter in parameters {
            *count.parameters.entry(parameter).or_default() += 1;
        }
    }

    /// Returns the documented parameters that the request has.
    fn sent_parameters(&self) -> Vec<String> {
        let request = &self.exchange.request;
        let inputs = Inputs::new(
            self.operation,
            &[],
            request.uri().query(),
            request.headers(),
        );
        let all = self.operation.compiled().parameters.iter();
        let sent = all.filter(|parameter| is_sent(parameter, &inputs));
        sent.map(|parameter| parameter_key(parameter)).collect()
    }

    /// Adds a drift that came once, with the example that `show` makes of the exchange.
    fn add_shown(&mut self, drift: DriftKey, show: impl FnOnce(&ExampleMaker<'x>) -> DriftExample) {
        let came = self.came(&drift, show);
        self.add(drift, came);
    }

    /// Returns a drift that came once. Its example is made if none of an earlier exchange is known.
    fn came(
        &self,
        drift: &DriftKey,
        show: impl FnOnce(&ExampleMaker<'x>) -> DriftExample,
    ) -> Drift {
        let known = self.batch.observations.drifts.get(drift);
        let is_shown = known.is_some_and(|known| known.example.at < self.exchange.at);
        Drift::new(if is_shown {
            DriftExample::later()
        } else {
            show(&self.examples)
        })
    }

    fn add(&mut self, drift: DriftKey, came: Drift) {
        // An exchange counts once, whatever number of items of a list have the same drift.
        let join = |there: &mut Drift, more: Drift| {
            let count = there.count;
            there.merge(more);
            there.count = count;
        };
        self.observations.drifts.add(drift, came, join);
    }

    fn drift(&self, kind: DriftKind, side: DriftSide, at: &str, pointer: String) -> DriftKey {
        DriftKey {
            kind,
            operation: self.key.to_string(),
            side,
            at: start_of(at, LONGEST_PLACE).into_owned(),
            detail: String::new(),
            document: self.operation.document,
            pointer,
        }
    }

    fn response(&mut self, judgement: &Judgement) {
        let response = &self.exchange.response;
        let status = response.status();
        let side = DriftSide::Response(status.as_u16());
        let is_of_http = answers_header_field(self.exchange.request.headers(), status);
        if is_of_http
            && self
                .operation
                .response_at(StatusPattern::Exact(status))
                .is_none()
        {
            return;
        }
        let Some(pattern) = pattern_of(self.operation, status) else {
            if !self.operation.compiled().responses.is_empty() {
                let pointer = self.batch.pointer(self.index).to_string();
                let key = self.drift(
                    DriftKind::Status,
                    side,
                    &status.as_u16().to_string(),
                    pointer,
                );
                let came = self.came(&key, ExampleMaker::of_response);
                let came = self.with_content(came);
                self.add(key, came);
            }
            return;
        };
        let Some(documented) = self.operation.response_at(pattern) else {
            return;
        };
        let pointer = self.batch.response_pointer(self.index, pattern);
        self.response_headers(documented, pattern, side, &pointer);
        for violation in judgement
            .violations
            .iter()
            .filter(|v| v.subject != Subject::Body)
        {
            self.response_field(violation, side, &pointer);
        }
        if self.has_content() {
            self.response_content(documented, judgement, side, &pointer);
        } else {
            self.unreadable(&judgement.violations, side, &pointer);
        }
    }

    /// Notes content that cannot be read, or that is empty although the document has one.
    fn unreadable(&mut self, violations: &[Violation], side: DriftSide, pointer: &str) {
        let sent = media_name(self.exchange.response.headers());
        for violation in violations.iter().filter(|v| v.subject == Subject::Body) {
            let pointer = pointer.to_owned();
            let mut key = self.drift(DriftKind::UnreadableContent, side, &sent, pointer);
            key.detail = start_of(&violation.error.sentence(), LONGEST_NAME).into_owned();
            self.add_shown(key, ExampleMaker::of_response);
        }
    }

    /// Returns true if the response has content that can be compared.
    fn has_content(&self) -> bool {
        let status = self.exchange.response.status();
        let has_none = status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304);
        *self.exchange.request.method() != Method::HEAD
            && !has_none
            && matches!(self.exchange.response.body(), Body::Complete(bytes) if !bytes.is_empty())
    }

    fn response_content(
        &mut self,
        documented: &'s DocumentedResponse,
        judgement: &Judgement,
        side: DriftSide,
        pointer: &str,
    ) {
        let response = &self.exchange.response;
        let Some((_, media)) = media_of(&documented.content, response.headers()) else {
            let kind = if documented.content.is_empty() {
                DriftKind::Content
            } else {
                DriftKind::MediaType
            };
            let key = self.drift(
                kind,
                side,
                &media_name(response.headers()),
                pointer.to_owned(),
            );
            let came = self.came(&key, ExampleMaker::of_response);
            let came = self.with_content(came);
            return self.add(key, came);
        };
        let body = judgement.violations.iter();
        let body: Vec<&Violation> = body.filter(|v| v.subject == Subject::Body).collect();
        if let Some(value) = &judgement.response_value {
            return self.content(value, media, &body, side);
        }
        // The value of a long content does not wait with the exchange.
        if let Some((value, media)) = response_value(self.operation, response) {
            return self.content(&value, media, &body, side);
        }
        self.unreadable(&judgement.violations, side, pointer);
    }

    /// Observes content that was read as a documented media type.
    fn content(
        &mut self,
        value: &Value,
        media: &'s MediaType,
        body: &[&Violation],
        side: DriftSide,
    ) {
        let Some((pointer, is_each)) = schema_of(media) else {
            return;
        };
        let description = self.batch.description(DescribedContent {
            document: self.operation.document,
            pointer,
            is_each,
            is_request: side == DriftSide::Request,
        });
        // XML has several forms for one value, so that a name says little there.
        if !media.range.is_xml() {
            let examples: Vec<&Value> = media.examples.iter().map(Example::verbatim).collect();
            let undeclared = walk(&description, value, &examples);
            self.undeclared(&undeclared, side);
        }
        let judged = JudgedContent {
            description: &description,
            value,
        };
        for violation in body {
            for found in violation::drifts(&judged, violation) {
                let name = found.name();
                let mut key = self.drift(found.kind, side, &found.at, found.pointer);
                key.detail = found.detail;
                let came = self.came(&key, |examples| examples.of_member(&name, &found.value));
                let mut came = came.with(&found.value);
                if found.kind == DriftKind::EnumValue {
                    came = came.listing(&name, &found.value);
                }
                self.add(key, came);
            }
        }
    }

    fn undeclared(&mut self, undeclared: &UndeclaredMembers, side: DriftSide) {
        for (member, (shape, value)) in undeclared {
            let kind = match side {
                _ if member.name.is_empty() => DriftKind::FreeForm,
                _ if member.is_shown => DriftKind::ExampleOnly,
                DriftSide::Request => DriftKind::RequestField,
                DriftSide::Response(_) => DriftKind::Field,
            };
            let mut key = self.drift(kind, side, &member.at, member.schema.clone());
            key.detail.clone_from(&member.name);
            let mut came = self.came(&key, |examples| examples.of_member(&member.name, value));
            came.shape = match side {
                DriftSide::Request => shape.clone().of_client(),
                DriftSide::Response(_) => shape.clone(),
            };
            self.add(key, came);
        }
    }

    /// Adds the shape of the content of the response, if it is JSON.
    fn with_content(&self, mut came: Drift) -> Drift {
        if !self.has_content() {
            return came;
        }
        let response = &self.exchange.response;
        let (name, shape) = content_shape(response.headers(), response.body());
        came.media.add(name, shape, Shape::merge);
        came
    }

    fn response_headers(
        &mut self,
        documented: &DocumentedResponse,
        pattern: StatusPattern,
        side: DriftSide,
        pointer: &str,
    ) {
        let headers = self.exchange.response.headers();
        for header in documented
            .headers
            .iter()
            .filter(|h| headers.contains_key(&h.name))
        {
            let count = self
                .observations
                .operations
                .entry(self.key.to_string())
                .or_default();
            *count
                .headers
                .entry(format!("{pattern} {}", header.name))
                .or_default() += 1;
        }
        let exposed: Vec<&http::HeaderName> = headers.keys().collect();
        for name in exposed {
            let is_known = documented.headers.iter().any(|header| header.name == *name);
            if is_known || is_ordinary(name.as_str()) {
                continue;
            }
            let value = headers
                .get(name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            let value = value.unwrap_or_default();
            let key = self.drift(DriftKind::Header, side, name.as_str(), pointer.to_owned());
            let mut came = self.came(&key, |examples| examples.of_field(name.as_str(), &value));
            came.shape = Shape::of_text(&value);
            self.add(key, came);
        }
    }

    fn response_field(&mut self, violation: &Violation, side: DriftSide, pointer: &str) {
        let Subject::Parameter(_, name) = &violation.subject else {
            return;
        };
        let kind = if violation.error.keyword == "required" {
            DriftKind::MissingHeader
        } else {
            DriftKind::BrokenHeader
        };
        let value = self.exchange.response.headers().get(name.as_str());
        let value = value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let key = self.drift(kind, side, name, pointer.to_owned());
        self.add_shown(key, |examples| match value {
            Some(value) => examples.of_field(name, &value),
            None => examples.bare(),
        });
    }

    fn request(&mut self, faults: &[Fault]) {
        let status = self.exchange.response.status();
        if status.is_client_error() || status.is_server_error() {
            // A refused request may be the mistake of a client.
            return self.refused_example(status);
        }
        self.other_query_names();
        let value = self.request_content();
        let mut body: Vec<&Violation> = Vec::new();
        for fault in faults {
            match fault {
                Fault::Violations(violations) => {
                    body.extend(violations.iter().filter(|v| v.subject == Subject::Body));
                    violations
                        .iter()
                        .for_each(|violation| self.parameter(violation));
                }
                Fault::Content(fault) => self.content_fault(fault),
                _ => {}
            }
        }
        if let Some((value, media)) = value {
            self.content(&value, media, &body, DriftSide::Request);
        }
    }

    /// Returns the content of the request, read as a documented media type.
    fn request_content(&self) -> Option<(Value, &'s MediaType)> {
        let operation: &'s Operation = self.operation;
        let request = &self.exchange.request;
        let (sent, media) = media_of(
            &operation.compiled().body.as_ref()?.content,
            request.headers(),
        )?;
        match content::read(&request.body().bytes(), &sent, media) {
            Ok(Content::Value(value)) => Some((value, media)),
            _ => None,
        }
    }

    fn content_fault(&mut self, fault: &ContentFault) {
        let kind = match fault {
            ContentFault::UnsupportedMediaType { sent: Some(_), .. } => DriftKind::MediaType,
            ContentFault::UndocumentedContent(_) => DriftKind::Content,
            _ => return,
        };
        let request = &self.exchange.request;
        let (name, shape) = content_shape(request.headers(), request.body());
        let pointer = request_pointer(self.batch.sandbox.contract(), self.operation);
        let key = self.drift(kind, DriftSide::Request, &name, pointer);
        let mut came = self.came(&key, ExampleMaker::bare);
        came.media.add(name, shape.of_client(), Shape::merge);
        self.add(key, came);
    }

    fn other_query_names(&mut self) {
        let request = &self.exchange.request;
        let inputs = Inputs::new(
            self.operation,
            &[],
            request.uri().query(),
            request.headers(),
        );
        let pointer = self.batch.pointer(self.index);
        for violation in other_names(self.operation, &inputs) {
            let Some((_, name)) = violation.parameter() else {
                continue;
            };
            let name = name.split('[').next().unwrap_or(name);
            if is_ordinary_query(name) {
                continue;
            }
            let sent = inputs.query.0.iter().find(|(there, _)| there == name);
            let text = sent.map(|(_, text)| text::decode_form(text));
            let text = text.unwrap_or_default();
            let pointer = pointer.to_string();
            let key = self.drift(DriftKind::Query, DriftSide::Request, name, pointer);
            let mut came = self.came(&key, |examples| examples.of_pair(&format!("{name}={text}")));
            came.shape = Shape::of_text(&text).of_client();
            self.add(key, came);
        }
    }

    /// Observes a parameter that violates the document, of a request that the API accepted.
    fn parameter(&mut self, violation: &Violation) {
        let Some((location, name)) = violation.parameter() else {
            return;
        };
        if location == Location::Path || violation.error.keyword == "unknownParameter" {
            return;
        }
        let all = &self.operation.compiled().parameters;
        let parameter = all
            .iter()
            .find(|p| p.location == location && p.name == name);
        // Recorders leave credentials out.
        if parameter.is_some_and(|parameter| parameter.carries_credentials) {
            return;
        }
        let schema = parameter.and_then(|parameter| parameter.schema());
        let pointer = schema.map_or_else(
            || self.batch.pointer(self.index).to_string(),
            |schema| schema.pointer().to_owned(),
        );
        let kind = violation::kind_of(&violation.error.keyword, violation.value.as_ref());
        let at = format!("{} {name}{}", location.as_str(), violation.error.pointer);
        let mut key = self.drift(kind, DriftSide::Request, &at, pointer);
        key.detail.clone_from(&violation.error.keyword);
        let value = violation.value.clone().unwrap_or_default();
        let mut came = self.came(&key, ExampleMaker::bare);
        if kind == DriftKind::EnumValue {
            came = came.listing(name, &value);
        }
        self.add(key, came);
    }

    /// Notes that the API refused the documented example of a request.
    fn refused_example(&mut self, status: StatusCode) {
        if !matches!(status.as_u16(), 400 | 415 | 422) {
            return;
        }
        let Some((value, media)) = self.request_content() else {
            return;
        };
        let pointers: Vec<String> = media
            .examples
            .iter()
            .filter(|example| *example.verbatim() == value)
            .map(|example| example.place.pointer().to_owned())
            .collect();
        for pointer in pointers {
            let key = self.drift(DriftKind::RefusedExample, DriftSide::Request, "", pointer);
            self.add_shown(key, ExampleMaker::of_response);
        }
    }
}

/// Adds an exchange with an operation that no document has.
fn observe_unknown(
    observations: &mut Observations,
    sandbox: &Sandbox,
    exchange: &ObservedExchange,
) {
    let (method, status) = (exchange.request.method(), exchange.response.status());
    if !is_proof(method, status) {
        return;
    }
    let path = exchange.request.uri().path();
    let contract = sandbox.contract();
    let sibling = contract.methods().into_iter().find_map(|method| {
        let Routed::Operation(index, _) = contract.route(&method, path) else {
            return None;
        };
        let operation = &contract.operations[index];
        Some((operation.document, operation.template.clone()))
    });
    let key = UnknownKey {
        path: sibling
            .as_ref()
            .map_or_else(|| general(path), |(_, template)| template.clone()),
        method: method.as_str().to_owned(),
        sibling,
    };
    let examples = ExampleMaker::new(sandbox, None, exchange);
    let mut came = UnknownOperation {
        count: 1,
        example: examples.of_response(),
        responses: BoundedMap::default(),
        query: BoundedMap::default(),
        request: BoundedMap::default(),
    };
    let mut media = BoundedMap::default();
    if *exchange.request.method() != Method::HEAD {
        let (name, shape) = content_shape(exchange.response.headers(), exchange.response.body());
        if !exchange.response.body().bytes().is_empty() {
            media.add(name, shape, Shape::merge);
        }
    }
    came.responses.add(status.as_u16(), media, |_, _| {});
    if !exchange.request.body().bytes().is_empty() {
        let (name, shape) = content_shape(exchange.request.headers(), exchange.request.body());
        came.request.add(name, shape.of_client(), Shape::merge);
    }
    let pairs = form_urlencoded::parse(
        exchange
            .request
            .uri()
            .query()
            .unwrap_or_default()
            .as_bytes(),
    );
    for (name, text) in pairs.filter(|(name, _)| !is_ordinary_query(name)) {
        let name = start_of(&name, LONGEST_NAME).into_owned();
        let shape = Shape::of_text(&text).of_client();
        came.query.add(name, shape, Shape::merge);
    }
    observations.unknown.add(key, came, UnknownOperation::merge);
}

/// Returns true for a name that clients add to defeat caches or to count visitors.
fn is_ordinary_query(name: &str) -> bool {
    name == "_" || name.starts_with("utm_")
}

/// Returns the key of a parameter: `query limit`.
pub(super) fn parameter_key(parameter: &Parameter) -> String {
    format!("{} {}", parameter.location.as_str(), parameter.name)
}

/// Returns true if a request has a parameter, or may have it in a form that is not looked at.
fn is_sent(parameter: &Parameter, inputs: &Inputs<'_>) -> bool {
    let name = parameter.name.as_str();
    match parameter.location {
        Location::Path => true,
        Location::Header => inputs.headers.contains_key(name),
        Location::Cookie => inputs.cookie(name).is_some(),
        Location::Query => {
            let is_object = match &parameter.form {
                ParameterForm::Query(_) => true,
                ParameterForm::Styled {
                    schema, explode, ..
                } => *explode && schema.own_types().contains(&"object"),
                ParameterForm::Content(_) => false,
            };
            is_object
                || inputs
                    .query
                    .0
                    .iter()
                    .any(|(there, _)| there == name || there.split('[').next() == Some(name))
        }
    }
}

/// Returns the media type that header fields name, in lower case without parameters; [`NO_MEDIA_TYPE`]
/// without a usable one.
fn media_name(headers: &HeaderMap) -> String {
    let sent = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let sent = sent.and_then(MediaRange::parse);
    let name = sent.map_or_else(
        || NO_MEDIA_TYPE.to_owned(),
        |sent| sent.essence().to_owned(),
    );
    start_of(&name, LONGEST_NAME).into_owned()
}

/// Returns the media type of content, and the shape of its value if it is JSON or a form.
fn content_shape(headers: &HeaderMap, body: &Body) -> (String, Shape) {
    let name = media_name(headers);
    let bytes = body.bytes();
    let shape = match MediaRange::parse(&name) {
        Some(media) if media.is_json() => serde_json::from_slice(&bytes)
            .map(|value: Value| Shape::of(&value))
            .unwrap_or_default(),
        Some(media) if media.essence() == "application/x-www-form-urlencoded" => {
            let pairs = form_urlencoded::parse(&bytes);
            let pairs =
                pairs.map(|(name, text)| (name.into_owned(), Value::from(text.into_owned())));
            Shape::of(&Value::Object(pairs.collect()))
        }
        Some(media) if media.essence().starts_with("text/") => Shape::of(&Value::from("")),
        _ => Shape::default(),
    };
    (name, shape)
}

/// Returns the JSON Pointer of the schema of a media type, and true if it describes each item of a
/// sequence.
fn schema_of(media: &MediaType) -> Option<(String, bool)> {
    let is_sequence = media.range.sequence().is_some();
    let whole = media.schema.as_ref();
    let whole = whole.filter(|schema| !is_sequence || schema.own_types() == ["array"]);
    let each = media
        .item
        .as_ref()
        .or(media.schema.as_ref().filter(|schema| {
            // A text is the whole content, and no item of it.
            is_sequence && schema.own_types() != ["string"]
        }));
    match (whole, each) {
        (Some(whole), _) => Some((whole.pointer().to_owned(), false)),
        (None, Some(each)) => Some((each.pointer().to_owned(), true)),
        (None, None) => None,
    }
}

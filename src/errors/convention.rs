//! Conventions of a document: the status for invalid requests, and the response for each status,
//! that most of its operations use.
//!
//! They answer a fault for which an operation documents no error.
use std::collections::HashMap;

use http::StatusCode;
use serde_json::Value;

use crate::contract::example::Example;
use crate::contract::{Contract, DocumentedResponse, MediaType, Operation, StatusPattern};
use crate::errors::unknown;
use crate::schema::Schema;

/// Conventions of one document.
#[derive(Debug, Default)]
pub(super) struct Conventions {
    /// Status of requests with violations: 400 or 422.
    violation: Option<StatusCode>,
    /// Status of requests with malformed content: 400 or 422.
    malformed: Option<StatusCode>,
    /// Error response for each status, of the shape that most operations document for it.
    of_status: HashMap<StatusCode, Documented>,
    /// Error response of the shape that most errors have: of those for invalid requests, else of
    /// other client errors, else of server errors.
    general: Option<Documented>,
}

/// Error response of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Documented {
    /// Index of the operation in the contract.
    pub operation: usize,
    /// Status, range or default that the response is documented for.
    pub pattern: StatusPattern,
}

impl Documented {
    /// Returns the operation and the response.
    #[must_use]
    pub(super) fn of(self, contract: &Contract) -> Option<(&Operation, &DocumentedResponse)> {
        let operation = contract.operations.get(self.operation)?;
        Some((operation, operation.response_at(self.pattern)?))
    }
}

/// Number of responses of one shape, and the best of them.
#[derive(Debug)]
struct Tally {
    count: usize,
    best: Documented,
    worth: Worth,
}

/// Quality of a response as a model for others of its shape; greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// A schema without examples.
    Schema,
    /// An example that names a resource of its operation.
    Example,
    /// Examples that fit every operation.
    General,
}

/// Number of responses by shape, in the order of the document.
#[derive(Debug, Default)]
struct Tallies(Vec<(u64, Tally)>);

impl Tallies {
    fn add(&mut self, shape: u64, documented: Documented, worth: Worth) {
        match self.0.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, tally)) => {
                tally.count += 1;
                if worth > tally.worth {
                    (tally.best, tally.worth) = (documented, worth);
                }
            }
            None => self.0.push((
                shape,
                Tally {
                    count: 1,
                    best: documented,
                    worth,
                },
            )),
        }
    }

    /// Returns the best response of the most frequent shape; of equals the first.
    fn most(&self) -> Option<Documented> {
        self.0
            .iter()
            .rev()
            .max_by_key(|(_, tally)| tally.count)
            .map(|(_, tally)| tally.best)
    }
}

/// Statuses for invalid requests.
const OF_REQUESTS: [StatusCode; 2] = [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST];

impl Conventions {
    /// Reads the conventions of a document of a contract.
    #[must_use]
    pub(super) fn read(contract: &Contract, document: usize) -> Self {
        let mut of_status: HashMap<StatusCode, Tallies> = HashMap::new();
        let mut errors = [Tallies::default(), Tallies::default(), Tallies::default()];
        let mut votes = Votes::default();
        // Responses that operations share are examined once.
        let mut looks: HashMap<usize, Option<(u64, Worth)>> = HashMap::new();
        let of_document = contract
            .operations
            .iter()
            .enumerate()
            .filter(|(_, operation)| operation.document == document);
        for (index, operation) in of_document {
            votes.count(operation);
            for (pattern, response) in &operation.compiled().responses {
                let Some(rank) = rank(operation, *pattern) else {
                    continue;
                };
                let key = std::ptr::from_ref::<DocumentedResponse>(response).addr();
                let Some((shape, worth)) = *looks.entry(key).or_insert_with(|| look(response))
                else {
                    continue;
                };
                let documented = Documented {
                    operation: index,
                    pattern: *pattern,
                };
                errors[rank].add(shape, documented, worth);
                if let StatusPattern::Exact(status) = pattern {
                    of_status
                        .entry(*status)
                        .or_default()
                        .add(shape, documented, worth);
                }
            }
        }
        Self {
            violation: votes.of_violations(),
            malformed: votes.of_malformed(),
            of_status: of_status
                .into_iter()
                .filter_map(|(status, all)| Some((status, all.most()?)))
                .collect(),
            general: errors.iter().find_map(Tallies::most),
        }
    }

    /// Returns the status of requests with violations; none if no operation documents 400 or 422.
    #[must_use]
    pub(super) fn of_violations(&self) -> Option<StatusCode> {
        self.violation
    }

    /// Returns the status of malformed content; none if no operation documents 400 or 422.
    #[must_use]
    pub(super) fn of_malformed(&self) -> Option<StatusCode> {
        self.malformed
    }

    /// Returns the response that operations document for exactly this status.
    #[must_use]
    pub(super) fn of_status(&self, status: StatusCode) -> Option<Documented> {
        self.of_status.get(&status).copied()
    }

    /// Returns the response for a status: one documented for it, else one of the shape that most
    /// errors have.
    #[must_use]
    pub(super) fn response(&self, status: StatusCode) -> Option<Documented> {
        self.of_status(status).or(self.general)
    }
}

/// Numbers of operations that document only 422, only 400, and both.
#[derive(Debug, Default)]
struct Votes {
    only: [usize; 2],
    both: usize,
}

impl Votes {
    fn count(&mut self, operation: &Operation) {
        let [unprocessable, bad] = OF_REQUESTS.map(|status| {
            operation
                .response_at(StatusPattern::Exact(status))
                .is_some()
        });
        match (unprocessable, bad) {
            (true, true) => self.both += 1,
            (true, false) => self.only[0] += 1,
            (false, true) => self.only[1] += 1,
            (false, false) => {}
        }
    }

    /// Returns the status of most operations; one with both uses 422 for violations.
    fn of_violations(&self) -> Option<StatusCode> {
        elected(self.only[0] + self.both, self.only[1])
    }

    /// Returns the status of most operations; one with both uses 400 for malformed content.
    fn of_malformed(&self) -> Option<StatusCode> {
        elected(self.only[0], self.only[1] + self.both)
    }
}

fn elected(unprocessable: usize, bad: usize) -> Option<StatusCode> {
    let [first, second] = OF_REQUESTS;
    (unprocessable + bad > 0).then_some(if bad > unprocessable { second } else { first })
}

/// Returns the rank of an error response as a model for the shape of all errors: 0 for invalid
/// requests, 1 for other client errors and the default, 2 for server errors; none if it is no
/// error.
fn rank(operation: &Operation, pattern: StatusPattern) -> Option<usize> {
    match pattern {
        StatusPattern::Exact(status) if OF_REQUESTS.contains(&status) => Some(0),
        StatusPattern::Exact(status) if status.is_client_error() => Some(1),
        StatusPattern::Exact(status) => status.is_server_error().then_some(2),
        StatusPattern::Range(4) => Some(0),
        StatusPattern::Range(hundreds) => (hundreds == 5).then_some(2),
        StatusPattern::Default => has_success(operation).then_some(1),
    }
}

/// Returns true if an operation documents a success beside its default, so that the default is an
/// error.
#[must_use]
pub(super) fn has_success(operation: &Operation) -> bool {
    let is_success = |pattern: &StatusPattern| {
        *pattern != StatusPattern::Default && pattern.status().is_success()
    };
    operation
        .compiled()
        .responses
        .iter()
        .any(|(pattern, _)| is_success(pattern))
}

fn look(response: &DocumentedResponse) -> Option<(u64, Worth)> {
    let media = response
        .content
        .iter()
        .find(|media| media.schema.is_some() || !media.examples.is_empty())?;
    let worth = match media.examples.as_slice() {
        [] => Worth::Schema,
        examples
            if examples
                .iter()
                .all(|example| unknown::is_general(example.value())) =>
        {
            Worth::General
        }
        _ => Worth::Example,
    };
    Some((shape_of(media), worth))
}

/// Returns the value of an example; a string of JSON in a JSON media type is parsed.
#[must_use]
pub(super) fn value_of(example: &Example, media: &MediaType) -> Value {
    let value = example.value();
    let text = value
        .as_str()
        .map(str::trim)
        .filter(|text| media.range.is_json() && text.starts_with(['{', '[']));
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| value.clone())
}

/// Returns a hash of the names and types of the members of a body, 4 levels deep: of its schema,
/// else of its first example.
#[must_use]
pub(super) fn shape_of(media: &MediaType) -> u64 {
    const DEEPEST: usize = 4;
    fn add(schema: &Schema, node: &Value, depth: usize, text: &mut String) {
        let node = schema.resolve(node);
        text.push_str(&schema.types(node).join("|"));
        if depth == DEEPEST {
            return;
        }
        let mut properties = schema.properties(node);
        properties.sort_by_key(|(name, _)| *name);
        for (name, property) in properties {
            text.push_str(&format!("{{{name}:"));
            add(schema, property, depth + 1, text);
            text.push('}');
        }
        if let Some(item) = schema.items(node) {
            text.push('[');
            add(schema, item, depth + 1, text);
            text.push(']');
        }
    }
    fn add_value(value: &Value, depth: usize, text: &mut String) {
        match value {
            Value::Object(object) if depth < DEEPEST => {
                let mut members: Vec<_> = object.iter().collect();
                members.sort_by_key(|(name, _)| *name);
                for (name, member) in members {
                    text.push_str(&format!("{{{name}:"));
                    add_value(member, depth + 1, text);
                    text.push('}');
                }
            }
            Value::Array(items) if depth < DEEPEST => {
                text.push('[');
                items
                    .iter()
                    .take(1)
                    .for_each(|item| add_value(item, depth + 1, text));
                text.push(']');
            }
            other => text.push_str(if other.is_string() { "string" } else { "other" }),
        }
    }
    let mut text = String::new();
    match (&media.schema, media.examples.first()) {
        (Some(schema), _) => add(schema, schema.tree(), 0, &mut text),
        (None, Some(example)) => add_value(&value_of(example, media), 0, &mut text),
        (None, None) => {}
    }
    crate::generate::fingerprint(&text)
}

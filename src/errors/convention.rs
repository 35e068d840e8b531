//! The error responses that most operations of a document agree on: the status of wrong requests, and the response for
//! each status. They answer where an operation documents no error for a fault.
use std::collections::HashMap;

use http::StatusCode;
use serde_json::Value;

use crate::contract::example::Example;
use crate::contract::{Contract, MediaType, Operation, Response, StatusPattern};
use crate::errors::unknown;
use crate::schema::Schema;

/// The conventions of one document.
#[derive(Debug, Default)]
pub struct Conventions {
    /// The status of requests that do not fit: 400 or 422.
    violation: Option<StatusCode>,
    /// The status of content that cannot be read: 400 or 422.
    malformed: Option<StatusCode>,
    /// The error response that most operations document for a status.
    of_status: HashMap<StatusCode, Documented>,
    /// The error response of the shape that most errors have.
    general: Option<Documented>,
}

/// An error response of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The number of the operation in the contract.
    pub operation: usize,
    /// The status, range or default that it is documented for.
    pub pattern: StatusPattern,
}

impl Documented {
    /// The operation and the response.
    #[must_use]
    pub fn of(self, contract: &Contract) -> Option<(&Operation, &Response)> {
        let operation = contract.operations.get(self.operation)?;
        Some((operation, operation.response_at(self.pattern)?))
    }
}

/// Responses of one shape.
#[derive(Debug)]
struct Tally {
    count: usize,
    best: Documented,
    worth: Worth,
}

/// How well a response shows what others of its shape look like; the better, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// It has a schema only.
    Schema,
    /// Its example speaks of a thing of its operation.
    Example,
    /// Its example speaks of nothing that another operation lacks.
    General,
}

/// The number of operations by shape, in the order of the document.
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
            None => self.0.push((shape, Tally { count: 1, best: documented, worth })),
        }
    }

    /// The response of the shape that most have; of equal ones the first.
    fn most(&self) -> Option<Documented> {
        self.0.iter().rev().max_by_key(|(_, tally)| tally.count).map(|(_, tally)| tally.best)
    }
}

/// The two statuses that wrong requests are answered with.
const OF_REQUESTS: [StatusCode; 2] = [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST];

impl Conventions {
    /// The conventions of a document of a contract.
    #[must_use]
    pub fn read(contract: &Contract, document: usize) -> Self {
        let mut of_status: HashMap<StatusCode, Tallies> = HashMap::new();
        let mut errors = [Tallies::default(), Tallies::default(), Tallies::default()];
        let mut votes = Votes::default();
        // Responses that operations share are looked at once.
        let mut looks: HashMap<usize, Option<(u64, Worth)>> = HashMap::new();
        let of_document =
            contract.operations.iter().enumerate().filter(|(_, operation)| operation.document == document);
        for (index, operation) in of_document {
            votes.count(operation);
            for (pattern, response) in &operation.responses {
                let Some(rank) = rank(operation, *pattern) else { continue };
                let key = std::ptr::from_ref::<Response>(response).addr();
                let Some((shape, worth)) = *looks.entry(key).or_insert_with(|| look(response)) else { continue };
                let documented = Documented { operation: index, pattern: *pattern };
                errors[rank].add(shape, documented, worth);
                if let StatusPattern::Exact(status) = pattern {
                    of_status.entry(*status).or_default().add(shape, documented, worth);
                }
            }
        }
        Self {
            violation: votes.of_violations(),
            malformed: votes.of_malformed(),
            of_status: of_status.into_iter().filter_map(|(status, all)| Some((status, all.most()?))).collect(),
            general: errors.iter().find_map(Tallies::most),
        }
    }

    /// The status of requests that do not fit.
    #[must_use]
    pub fn of_violations(&self) -> Option<StatusCode> {
        self.violation
    }

    /// The status of content that cannot be read.
    #[must_use]
    pub fn of_malformed(&self) -> Option<StatusCode> {
        self.malformed
    }

    /// The response that other operations document for just this status.
    #[must_use]
    pub fn of_status(&self, status: StatusCode) -> Option<Documented> {
        self.of_status.get(&status).copied()
    }

    /// The response to answer with in a status: the one for it, else one of the shape that most errors have.
    #[must_use]
    pub fn response(&self, status: StatusCode) -> Option<Documented> {
        self.of_status(status).or(self.general)
    }
}

/// How many operations answer wrong requests with 422, with 400, and with both.
#[derive(Debug, Default)]
struct Votes {
    only: [usize; 2],
    both: usize,
}

impl Votes {
    fn count(&mut self, operation: &Operation) {
        let [unprocessable, bad] =
            OF_REQUESTS.map(|status| operation.response_at(StatusPattern::Exact(status)).is_some());
        match (unprocessable, bad) {
            (true, true) => self.both += 1,
            (true, false) => self.only[0] += 1,
            (false, true) => self.only[1] += 1,
            (false, false) => {}
        }
    }

    /// Where an operation has both, 422 is about what does not fit.
    fn of_violations(&self) -> Option<StatusCode> {
        elected(self.only[0] + self.both, self.only[1])
    }

    /// Where an operation has both, 400 is about what cannot be read.
    fn of_malformed(&self) -> Option<StatusCode> {
        elected(self.only[0], self.only[1] + self.both)
    }
}

fn elected(unprocessable: usize, bad: usize) -> Option<StatusCode> {
    let [first, second] = OF_REQUESTS;
    (unprocessable + bad > 0).then_some(if bad > unprocessable { second } else { first })
}

/// Which errors tell the shape of all: 0 those of wrong requests, 1 others of the client, 2 those of the server. None
/// for a response that is no error.
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

/// Whether an operation documents a success beside its default, so that the default is an error.
#[must_use]
pub fn has_success(operation: &Operation) -> bool {
    let is_success = |pattern: &StatusPattern| *pattern != StatusPattern::Default && pattern.status().is_success();
    operation.responses.iter().any(|(pattern, _)| is_success(pattern))
}

fn look(response: &Response) -> Option<(u64, Worth)> {
    let media = response.content.iter().find(|media| media.schema.is_some() || !media.examples.is_empty())?;
    let worth = match media.examples.as_slice() {
        [] => Worth::Schema,
        examples if examples.iter().all(|example| unknown::is_general(example.value())) => Worth::General,
        _ => Worth::Example,
    };
    Some((shape_of(media), worth))
}

/// An example as a value: JSON text in a JSON document is what it says.
#[must_use]
pub fn value_of(example: &Example, media: &MediaType) -> Value {
    let value = example.value();
    let text = value.as_str().map(str::trim).filter(|text| media.range.is_json() && text.starts_with(['{', '[']));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// What bodies of the same members and types have in common; where no schema says them an example does.
#[must_use]
pub fn shape_of(media: &MediaType) -> u64 {
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
                items.iter().take(1).for_each(|item| add_value(item, depth + 1, text));
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

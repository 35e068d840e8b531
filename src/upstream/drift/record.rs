//! Records of a drift: where is it, how often did it come, and which exchange shows it?
use std::cell::OnceCell;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::schema::name::is_secret;
use crate::schema::start_of;
use crate::state::redaction::Redaction;
use crate::state::stand_in::REDACTED;
use crate::upstream::drift::bounded::BoundedMap;
use crate::upstream::drift::kind::DriftKind;
use crate::upstream::drift::shape::Shape;
use crate::upstream::exchange::ObservedExchange;

/// Maximum number of values that are kept of a place, such as those outside of an `enum`; at more,
/// they are no closed list.
pub(super) const MOST_LISTED: usize = 20;

/// Name of the media type of content that has none.
pub(super) const NO_MEDIA_TYPE: &str = "(none)";

/// Longest value that is kept as a value of an `enum`, in bytes.
const LONGEST_LISTED: usize = 100;

/// Longest request line in an example, in bytes.
const LONGEST_REQUEST: usize = 300;

/// Longest excerpt of an example, in bytes.
const LONGEST_EXCERPT: usize = 300;

/// Side of an exchange that a drift is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DriftSide {
    /// A request that the API accepted.
    Request,
    /// A response with this status.
    Response(u16),
}

/// Identity of a drift.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DriftKey {
    pub kind: DriftKind,
    /// Method and path template: `GET /pets/{id}`.
    pub operation: String,
    pub side: DriftSide,
    /// JSON Pointer in the content with `*` for items, name of a parameter or header field, media type
    /// or status.
    pub at: String,
    /// Name of a member, a violated keyword, or a type.
    pub detail: String,
    /// Index of the document.
    pub document: usize,
    /// JSON Pointer of the part of the document that is concerned.
    pub pointer: String,
}

/// A drift: how often it came, with what.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    /// Number of exchanges.
    pub count: u64,
    pub example: DriftExample,
    /// Common shape of the values that came.
    pub shape: Shape,
    /// Media types of content that came, with the shape of each.
    pub media: BoundedMap<String, Shape, 8>,
    /// Texts that came, if they are few.
    pub values: BoundedMap<String, u64, MOST_LISTED>,
}

impl Drift {
    /// Returns a drift that came once.
    pub(super) fn new(example: DriftExample) -> Self {
        Self {
            count: 1,
            example,
            shape: Shape::default(),
            media: BoundedMap::default(),
            values: BoundedMap::default(),
        }
    }

    /// Adds a value to what came.
    pub(super) fn with(mut self, value: &Value) -> Self {
        self.shape.merge(Shape::of(value));
        self
    }

    /// Adds a text that may belong into a list of values; `name` tells if it is a secret.
    pub(super) fn listing(mut self, name: &str, value: &Value) -> Self {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let is_short = text.len() <= LONGEST_LISTED && !is_secret(name);
        let text = if is_short { text } else { REDACTED.to_owned() };
        self.values.add(text, 1, |count, more| *count += more);
        self
    }

    /// Adds what other exchanges had.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.shape.merge(other.shape);
        self.media.merge(other.media, Shape::merge);
        self.values
            .merge(other.values, |count, more| *count += more);
        if other.example < self.example {
            self.example = other.example;
        }
    }
}

/// Exchange that shows a drift, without secrets. The earliest one is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DriftExample {
    /// Time, in milliseconds since 1970.
    pub at: u64,
    /// Request line: `GET /pets/7?limit=2`.
    pub request: String,
    /// Status of the response.
    pub status: u16,
    /// Part that shows the drift, as JSON: `{"owner":null}`.
    pub excerpt: String,
}

impl DriftExample {
    /// Returns an example that any other one replaces.
    pub(super) fn later() -> Self {
        Self {
            at: u64::MAX,
            request: String::new(),
            status: 0,
            excerpt: String::new(),
        }
    }
}

/// Maker of the examples of one exchange.
pub(super) struct ExampleMaker<'x> {
    exchange: &'x ObservedExchange,
    of_operation: Redaction,
    /// Redaction with the secrets of the exchange; made with the first example.
    redaction: OnceCell<Redaction>,
}

impl<'x> ExampleMaker<'x> {
    pub(super) fn new(
        sandbox: &Sandbox,
        operation: Option<usize>,
        exchange: &'x ObservedExchange,
    ) -> Self {
        let operation = operation.map(|index| &sandbox.contract().operations[index]);
        Self {
            exchange,
            of_operation: Redaction::of(operation),
            redaction: OnceCell::new(),
        }
    }

    fn redaction(&self) -> &Redaction {
        self.redaction
            .get_or_init(|| self.of_operation.knowing(&self.exchange.view()))
    }

    /// Returns the example with a member of an object, or with an item of a list.
    pub(super) fn of_member(&self, name: &str, value: &Value) -> DriftExample {
        let name = if name.is_empty() { "value" } else { name };
        self.of_text(&json!({ name: value }).to_string())
    }

    /// Returns the example with a header field.
    pub(super) fn of_field(&self, name: &str, value: &str) -> DriftExample {
        let shown = self.redaction().field(name, value);
        self.example(&format!("{name}: {shown}"))
    }

    /// Returns the example with a pair of the query.
    pub(super) fn of_pair(&self, pair: &str) -> DriftExample {
        self.example(&self.redaction().pairs(pair))
    }

    /// Returns the example with the content of the response.
    pub(super) fn of_response(&self) -> DriftExample {
        let content = self.exchange.response.body().bytes();
        self.of_text(&String::from_utf8_lossy(&content))
    }

    /// Returns the example without content.
    pub(super) fn bare(&self) -> DriftExample {
        self.example("")
    }

    /// Returns the example with a JSON text, or any other.
    fn of_text(&self, text: &str) -> DriftExample {
        let content = self
            .redaction()
            .content(&Bytes::copy_from_slice(text.as_bytes()), false);
        let excerpt = match content {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        self.example(&excerpt)
    }

    fn example(&self, excerpt: &str) -> DriftExample {
        let uri = self.exchange.request.uri();
        let target = uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let request = format!(
            "{} {}",
            self.exchange.request.method(),
            self.redaction().target(target)
        );
        DriftExample {
            at: self.exchange.at,
            request: start_of(&request, LONGEST_REQUEST).into_owned(),
            status: self.exchange.response.status().as_u16(),
            excerpt: start_of(excerpt, LONGEST_EXCERPT).into_owned(),
        }
    }
}

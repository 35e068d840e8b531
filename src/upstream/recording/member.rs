//! Members of a request that can tell it from others: those that the document knows.
use std::collections::HashSet;

use serde_json::Value;

use crate::codec::text::plain;
use crate::contract::{Location, Operation};
use crate::document::syntax::join;
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::state::secret::key_names;
use crate::state::stand_in::REDACTED;
use crate::state::stand_in::{StandIns, is_uuid};
use crate::upstream::recording::time_value::is_near;

/// Maximum number of members of one request that conditions are made of.
const MOST_MEMBERS: usize = 500;

/// Maximum depth of the members of a body; deeper objects are compared as a whole.
const DEEPEST: usize = 12;

/// Kind of a member, the best one for a condition first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum MemberKind {
    /// Path parameter, which each condition has.
    Path,
    /// Query parameter.
    Query,
    /// Member of the body.
    Body,
    /// Header field or cookie.
    Field,
    /// Secret that an answer of the API issued.
    Issued,
    /// Value that the client makes anew for each request, or a secret of its own.
    Volatile,
}

/// Member of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    /// Part of the request: `query`.
    pub part: &'static str,
    /// JSON Pointer within the part: `/owner/name`.
    pub pointer: String,
    pub value: Value,
    pub kind: MemberKind,
}

impl Member {
    /// Returns true if a request has the member with this value.
    pub(super) fn holds(&self, parts: &Value) -> bool {
        let sent = parts
            .get(self.part)
            .and_then(|part| part.pointer(&self.pointer));
        sent == Some(&self.value)
    }
}

/// Knowledge about the values of a recording that kinds are told by.
#[derive(Debug)]
pub(super) struct KnownValues<'k> {
    pub stand_ins: &'k StandIns,
    /// Values in the answers of the API.
    pub issued: &'k HashSet<String>,
    /// Start of the exchange, in milliseconds since 1970.
    pub at: u64,
}

/// Returns the documented members of a request, `{path, query, header, cookie, body}`.
pub(super) fn members(
    operation: &Operation,
    parts: &Value,
    known: &KnownValues<'_>,
) -> Vec<Member> {
    let mut reader = MemberReader {
        known,
        found: Vec::new(),
    };
    for (name, value) in parts["path"].as_object().into_iter().flatten() {
        reader.add("path", join("", name), value, MemberKind::Path);
    }
    for parameter in &operation.compiled().parameters {
        let (part, name) = match parameter.location {
            Location::Path => continue,
            Location::Header => ("header", parameter.name.to_ascii_lowercase()),
            Location::Query => ("query", parameter.name.clone()),
            Location::Cookie => ("cookie", parameter.name.clone()),
        };
        let value = &parts[part][&name];
        if !value.is_null() {
            reader.parameter(part, &name, value);
        }
    }
    reader.keys(operation, parts);
    if let Some(body) = parts.get("body") {
        let content = operation.compiled().body.as_ref();
        let mut media = content.into_iter().flat_map(|body| &body.content);
        let schema = media.find_map(|media| media.schema.as_deref());
        reader.body(schema, schema.map(Schema::tree), String::new(), body, 0);
    }
    reader.found
}

struct MemberReader<'k> {
    known: &'k KnownValues<'k>,
    found: Vec<Member>,
}

impl MemberReader<'_> {
    fn add(&mut self, part: &'static str, pointer: String, value: &Value, usual: MemberKind) {
        if self.found.len() >= MOST_MEMBERS {
            return;
        }
        let kind = match usual {
            MemberKind::Path => MemberKind::Path,
            usual => self.kind(&pointer, value, usual),
        };
        self.found.push(Member {
            part,
            pointer,
            value: value.clone(),
            kind,
        });
    }

    fn parameter(&mut self, part: &'static str, name: &str, value: &Value) {
        let is_volatile = part == "header" && VOLATILE_FIELDS.contains(&name);
        let usual = match part {
            _ if is_volatile => MemberKind::Volatile,
            "query" => MemberKind::Query,
            _ => MemberKind::Field,
        };
        self.add(part, join("", name), value, usual);
    }

    /// Adds the keys and tokens of the security schemes.
    fn keys(&mut self, operation: &Operation, parts: &Value) {
        if operation.compiled().security.is_empty() {
            return;
        }
        let names = key_names(operation);
        let names = names.into_iter().chain(["authorization"]);
        for name in names {
            for part in ["query", "header", "cookie"] {
                let name = if part == "header" {
                    name.to_ascii_lowercase()
                } else {
                    name.to_owned()
                };
                let pointer = join("", &name);
                let is_known = |own: &Member| own.part == part && own.pointer == pointer;
                let value = &parts[part][&name];
                if !value.is_null() && !self.found.iter().any(is_known) {
                    self.add(part, pointer, value, MemberKind::Volatile);
                }
            }
        }
    }

    fn body(
        &mut self,
        schema: Option<&Schema>,
        node: Option<&Value>,
        pointer: String,
        value: &Value,
        depth: usize,
    ) {
        let Value::Object(members) = value else {
            return self.add("body", pointer, value, MemberKind::Body);
        };
        if members.is_empty() || depth >= DEEPEST {
            return self.add("body", pointer, value, MemberKind::Body);
        }
        let is_closed = schema
            .zip(node)
            .is_some_and(|(schema, node)| !schema.all_property_names(node).is_empty());
        for (name, member) in members {
            let inner = schema
                .zip(node)
                .and_then(|(schema, node)| declared(schema, node, name));
            if is_closed && inner.is_none() {
                continue;
            }
            self.body(schema, inner, join(&pointer, name), member, depth + 1);
        }
    }

    fn kind(&self, pointer: &str, value: &Value, usual: MemberKind) -> MemberKind {
        let text = value.to_string();
        if text.contains(REDACTED) {
            return MemberKind::Volatile;
        }
        if self.known.stand_ins.is_in(&text) {
            let token = plain(value);
            let token = token.rsplit(' ').next().unwrap_or_default();
            let is_issued = self.known.issued.contains(token);
            return if is_issued {
                MemberKind::Issued
            } else {
                MemberKind::Volatile
            };
        }
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let is_scalar = !value.is_object() && !value.is_array();
        let is_made_anew = is_scalar
            && (is_near(value, self.known.at)
                || value
                    .as_str()
                    .is_some_and(|text| is_uuid(text) && !self.known.issued.contains(text)));
        if is_volatile(name) || is_made_anew {
            return MemberKind::Volatile;
        }
        usual
    }
}

/// Returns the schema of a declared property, also of one in a branch of `oneOf` or `anyOf`.
fn declared<'s>(schema: &'s Schema, node: &'s Value, name: &str) -> Option<&'s Value> {
    let nodes = schema.with_branches(node);
    let mut found = nodes
        .into_iter()
        .filter_map(|node| schema.property(node, name));
    found.next()
}

/// Header fields that differ between clients and requests without a meaning for the answer.
const VOLATILE_FIELDS: [&str; 14] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "date",
    "host",
    "if-match",
    "if-none-match",
    "origin",
    "referer",
    "traceparent",
    "tracestate",
    "user-agent",
];

/// Returns true for the name of a value that a client makes anew for each request: an idempotency
/// key, a nonce, a time stamp, a cache buster.
fn is_volatile(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "_",
        "cachebuster",
        "cb",
        "clientrequestid",
        "correlationid",
        "idempotencykey",
        "nocache",
        "nonce",
        "requestid",
        "sentat",
        "spanid",
        "timestamp",
        "traceid",
        "ts",
        "xamznrequestid",
        "xcorrelationid",
        "xidempotencykey",
        "xrequestid",
        "xrequestedwith",
        "xtraceid",
    ];
    name == "_" || NAMES.contains(&folded(name).as_str())
}

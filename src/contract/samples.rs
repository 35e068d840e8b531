//! Examples of a schema and of its subschemas.
//!
//! Only `inspect` collects them; generation reads examples while it walks a schema.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::example::Example;
use crate::diagnostic::Place;
use crate::document::reference::resolve_schema;
use crate::document::syntax::{find, join};
use crate::schema::Schema;
use crate::schema::coercion::is_of;

/// Visited schemas, by the address of their document and their JSON Pointer.
pub(super) type Seen = HashSet<(usize, String)>;

/// Returns the examples that may not fit of a schema, its subschemas and the schemas that it
/// refers to, in the author's order, each once.
#[must_use]
pub(super) fn of_schema(schema: &Schema, seen: &mut Seen) -> Vec<Example> {
    let root = schema.root();
    let mut found = Vec::new();
    let mut open = vec![schema.pointer().to_owned()];
    while let Some(pointer) = open.pop() {
        if !seen.insert((std::ptr::from_ref(root).addr(), pointer.clone())) {
            continue;
        }
        let Some(Value::Object(node)) = find(root, &pointer) else {
            continue;
        };
        found.extend(own(schema, node, &pointer));
        let mut parts = parts(node, &pointer);
        if let Some(end) =
            find(root, &pointer).and_then(|node| resolve_schema(root, node, &pointer).ok())
        {
            parts.push(end.pointer);
        }
        open.extend(parts.into_iter().rev());
    }
    found
}

/// Returns the examples of one schema; none if all of them fit without a validator.
fn own(schema: &Schema, node: &Map<String, Value>, pointer: &str) -> Vec<Example> {
    let examples = node
        .get("examples")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if examples.iter().all(|example| fits_plainly(node, example)) {
        return Vec::new();
    }
    let whole = Arc::new(schema.sibling(pointer.to_owned()));
    let at = join(pointer, "examples");
    let example = |index: usize| {
        let pointer = join(&at, &index.to_string());
        let place = Place::value(schema.place().source(), pointer.clone());
        Example::new(
            String::new(),
            place,
            schema.tree_of_all(),
            pointer,
            Some(Arc::clone(&whole)),
            schema.examples(),
        )
    };
    (0..examples.len()).map(example).collect()
}

/// Returns the JSON Pointers of the subschemas of a schema.
fn parts(node: &Map<String, Value>, pointer: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (keyword, value) in node {
        let at = || join(pointer, keyword);
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(named)) => {
                parts.extend(named.keys().map(|name| join(&at(), name)));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(all)) => {
                parts.extend((0..all.len()).map(|index| join(&at(), &index.to_string())));
            }
            ("items" | "additionalProperties", Value::Object(_)) => parts.push(at()),
            _ => {}
        }
    }
    parts
}

/// Returns true if an example fits a schema that restricts only its type, as most do; no validator
/// is built for those.
fn fits_plainly(node: &Map<String, Value>, example: &Value) -> bool {
    const WORDS: [&str; 11] = [
        "type",
        "title",
        "description",
        "examples",
        "default",
        "deprecated",
        "readOnly",
        "writeOnly",
        "xml",
        "externalDocs",
        "nullable",
    ];
    let is_plain = |name: &String| WORDS.contains(&name.as_str()) || name.starts_with("x-");
    node.keys().all(is_plain)
        && match node.get("type") {
            None => true,
            Some(Value::String(name)) => is_of(example, name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .any(|name| is_of(example, name)),
            Some(_) => false,
        }
}

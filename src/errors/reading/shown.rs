//! Builds an error from the examples of the properties of a schema, where no example shows it
//! whole.
//!
//! `errors::templates` reads the result like a documented example and completes it from the schema.
use serde_json::{Map, Value};

use crate::errors::body::{BodyPattern, Member};
use crate::schema::Schema;

/// Maximum nesting of a schema that is searched for examples of its properties; deeper examples are
/// ignored.
const DEEPEST: usize = 6;

/// Maximum number of nodes of one schema that are searched for examples; further ones are ignored,
/// because schemas that refer to each other have more nodes with each level.
const MOST_PROPERTIES: usize = 1000;

/// Returns the error that the examples of properties show; `None` if no property has one.
#[must_use]
pub(crate) fn shown(schema: &Schema) -> Option<Value> {
    let mut left = MOST_PROPERTIES;
    node(schema, schema.tree(), 0, &mut left)
}

fn node(schema: &Schema, node: &Value, depth: usize, left: &mut usize) -> Option<Value> {
    if depth > DEEPEST || *left == 0 {
        return None;
    }
    *left -= 1;
    let node = schema.resolve(node);
    own(schema, node)
        .or_else(|| object(schema, node, depth, left))
        .or_else(|| array(schema, node, depth, left))
}

/// Returns the example of a node itself: `example` (or the first of `examples`), `default` or
/// `const`, whichever comes first that is not null and has one of the node's types.
fn own(schema: &Schema, node: &Value) -> Option<Value> {
    let listed = node
        .get("examples")
        .and_then(Value::as_array)
        .and_then(|examples| examples.first());
    let single = ["example", "default", "const"]
        .into_iter()
        .filter_map(|keyword| node.get(keyword));
    let types = schema.types(node);
    let fits = |value: &&Value| {
        !value.is_null() && (types.is_empty() || types.iter().any(|kind| is_of(value, kind)))
    };
    let example = node.get("example").or(listed);
    example.into_iter().chain(single).find(fits).cloned()
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" | "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn object(schema: &Schema, object: &Value, depth: usize, left: &mut usize) -> Option<Value> {
    let properties = schema.properties(object);
    let shown = properties.into_iter().filter_map(|(name, property)| {
        let value = node(schema, property, depth + 1, left)?;
        Some((name.to_owned(), value))
    });
    let shown: Map<String, Value> = shown.collect();
    (!shown.is_empty()).then_some(Value::Object(shown))
}

fn array(schema: &Schema, array: &Value, depth: usize, left: &mut usize) -> Option<Value> {
    let item = node(schema, schema.items(array)?, depth + 1, left)?;
    Some(Value::Array(vec![item]))
}

/// Adds the members that the examples do not show, as the schema describes them.
#[must_use]
pub(crate) fn completed(shown: BodyPattern, described: &BodyPattern) -> BodyPattern {
    match (shown, described) {
        (BodyPattern::Object(mut shown), BodyPattern::Object(described)) => {
            let mut members: Vec<Member> = Vec::new();
            for member in described {
                let at = shown.iter().position(|known| known.name == member.name);
                members.push(match at.map(|at| shown.remove(at)) {
                    Some(known) => Member {
                        pattern: completed(known.pattern, &member.pattern),
                        ..known
                    },
                    None => member.clone(),
                });
            }
            members.extend(shown);
            BodyPattern::Object(members)
        }
        (BodyPattern::Each(shown), BodyPattern::Each(described)) => {
            BodyPattern::Each(Box::new(completed(*shown, described)))
        }
        (shown, _) => shown,
    }
}

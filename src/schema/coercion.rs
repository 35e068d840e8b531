//! Converts an example that does not have the type of its schema to the one value that it can
//! mean.
//!
//! `"true"` for a boolean is beyond doubt; where a schema allows several types nothing is changed.
use serde_json::{Value, json};

use crate::document::number::is_plain_integer;
use crate::document::syntax::{self, push};
use crate::schema::schemas::Schema;

/// One change that made an example fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coercion {
    /// The place in the example, as a JSON Pointer.
    pub pointer: String,
    /// The JSON text that the document has.
    pub from: String,
    /// The JSON text that is served.
    pub to: String,
}

/// Maximum depth of an example that is converted; deeper values stay unchanged.
const DEEPEST: usize = 60;

/// Returns an example converted to the types of `node`, a schema of the same document, with the
/// changes; none if nothing changes.
#[must_use]
pub(crate) fn coerce(
    schema: &Schema,
    node: &Value,
    example: &Value,
) -> Option<(Value, Vec<Coercion>)> {
    if !is_changed(schema, node, example, 0) {
        return None;
    }
    let mut value = example.clone();
    let mut changes = ValueChanges {
        schema,
        pointer: String::new(),
        made: Vec::new(),
    };
    changes.make(node, &mut value, 0);
    Some((value, changes.made))
}

/// Returns the schema of a property, unless alternatives make it depend on the value.
fn member<'s>(schema: &'s Schema, node: &'s Value, name: &str) -> Option<&'s Value> {
    if has_alternatives(schema, node) {
        None
    } else {
        schema.property(node, name)
    }
}

fn item<'s>(schema: &'s Schema, node: &'s Value) -> Option<&'s Value> {
    if has_alternatives(schema, node) {
        None
    } else {
        schema.items(node)
    }
}

/// Returns true if a schema has several alternatives, null apart.
fn has_alternatives(schema: &Schema, node: &Value) -> bool {
    let is_null = |branch: &&Value| schema.resolve(branch).get("type") == Some(&json!("null"));
    let counts = |part: &Value| {
        ["oneOf", "anyOf"].iter().any(|keyword| {
            let branches = part.get(keyword).and_then(Value::as_array);
            branches.is_some_and(|branches| {
                branches.iter().filter(|branch| !is_null(branch)).count() > 1
            })
        })
    };
    schema.parts(node).into_iter().any(counts)
}

/// Returns true if anything in an example would be changed, so that most are not copied.
fn is_changed(schema: &Schema, node: &Value, example: &Value, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    let is_other = |name: &String, value: &Value| {
        member(schema, node, name).is_some_and(|node| is_changed(schema, node, value, depth + 1))
    };
    reading(schema, node, example).is_some()
        || match example {
            Value::Object(object) => object.iter().any(|(name, value)| is_other(name, value)),
            Value::Array(items) => item(schema, node).is_some_and(|node| {
                items
                    .iter()
                    .any(|value| is_changed(schema, node, value, depth + 1))
            }),
            _ => false,
        }
}

/// The changes of one example.
struct ValueChanges<'s> {
    schema: &'s Schema,
    pointer: String,
    made: Vec<Coercion>,
}

impl ValueChanges<'_> {
    fn make(&mut self, node: &Value, value: &mut Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        if let Some(to) = reading(self.schema, node, value) {
            let from = std::mem::replace(value, to);
            self.made.push(Coercion {
                pointer: self.pointer.clone(),
                from: from.to_string(),
                to: value.to_string(),
            });
        }
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let Some(node) = member(self.schema, node, name) else {
                        continue;
                    };
                    let length = push(&mut self.pointer, name);
                    self.make(node, value, depth + 1);
                    self.pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                let Some(node) = item(self.schema, node) else {
                    return;
                };
                for (index, value) in items.iter_mut().enumerate() {
                    let length = push(&mut self.pointer, &index.to_string());
                    self.make(node, value, depth + 1);
                    self.pointer.truncate(length);
                }
            }
            _ => {}
        }
    }
}

/// Returns the one value of a schema's type that a value of another type can mean.
fn reading(schema: &Schema, node: &Value, value: &Value) -> Option<Value> {
    let types = schema.types(node);
    let [wanted] = types.as_slice() else {
        return None;
    };
    if is_of(value, wanted) {
        return None;
    }
    let read = read_as(value, wanted)?;
    let node = if *wanted == "array" {
        item(schema, node)
    } else {
        None
    };
    let Some(node) = node.filter(|_| read == json!([value])) else {
        return Some(read);
    };
    // A value is wrapped in an array only if it fits the items of the array.
    let types = schema.types(node);
    let fits = types.is_empty()
        || types.iter().any(|name| is_of(value, name))
        || reading(schema, node, value).is_some();
    fits.then_some(read)
}

/// Returns true if a value is of a type of JSON Schema.
#[must_use]
pub(crate) fn is_of(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => match name {
            "number" => true,
            "integer" => {
                is_plain_integer(number)
                    || number.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            _ => false,
        },
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

/// Returns the one value of a type that a value of another type can mean.
fn read_as(value: &Value, wanted: &str) -> Option<Value> {
    let parsed = || serde_json::from_str::<Value>(value.as_str()?.trim()).ok();
    match (wanted, value) {
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(json!(true)),
            "false" => Some(json!(false)),
            _ => None,
        },
        ("integer", Value::String(_)) => parsed()
            .filter(|value| matches!(value, Value::Number(number) if is_plain_integer(number))),
        ("number", Value::String(_)) => parsed().filter(Value::is_number),
        ("object", Value::String(text)) => written(text, '{').filter(Value::is_object),
        ("array", Value::String(text)) if text.trim_start().starts_with('[') => {
            written(text, '[').filter(Value::is_array)
        }
        ("string", Value::Number(_) | Value::Bool(_)) => Some(json!(value.to_string())),
        ("array", Value::String(_) | Value::Number(_) | Value::Bool(_)) => Some(json!([value])),
        _ => None,
    }
}

/// Returns the value that a text writes as JSON, comments and trailing commas allowed.
fn written(text: &str, first: char) -> Option<Value> {
    if !text.trim_start().starts_with(first) {
        return None;
    }
    syntax::parse(text).ok().map(|parsed| parsed.tree)
}

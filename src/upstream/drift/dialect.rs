//! Parts of documents in the words of each version of OpenAPI.
use serde_json::{Map, Value, json};

use crate::upstream::drift::shape::{Dialect, Shape};

/// Returns the version that a tree, as the author wrote it, is of.
pub(super) fn dialect_of(tree: &Value) -> Dialect {
    let version = tree.get("openapi").map(|version| match version {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    match version {
        None => Dialect::V2,
        Some(version) if version.trim().starts_with("3.0") => Dialect::V30,
        Some(_) => Dialect::V31,
    }
}

/// Returns the schema of a shape, with a reason.
pub(super) fn described(shape: &Shape, dialect: Dialect, why: &str) -> Value {
    let mut schema = shape.schema(dialect);
    // Without `type`, OpenAPI 3.0 has the description beside `anyOf`, which all readers accept.
    schema["description"] = json!(why);
    schema
}

/// Number of values of a query parameter from which their common type is that of others: `2024` may be a
/// year or a text that is searched for.
const ENOUGH: u64 = 5;

/// Returns a query parameter.
pub(super) fn query(name: &str, shape: &Shape, dialect: Dialect, why: &str) -> Value {
    let text = Shape::of(&json!("x")).of_client();
    let shape = if shape.count() < ENOUGH { &text } else { shape };
    parameter(name, "query", false, shape, dialect, why)
}

fn parameter(
    name: &str,
    location: &str,
    required: bool,
    shape: &Shape,
    dialect: Dialect,
    why: &str,
) -> Value {
    let mut parameter = json!({ "name": name, "in": location, "required": required });
    if !why.is_empty() {
        parameter["description"] = json!(why);
    }
    let mut schema = shape.schema(dialect);
    if schema.get("type").is_none() {
        schema = json!({ "type": "string" });
    }
    if dialect == Dialect::V2 {
        merge(&mut parameter, schema);
    } else {
        parameter["schema"] = schema;
    }
    parameter
}

/// Returns a header field of a response.
pub(super) fn header(shape: &Shape, dialect: Dialect, why: &str) -> Value {
    let mut header = json!({ "description": why });
    let schema = shape.schema(dialect);
    if dialect == Dialect::V2 {
        merge(&mut header, schema);
    } else {
        header["schema"] = schema;
    }
    header
}

/// Returns the entries of `content`.
pub(super) fn content<'s>(
    media: impl Iterator<Item = (&'s String, &'s Shape)>,
    dialect: Dialect,
) -> Value {
    let mut content = Map::new();
    for (name, shape) in media.filter(|(name, _)| name.contains('/')) {
        let schema = shape.schema(dialect);
        let is_empty = schema.as_object().is_some_and(Map::is_empty);
        let entry = if is_empty {
            json!({})
        } else {
            json!({ "schema": schema })
        };
        content.insert(name.clone(), entry);
    }
    Value::Object(content)
}

/// Returns a Response Object.
pub(super) fn response<'s>(
    media: impl Iterator<Item = (&'s String, &'s Shape)>,
    dialect: Dialect,
    why: &str,
) -> Value {
    let mut response = json!({ "description": why });
    if dialect == Dialect::V2 {
        let mut shapes = media.filter(|(name, _)| name.contains('/'));
        if let Some((_, shape)) = shapes.next() {
            response["schema"] = shape.schema(dialect);
        }
        return response;
    }
    let content = content(media, dialect);
    if content
        .as_object()
        .is_some_and(|content| !content.is_empty())
    {
        response["content"] = content;
    }
    response
}

/// Returns a required parameter for each expression of a path template.
pub(super) fn path_parameters(template: &str, dialect: Dialect) -> Vec<Value> {
    let names = template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let text = Shape::of(&json!("x"));
    names
        .map(|name| parameter(name, "path", true, &text, dialect, ""))
        .collect()
}

fn merge(target: &mut Value, more: Value) {
    if let (Value::Object(target), Value::Object(more)) = (target, more) {
        target.extend(more);
    }
}

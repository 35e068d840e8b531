//! Reads keywords of flat schemas.
use serde_json::{Map, Value};

use crate::schema::kind_of;

/// Returns true if a value is of a type that a schema allows.
pub(crate) fn is_of_type(value: &Value, node: &Map<String, Value>) -> bool {
    let name = kind_of(value);
    match node.get("type") {
        Some(Value::String(wanted)) => wanted == name || wanted == "number" && name == "integer",
        Some(Value::Array(wanted)) => wanted
            .iter()
            .any(|wanted| wanted == name || wanted == "number" && name == "integer"),
        _ => true,
    }
}

/// Returns the keyword of a schema that counts something, else `otherwise`.
pub(crate) fn count(node: &Map<String, Value>, keyword: &str, otherwise: usize) -> usize {
    node.get(keyword)
        .and_then(Value::as_u64)
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(otherwise)
}

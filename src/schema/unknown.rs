//! Unknown parts of an operation: references that cannot be followed, and parts that cannot be
//! read.
//!
//! Anything is allowed there, and the answers of the operation say so.
use std::collections::HashSet;

use serde_json::Value;

use crate::document::reference::{UNKNOWN, local_pointer};
use crate::document::syntax::find;

/// Maximum number of values of a document that are searched for unknown parts of one operation.
/// Parts beyond it are not reported for the operation; `check` reports all of them.
const MOST_VISITED: usize = 200_000;

/// Maximum number of sentences reported for one operation; further ones are left out.
const MOST_TOLD: usize = 3;

/// Returns true if anything in a document is unknown.
#[must_use]
pub(crate) fn is_in(value: &Value) -> bool {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) if object.contains_key(UNKNOWN) => return true,
            Value::Object(object) => open.extend(object.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    false
}

/// Returns sentences about the unknown parts that some values of a document lead to, each once.
pub(crate) fn sentences(tree: &Value, values: &[&Value]) -> Vec<String> {
    let mut told = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<&Value> = values.iter().rev().copied().collect();
    for _ in 0..MOST_VISITED {
        let Some(value) = open.pop().filter(|_| told.len() < MOST_TOLD) else {
            break;
        };
        match value {
            Value::Object(object) => {
                if let Some(Value::String(sentence)) = object.get(UNKNOWN)
                    && !told.contains(sentence)
                {
                    told.push(sentence.clone());
                }
                let target = object
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(local_pointer);
                let target = target.filter(|target| seen.insert(target.clone()));
                open.extend(
                    object
                        .iter()
                        .rev()
                        .filter(|(name, _)| !is_data(name))
                        .map(|(_, member)| member),
                );
                open.extend(target.and_then(|target| find(tree, &target)));
            }
            Value::Array(items) => open.extend(items.iter().rev()),
            _ => {}
        }
    }
    told
}

/// Returns true for members that are data, or that no request and no answer depends on.
fn is_data(name: &str) -> bool {
    matches!(
        name,
        "enum" | "const" | "default" | "example" | "examples" | "callbacks"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_operation_leads_to_is_told_once_in_the_order_of_the_document() {
        let tree = json!({
            "a": {"x": {"$ref": "#/b"}, "y": {UNKNOWN: "second"}, "example": {UNKNOWN: "data"}},
            "b": {UNKNOWN: "first", "again": {"$ref": "#/b"}},
            "c": {UNKNOWN: "of another"},
        });
        assert_eq!(sentences(&tree, &[&tree["a"]]), ["first", "second"]);
        assert!(is_in(&tree) && !is_in(&tree["b"]["again"]));
    }
}

//! The part of a document that one schema needs: itself and what it refers to, each where it stands.
//!
//! A large document has thousands of schemas, and a request needs a few of them; what compiles one must
//! not pay for all.

use serde_json::{Map, Value};

use super::direction::Direction;
use crate::document::reference::local_pointer;
use crate::document::syntax::unescape;

/// The schema at `pointer` and what it refers to, as a direction sees it, at the same places as in `tree`;
/// none if it has more than so many values.
#[must_use]
pub fn bundle(tree: &Value, pointer: &str, direction: Direction, most: usize) -> Option<Value> {
    let mut needed = needed(tree, pointer, most)?;
    // What is inside of others comes after them, and is there already.
    needed.sort_by_key(String::len);
    let mut bundle = Value::Object(Map::new());
    for pointer in &needed {
        if let Some(value) = tree.pointer(pointer) {
            place(&mut bundle, pointer, value);
        }
    }
    direction.relax_part(&mut bundle, tree);
    Some(bundle)
}

/// The places of everything that a schema leads to, itself among them; none if it has too many values.
pub fn needed(tree: &Value, pointer: &str, most: usize) -> Option<Vec<String>> {
    let mut left = most;
    let mut needed = vec![pointer.to_owned()];
    let mut seen = std::collections::HashSet::from([pointer.to_owned()]);
    let mut next = 0;
    while let Some(value) = needed.get(next).map(|pointer| tree.pointer(pointer)) {
        next += 1;
        let mut open: Vec<&Value> = value.into_iter().collect();
        while let Some(value) = open.pop() {
            left = left.checked_sub(1)?;
            match value {
                Value::Object(object) => {
                    let references = ["$ref", "$dynamicRef"].into_iter().filter_map(|keyword| object.get(keyword));
                    let targets = references.filter_map(Value::as_str).filter_map(local_pointer);
                    needed.extend(targets.filter(|target| seen.insert(target.clone())));
                    // A long list of allowed values costs a validator little.
                    let is_list = |keyword: &str, value: &Value| keyword == "enum" && value.is_array();
                    open.extend(
                        object.iter().filter(|(keyword, value)| !is_list(keyword, value)).map(|(_, value)| value),
                    );
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
    Some(needed)
}

/// Puts a copy of a value at its place, with objects on the way, unless it is there as a part of another.
fn place(bundle: &mut Value, pointer: &str, value: &Value) {
    if bundle.pointer(pointer).is_some() && !pointer.is_empty() {
        return;
    }
    let mut at = bundle;
    for segment in pointer.split('/').skip(1) {
        let Value::Object(object) = at else { return };
        at = object.entry(unescape(segment)).or_insert_with(|| Value::Object(Map::new()));
    }
    *at = value.clone();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_schema_leads_to_is_there_and_nothing_else() {
        let tree = json!({
            "paths": {"/a": {"get": {"parameters": [{"schema": {"$ref": "#/components/schemas/A"}}, {"schema": {}}]}}},
            "components": {"schemas": {
                "A": {"properties": {"b": {"$ref": "#/components/schemas/B/items"}, "a": {"$ref": "#/components/schemas/A"}}},
                "B": {"items": {"type": "string"}, "x": 1},
                "C": {"type": "integer"},
            }},
        });
        let made = bundle(&tree, "/paths/~1a/get/parameters/0/schema", Direction::Request, 99);
        let schemas = json!({"A": tree["components"]["schemas"]["A"], "B": {"items": {"type": "string"}}});
        let paths = json!({"/a": {"get": {"parameters": {"0": {"schema": {"$ref": "#/components/schemas/A"}}}}}});
        assert_eq!(made, Some(json!({"paths": paths, "components": {"schemas": schemas}})));
    }

    #[test]
    fn what_is_inside_of_another_stands_there_once() {
        let tree = json!({"a": {"$ref": "#/b/c", "x": {"$ref": "#/b"}}, "b": {"c": {"type": "null"}, "d": {}}});
        assert_eq!(bundle(&tree, "/a", Direction::Response, 99), Some(tree.clone()));
        assert_eq!(bundle(&tree, "", Direction::Response, 99), Some(tree.clone()));
        assert_eq!(bundle(&tree, "", Direction::Response, 3), None);
    }

    #[test]
    fn dynamic_references_lead_somewhere_too_and_lists_of_values_count_once() {
        let tree = json!({"a": {"$dynamicRef": "#/b"}, "b": {"enum": [1, 2, 3, 4, 5, 6, 7, 8, 9]}});
        assert_eq!(bundle(&tree, "/a", Direction::Response, 4), Some(tree.clone()));
    }

    #[test]
    fn references_that_lead_nowhere_are_left_to_the_compiler() {
        let tree = json!({"a": {"$ref": "#/nowhere"}});
        assert_eq!(bundle(&tree, "/a", Direction::Request, 99), Some(tree.clone()));
        assert_eq!(bundle(&tree, "/none", Direction::Request, 99), Some(json!({})));
    }
}

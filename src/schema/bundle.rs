//! Extracts the part of a document that one schema needs: the schema and everything it refers to,
//! each at its place.
//!
//! A large document has thousands of schemas and a request needs a few; compiling one must not
//! cost as much as compiling all.
use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use crate::document::reference::local_pointer;
use crate::document::syntax::unescape;
use crate::schema::direction::Direction;

/// Maximum level of an instance that a schema is compiled for; schemas that are reached only below
/// it are replaced by `true`. JSON is read to 128 levels, so they would judge nothing, and each of
/// a long chain of them would cost the validator its share.
const DEEPEST_LEVEL: usize = 200;

/// Keywords whose schemas judge a part of the instance.
const DESCENDING: [&str; 9] = [
    "additionalProperties",
    "contains",
    "items",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Pointers of the schemas that others lead to.
#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Schemas that can judge a part of an instance, including the first ones.
    pub reached: Vec<String>,
    /// Schemas that only an instance of more than [`DEEPEST_LEVEL`] levels would reach.
    pub beyond: Vec<String>,
}

/// Returns the schema at `pointer` and what it refers to, as a direction sees it, at the same
/// places as in `tree`; none if it has more than `most` values.
#[must_use]
pub(super) fn bundle(
    tree: &Value,
    pointer: &str,
    direction: Direction,
    most: usize,
) -> Option<Value> {
    let Needed {
        mut reached,
        beyond,
    } = needed(tree, &[pointer.to_owned()], most)?;
    // Shorter pointers come first, so a schema inside of another is already copied with it.
    reached.sort_by_key(String::len);
    let mut bundle = Value::Object(Map::new());
    for pointer in &reached {
        if let Some(value) = tree.pointer(pointer) {
            place(&mut bundle, pointer, value);
        }
    }
    for pointer in &beyond {
        place(&mut bundle, pointer, &Value::Bool(true));
    }
    direction.relax_part(&mut bundle, tree);
    Some(bundle)
}

/// Returns a copy of a document that allows anything in the place of each schema that is too deep
/// below those at `pointers` to judge anything; none if no schema is.
#[must_use]
pub(super) fn without_depths(tree: &Value, pointers: &[String]) -> Option<Value> {
    let beyond = needed(tree, pointers, usize::MAX)?.beyond;
    if beyond.is_empty() {
        return None;
    }
    let mut copy = tree.clone();
    for pointer in &beyond {
        if let Some(schema) = copy.pointer_mut(pointer) {
            *schema = Value::Bool(true);
        }
    }
    Some(copy)
}

/// Returns the pointers of all schemas that those at `pointers` lead to, including themselves;
/// none if they have more than `most` values.
#[must_use]
pub(super) fn needed(tree: &Value, pointers: &[String], most: usize) -> Option<Needed> {
    let mut left = most;
    let mut levels: HashMap<String, usize> = pointers
        .iter()
        .map(|pointer| (pointer.clone(), 0))
        .collect();
    let mut waiting: VecDeque<(String, usize)> = pointers
        .iter()
        .map(|pointer| (pointer.clone(), 0))
        .collect();
    let mut needed = Needed::default();
    while let Some((pointer, level)) = waiting.pop_front() {
        if levels.get(&pointer) != Some(&level) {
            continue;
        }
        if level > DEEPEST_LEVEL {
            needed.beyond.push(pointer);
            continue;
        }
        let mut open: Vec<(&Value, bool)> = tree
            .pointer(&pointer)
            .map(|value| (value, false))
            .into_iter()
            .collect();
        needed.reached.push(pointer);
        while let Some((value, is_below)) = open.pop() {
            left = left.checked_sub(1)?;
            match value {
                Value::Object(object) => {
                    for target in targets(object) {
                        let level = level + usize::from(is_below);
                        if levels.get(&target).is_none_or(|known| *known > level) {
                            levels.insert(target.clone(), level);
                            // Visiting schemas in the order of their levels finds the lowest level
                            // of each.
                            if is_below {
                                waiting.push_back((target, level));
                            } else {
                                waiting.push_front((target, level));
                            }
                        }
                    }
                    // The values of `enum` are not counted: a long list costs a validator little.
                    let is_list =
                        |keyword: &str, value: &Value| keyword == "enum" && value.is_array();
                    let inner = object
                        .iter()
                        .filter(|(keyword, value)| !is_list(keyword, value));
                    open.extend(inner.map(|(keyword, value)| {
                        (value, is_below || DESCENDING.contains(&keyword.as_str()))
                    }));
                }
                Value::Array(items) => open.extend(items.iter().map(|item| (item, is_below))),
                _ => {}
            }
        }
    }
    Some(needed)
}

/// Returns the pointers that a schema refers to in the same document.
fn targets(schema: &Map<String, Value>) -> impl Iterator<Item = String> {
    let references = ["$ref", "$dynamicRef"]
        .into_iter()
        .filter_map(|keyword| schema.get(keyword)?.as_str());
    references.filter_map(local_pointer)
}

/// Puts a copy of a value at its place, with the enclosing objects, unless it is already there as
/// a part of another.
fn place(bundle: &mut Value, pointer: &str, value: &Value) {
    if bundle.pointer(pointer).is_some() && !pointer.is_empty() {
        return;
    }
    let mut at = bundle;
    for segment in pointer.split('/').skip(1) {
        let Value::Object(object) = at else { return };
        at = object
            .entry(unescape(segment))
            .or_insert_with(|| Value::Object(Map::new()));
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
        let made = bundle(
            &tree,
            "/paths/~1a/get/parameters/0/schema",
            Direction::Request,
            99,
        );
        let schemas =
            json!({"A": tree["components"]["schemas"]["A"], "B": {"items": {"type": "string"}}});
        let paths = json!({"/a": {"get": {"parameters": {"0": {"schema": {"$ref": "#/components/schemas/A"}}}}}});
        assert_eq!(
            made,
            Some(json!({"paths": paths, "components": {"schemas": schemas}}))
        );
    }

    #[test]
    fn what_is_inside_of_another_stands_there_once() {
        let tree = json!({"a": {"$ref": "#/b/c", "x": {"$ref": "#/b"}}, "b": {"c": {"type": "null"}, "d": {}}});
        assert_eq!(
            bundle(&tree, "/a", Direction::Response, 99),
            Some(tree.clone())
        );
        assert_eq!(
            bundle(&tree, "", Direction::Response, 99),
            Some(tree.clone())
        );
        assert_eq!(bundle(&tree, "", Direction::Response, 3), None);
    }

    #[test]
    fn dynamic_references_lead_somewhere_too_and_lists_of_values_count_once() {
        let tree = json!({"a": {"$dynamicRef": "#/b"}, "b": {"enum": [1, 2, 3, 4, 5, 6, 7, 8, 9]}});
        assert_eq!(
            bundle(&tree, "/a", Direction::Response, 4),
            Some(tree.clone())
        );
    }

    #[test]
    fn references_that_lead_nowhere_are_left_to_the_compiler() {
        let tree = json!({"a": {"$ref": "#/nowhere"}});
        assert_eq!(
            bundle(&tree, "/a", Direction::Request, 99),
            Some(tree.clone())
        );
        assert_eq!(
            bundle(&tree, "/none", Direction::Request, 99),
            Some(json!({}))
        );
    }

    #[test]
    fn what_only_a_deeper_instance_than_can_be_read_would_reach_is_not_there() {
        let chain = |length: usize, keyword: &str| {
            let link = |index: usize| {
                let next = json!({ "$ref": format!("#/s/C{}", index + 1) });
                let inner = if keyword == "allOf" {
                    json!([next])
                } else {
                    json!({ "next": next })
                };
                (format!("C{index}"), json!({ keyword: inner }))
            };
            let mut schemas: Map<String, Value> = (0..length).map(link).collect();
            schemas.insert(format!("C{length}"), json!({ "type": "string" }));
            json!({ "s": schemas })
        };
        let first = ["/s/C0".to_owned()];
        let long = chain(1000, "properties");
        let found = needed(&long, &first, usize::MAX).unwrap();
        assert_eq!(found.reached.len(), DEEPEST_LEVEL + 1);
        assert_eq!(found.beyond, [format!("/s/C{}", DEEPEST_LEVEL + 1)]);
        let cut = without_depths(&long, &first).unwrap();
        assert_eq!(
            (&cut["s"]["C201"], &cut["s"]["C200"]),
            (&json!(true), &long["s"]["C200"])
        );
        assert_eq!(
            bundle(&long, "/s/C0", Direction::Response, 4000).unwrap()["s"]["C201"],
            json!(true)
        );
        // Schemas that judge the same value are not below one another.
        assert_eq!(without_depths(&chain(1000, "allOf"), &first), None);
        assert_eq!(without_depths(&chain(200, "properties"), &first), None);
    }
}

//! A schema → a bounded copy without references that accepts every instance that the schema
//! accepts.
//!
//! If no value fits the copy, none fits the schema. Keywords are left out if they exceed the
//! bounds, or if dropping a part of them would make them accept less (`not`, `if`); `oneOf`
//! becomes `anyOf` for the same reason.
use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::document::reference::local_pointer;
use crate::document::syntax::{find, join};

/// Maximum schemas of a copy; further ones accept anything.
const MOST_SCHEMAS: usize = 200;

/// Maximum branches of `anyOf` and `oneOf` in a copy, because each combination is tried; a further
/// `anyOf` or `oneOf` is left out.
const MOST_BRANCHES: usize = 12;

/// Maximum values of an `enum` in a copy; a longer one is left out.
const MOST_VALUES: usize = 100;

/// Maximum nesting of schemas, with references followed; deeper ones accept anything.
const DEEPEST: usize = 12;

/// Keywords that are copied unchanged.
const PLAIN: [&str; 17] = [
    "type",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "enum",
    "uniqueItems",
    "additionalProperties",
];

/// Returns the copy of the schema at `pointer`. Schemas at `excluded` pointers accept anything.
pub(super) fn weaken(tree: &Value, pointer: &str, excluded: &HashSet<String>) -> Value {
    let mut copy = Copy {
        tree,
        excluded,
        schemas: 0,
        branches: 0,
    };
    find(tree, pointer).map_or(Value::Bool(true), |schema| copy.schema(schema, pointer, 0))
}

struct Copy<'t> {
    tree: &'t Value,
    excluded: &'t HashSet<String>,
    schemas: usize,
    branches: usize,
}

impl Copy<'_> {
    fn schema(&mut self, schema: &Value, at: &str, depth: usize) -> Value {
        self.schemas += 1;
        if self.schemas > MOST_SCHEMAS || depth > DEEPEST || self.excluded.contains(at) {
            return Value::Bool(true);
        }
        let Some(object) = schema.as_object() else {
            return if schema.is_boolean() {
                schema.clone()
            } else {
                Value::Bool(true)
            };
        };
        let mut copy = Map::new();
        for (keyword, value) in object {
            if let Some(value) = self.keyword(object, keyword, value, at, depth) {
                copy.insert(
                    if keyword == "oneOf" {
                        "anyOf".to_owned()
                    } else {
                        keyword.clone()
                    },
                    value,
                );
            }
        }
        if let Some(target) = self.target(object, depth) {
            let all = copy.entry("allOf").or_insert_with(|| json!([]));
            if let Some(all) = all.as_array_mut() {
                all.push(target);
            }
        }
        Value::Object(copy)
    }

    fn target(&mut self, object: &Map<String, Value>, depth: usize) -> Option<Value> {
        let pointer = local_pointer(object.get("$ref")?.as_str()?)?;
        let target = find(self.tree, &pointer)?;
        Some(self.schema(target, &pointer, depth + 1))
    }

    /// Returns the value of a keyword in the copy; `None` if the keyword is left out.
    fn keyword(
        &mut self,
        object: &Map<String, Value>,
        keyword: &str,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Option<Value> {
        let at = join(at, keyword);
        match (keyword, value) {
            ("additionalProperties", _) if object.contains_key("patternProperties") => None,
            ("enum", Value::Array(values)) if values.len() > MOST_VALUES => None,
            ("anyOf", _) if object.contains_key("oneOf") => None,
            ("additionalProperties" | "items", Value::Object(_)) => {
                Some(self.schema(value, &at, depth + 1))
            }
            ("properties", Value::Object(properties)) => {
                let copied = properties.iter();
                let copied = copied.map(|(name, value)| {
                    (
                        name.clone(),
                        self.schema(value, &join(&at, name), depth + 1),
                    )
                });
                Some(Value::Object(copied.collect()))
            }
            ("anyOf" | "oneOf", Value::Array(branches)) => {
                self.branches += branches.len();
                (self.branches <= MOST_BRANCHES).then(|| self.list(branches, &at, depth))
            }
            ("allOf" | "prefixItems", Value::Array(items)) => Some(self.list(items, &at, depth)),
            _ => PLAIN.contains(&keyword).then(|| value.clone()),
        }
    }

    fn list(&mut self, items: &[Value], at: &str, depth: usize) -> Value {
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.schema(item, &join(at, &index.to_string()), depth + 1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_followed_and_recursion_ends() {
        let tree = json!({"a": {"type": "object", "properties": {"next": {"$ref": "#/a"}}, "not": {"type": "string"}}});
        let copy = weaken(&tree, "/a", &HashSet::new());
        assert_eq!(copy["properties"]["next"]["allOf"][0]["type"], "object");
        assert!(copy.get("not").is_none());
    }

    #[test]
    fn copies_are_bounded() {
        let branch = json!({"anyOf": [{"$ref": "#/a"}, {"$ref": "#/a"}, {"$ref": "#/a"}]});
        let tree = json!({"a": {"allOf": vec![branch; 50]}});
        let copy = weaken(&tree, "/a", &HashSet::new());
        assert!(copy.to_string().matches("anyOf").count() <= MOST_BRANCHES / 3);
    }
}

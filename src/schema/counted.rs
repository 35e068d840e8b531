//! Counts references as they are followed, where schemas lead to each other along very many paths.
//!
//! The validator follows each path: sixty schemas that each refer twice to the next have 2^60 of
//! them. Counted references fail when too many are followed; then
//! [`judging`](crate::schema::judging) answers, which compares a value with a schema once.
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Map, Value, json};

use crate::document::dynamic::{is_data, members};
use crate::document::reference::local_pointer;
use crate::document::syntax::find;

/// Maximum number of references, counted along each path, that schemas may lead to uncounted; with
/// more, references are counted as they are followed.
const MOST_WAYS: u64 = 10_000;

/// Maximum number of counted references followed for one instance; beyond it the validator has no
/// answer.
const MOST_FOLLOWED: u64 = 1_000_000;

/// Keyword that counts a reference.
const KEYWORD: &str = "x-standin-counted";

thread_local! {
    /// Number of references that may still be followed.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

struct Count;

impl<'i> Keyword<'i> for Count {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            Ok(())
        } else {
            Err(ValidationError::custom("too many references are followed"))
        }
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        LEFT.with(|left| {
            left.set(left.get().saturating_sub(1));
            left.get() > 0
        })
    }
}

/// Adds the counting keyword to the options of a validator.
pub(super) fn with_count(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    options.with_keyword(KEYWORD, |_: &Map<String, Value>, _: &Value, _| {
        Ok(Box::new(Count) as Box<dyn for<'i> Keyword<'i>>)
    })
}

/// Returns the answer of a validator; none if it had to follow too many counted references.
pub(super) fn within_bound(answer: impl FnOnce() -> bool) -> Option<bool> {
    LEFT.set(MOST_FOLLOWED);
    let answer = answer();
    (LEFT.get() > 0).then_some(answer)
}

/// Returns a copy of a document with counted references; none if the schemas at `pointers` lead to
/// few.
pub(super) fn counted(tree: &Value, pointers: &[String]) -> Option<Value> {
    if ways(tree, pointers) <= MOST_WAYS {
        return None;
    }
    let mut copy = tree.clone();
    count_in(&mut copy);
    Some(copy)
}

/// Returns the largest number of references that one of the schemas at `pointers` leads to,
/// counted along each path. Circles are followed once, because the validator remembers its results
/// in them.
fn ways(tree: &Value, pointers: &[String]) -> u64 {
    let mut known: HashMap<String, u64> = HashMap::new();
    let mut entered: HashSet<String> = HashSet::new();
    let mut open: Vec<String> = pointers.to_vec();
    while let Some(pointer) = open.last().cloned() {
        let targets = find(tree, &pointer).map(references).unwrap_or_default();
        if entered.insert(pointer.clone()) {
            open.extend(
                targets
                    .into_iter()
                    .filter(|target| !entered.contains(target)),
            );
            continue;
        }
        open.pop();
        let of = |target: &String| 1 + known.get(target).copied().unwrap_or(0);
        let all = targets.iter().map(of).fold(0, u64::saturating_add);
        known.entry(pointer).or_insert(all);
    }
    pointers
        .iter()
        .filter_map(|pointer| known.get(pointer).copied())
        .max()
        .unwrap_or(0)
}

/// Returns the pointers that a schema itself refers to, each as often as it does.
fn references(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                let own = ["$ref", "$dynamicRef"]
                    .iter()
                    .filter_map(|keyword| object.get(*keyword)?.as_str());
                found.extend(own.filter_map(local_pointer));
                open.extend(members(object));
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// Moves each reference into `allOf`, behind the counting keyword. The other members stay in
/// place, because references may lead to them.
fn count_in(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object
                .iter_mut()
                .filter(|(name, _)| !is_data(name))
                .for_each(|(_, member)| count_in(member));
            for keyword in ["$ref", "$dynamicRef"] {
                if object.get(keyword).is_some_and(Value::is_string)
                    && let Some(reference) = object.shift_remove(keyword)
                    && let Value::Array(all) = object.entry("allOf").or_insert_with(|| json!([]))
                {
                    all.extend([json!({ KEYWORD: true }), json!({ keyword: reference })]);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(count_in),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_counted_and_circles_followed_once() {
        let twice =
            |to: &str| json!({"oneOf": [{"$ref": to}, {"properties": {"a": {"$ref": to}}}]});
        let tree = json!({"a": twice("#/b"), "b": twice("#/c"), "c": twice("#/d"), "d": {"enum": [{"$ref": "#/a"}]},
            "e": {"allOf": [{"$ref": "#/e"}, {"$ref": "#/d"}]}});
        let of = |pointer: &str| ways(&tree, &[pointer.to_owned()]);
        assert_eq!(
            [of("/d"), of("/c"), of("/b"), of("/a"), of("/e")],
            [0, 2, 6, 14, 2]
        );
        assert_eq!(counted(&tree, &["/a".to_owned()]), None);
    }

    #[test]
    fn a_counted_reference_keeps_what_is_beside_it_at_its_place() {
        let mut tree = json!({"allOf": [{"type": "object"}], "$ref": "#/b", "properties": {"a": {"$ref": "#/c"}}});
        count_in(&mut tree);
        let counts = json!({ KEYWORD: true });
        assert_eq!(
            tree,
            json!({"allOf": [{"type": "object"}, counts, {"$ref": "#/b"}],
                "properties": {"a": {"allOf": [counts, {"$ref": "#/c"}]}}})
        );
    }
}

//! Hands the patterns of schemas over to the validator, so that Standin's own reading of them
//! applies.
//!
//! A validator is built from a copy of the tree. In the copy `pattern` becomes a custom format
//! that asks [`Pattern`], and the keys of `patternProperties`, which the validator matches itself,
//! are rewritten so that its engine reads them the same. Text that is not a pattern is left out:
//! it checks nothing.
use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::document::reference::local_pointer;
use crate::document::syntax::{find, join};
use crate::document::{Expect, Members, ObjectKind};
use crate::schema::pattern::{Pattern, within};

/// Prefix of the names of formats that represent patterns; no document has it.
const FORMAT: &str = "\0pattern:";

/// Key of `patternProperties` that matches every name; replaces a key that is not a pattern.
const ANY_NAME: &str = "";

/// The patterns of the schemas that a validator is built from.
#[derive(Default)]
pub(crate) struct Patterns {
    /// Patterns of `pattern`, by text.
    pub texts: IndexMap<String, Arc<Pattern>>,
    /// Keys of `patternProperties` that are not matched in linear time.
    pub slow_keys: Vec<Arc<Pattern>>,
}

/// Returns a copy of a document in which the patterns of the schemas at `pointers`, and of those
/// that they lead to, are handed over; the document itself if there are none.
pub(crate) fn hand_over(tree: Arc<Value>, pointers: &[String]) -> (Arc<Value>, Patterns) {
    let mut patterns = Patterns::default();
    let places = places(&tree, pointers);
    if places.is_empty() {
        return (tree, patterns);
    }
    let mut copy = Arc::unwrap_or_clone(tree);
    for place in &places {
        if let Some(schema) = copy.pointer_mut(place).and_then(Value::as_object_mut) {
            patterns.take(schema);
        }
    }
    (Arc::new(copy), patterns)
}

/// Returns the pointers of all schemas with patterns, innermost first.
fn places(tree: &Value, pointers: &[String]) -> Vec<String> {
    let mut places = HashSet::new();
    walk(tree, pointers, &mut |schema, at| {
        if schema.contains_key("pattern") || schema.contains_key("patternProperties") {
            places.insert(at.to_owned());
        }
    });
    let mut places: Vec<String> = places.into_iter().collect();
    // Pointers contain the keys of `patternProperties`, so inner schemas are rewritten first.
    places.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    places
}

/// Calls `look` with each schema at `pointers`, inside of those, and at their reference targets.
fn walk(tree: &Value, pointers: &[String], look: &mut dyn FnMut(&Map<String, Value>, &str)) {
    let Members::Fields(fields) = ObjectKind::Schema.members() else {
        return;
    };
    let mut seen = HashSet::new();
    let mut open = pointers.to_vec();
    while let Some(at) = open.pop() {
        let Some(schema) = find(tree, &at)
            .and_then(Value::as_object)
            .filter(|_| seen.insert(at.clone()))
        else {
            continue;
        };
        look(schema, &at);
        let references = ["$ref", "$dynamicRef"]
            .into_iter()
            .filter_map(|keyword| schema.get(keyword)?.as_str());
        open.extend(references.filter_map(local_pointer));
        for (keyword, value) in schema {
            let expect = fields
                .iter()
                .find(|(field, _)| field == keyword)
                .map(|(_, expect)| expect);
            match (expect, value) {
                (Some(Expect::Object(_)), Value::Object(_)) => open.push(join(&at, keyword)),
                (Some(Expect::List(_)), Value::Array(items)) => {
                    let list = join(&at, keyword);
                    open.extend((0..items.len()).map(|index| join(&list, &index.to_string())));
                }
                (Some(Expect::Map(_)), Value::Object(members)) => {
                    let map = join(&at, keyword);
                    open.extend(members.keys().map(|name| join(&map, name)));
                }
                _ => {}
            }
        }
    }
}

/// A pattern and its place in a document.
pub struct PatternAt {
    /// Its JSON Pointer.
    pub pointer: String,
    /// True for a key of `patternProperties`.
    pub is_key: bool,
    /// Its text.
    pub text: String,
}

/// Returns the patterns of the schemas at `pointers` and of all schemas that they lead to.
#[must_use]
pub(crate) fn patterns_of(tree: &Value, pointers: &[String]) -> Vec<PatternAt> {
    let mut found = Vec::new();
    walk(tree, pointers, &mut |schema, at| {
        if let Some(text) = schema.get("pattern").and_then(Value::as_str) {
            found.push(PatternAt {
                pointer: join(at, "pattern"),
                is_key: false,
                text: text.to_owned(),
            });
        }
        let keys = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys);
        let at = join(at, "patternProperties");
        found.extend(keys.map(|key| PatternAt {
            pointer: join(&at, key),
            is_key: true,
            text: key.clone(),
        }));
    });
    found
}

impl Patterns {
    fn take(&mut self, schema: &mut Map<String, Value>) {
        if let Some(Value::String(text)) = schema.shift_remove("pattern")
            && let Ok(pattern) = Pattern::read(&text)
        {
            let format = json!({ "format": format_of(&text) });
            let branches = schema
                .entry("allOf")
                .or_insert_with(|| json!([]))
                .as_array_mut();
            branches
                .into_iter()
                .for_each(|branches| branches.push(format.clone()));
            self.texts.insert(text, pattern);
        }
        if let Some(Value::Object(properties)) = schema.get_mut("patternProperties") {
            let known = std::mem::take(properties);
            for (key, schema) in known {
                let (key, schema) = self
                    .key(&key)
                    .map_or_else(|| (ANY_NAME.to_owned(), json!(true)), |key| (key, schema));
                insert(properties, key, schema);
            }
        }
    }

    /// Returns a key of `patternProperties` as the engine of the validator reads it; none if it is
    /// not a pattern.
    fn key(&mut self, text: &str) -> Option<String> {
        let pattern = Pattern::read(text).ok()?;
        let key = pattern.in_rust();
        if !pattern.is_linear() {
            self.slow_keys.push(pattern);
        }
        Some(key)
    }

    /// Matches all names of an instance against the keys that take more than linear time, so that
    /// the validator's work on them costs about as much as was taken from the budget. Returns true
    /// if the budget was enough.
    #[must_use]
    pub(crate) fn can_match_keys(&self, instance: &Value) -> bool {
        self.slow_keys.is_empty() || !within(|| self.match_keys(instance)).1
    }

    fn match_keys(&self, instance: &Value) {
        let mut open = vec![instance];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(object) => {
                    for (name, member) in object {
                        for key in &self.slow_keys {
                            let _is_match = key.is_match(name);
                        }
                        open.push(member);
                    }
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
}

/// Adds a schema under a key; two patterns may come to share one, and then both schemas apply.
fn insert(properties: &mut Map<String, Value>, key: String, schema: Value) {
    match properties.get_mut(&key) {
        Some(there) => *there = json!({ "allOf": [there.take(), schema] }),
        None => {
            properties.insert(key, schema);
        }
    }
}

/// Returns the name of the format that represents a pattern.
#[must_use]
pub(crate) fn format_of(text: &str) -> String {
    format!("{FORMAT}{text}")
}

//! An entity that fits none of the alternatives of its schema → one that fits, of what it has.
//!
//! A client may write `tricks` into a cat where `oneOf` has cats and dogs. What the best alternative does not know is
//! left out, so that what is kept fits, and not only each answer for itself.
use serde_json::{Map, Value};

use crate::document::syntax::unescape;
use crate::generate::{self, GenerateOptions};
use crate::schema::Schema;

/// How many places with alternatives are mended; a value that is wrong in more stays as it is.
const MOST_PLACES: usize = 8;

/// How many alternatives of a place are tried, in the order of the document; others are not.
const MOST_ALTERNATIVES: usize = 32;

/// How many values are generated to find what an alternative requires; then it is not used.
const MOST_ATTEMPTS: u64 = 4;

/// Returns a value that fits its schema, made of one that does not; none if that is not found.
#[must_use]
pub fn fit(schema: &Schema, value: &Value, options: &GenerateOptions) -> Option<Value> {
    let mut value = value.clone();
    for _ in 0..MOST_PLACES {
        if let Some(mended) = generate::repair(schema, &value, options) {
            return Some(mended);
        }
        let (pointer, node) = place(schema, &value)?;
        value = choose(schema, &value, &pointer, node, options)?;
        if schema.is_valid(&value) == Ok(true) {
            return Some(value);
        }
    }
    None
}

/// The deepest place of an error whose schema has alternatives.
fn place<'s>(schema: &'s Schema, value: &Value) -> Option<(String, &'s Value)> {
    let errors = schema.errors(value).ok()?;
    errors.iter().find_map(|error| {
        let mut pointer = error.pointer.as_str();
        loop {
            if let Some(node) = node_at(schema, pointer).filter(|node| !alternatives(schema, node).is_empty()) {
                return Some((pointer.to_owned(), node));
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    })
}

/// The schema of a place in an instance.
fn node_at<'s>(schema: &'s Schema, pointer: &str) -> Option<&'s Value> {
    let mut node = schema.resolve(schema.tree());
    for segment in pointer.split('/').skip(1) {
        let below = schema.property(node, &unescape(segment)).or_else(|| schema.items(node))?;
        node = schema.resolve(below);
    }
    Some(node)
}

/// A node and what is joined to it by `allOf`.
fn joined<'s>(schema: &'s Schema, node: &'s Value) -> Vec<&'s Value> {
    let parts = node.get("allOf").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(node).chain(parts.map(|part| schema.resolve(part))).collect()
}

fn alternatives<'s>(schema: &'s Schema, node: &'s Value) -> Vec<&'s Value> {
    let lists = joined(schema, node).into_iter().flat_map(|node| [node.get("oneOf"), node.get("anyOf")]);
    let all = lists.flatten().filter_map(Value::as_array).flatten();
    all.take(MOST_ALTERNATIVES).map(|alternative| schema.resolve(alternative)).collect()
}

/// The value as one of the alternatives of a place has it: first those that it fits as it is, then those that keep most
/// of it.
fn choose(schema: &Schema, value: &Value, pointer: &str, node: &Value, options: &GenerateOptions) -> Option<Value> {
    let all = alternatives(schema, node);
    let mut candidates: Vec<(usize, Value)> = Vec::new();
    for alternative in &all {
        let mut candidate = value.clone();
        let Some(Value::Object(object)) = candidate.pointer_mut(pointer) else { continue };
        object.retain(|name, _| is_of(schema, node, alternative, &all, name));
        let kept = object.len();
        complete(schema, object, pointer, alternative, options);
        candidates.push((kept, candidate));
    }
    candidates.sort_by_key(|(kept, _)| std::cmp::Reverse(*kept));
    let fitting = candidates.iter().find(|(_, candidate)| schema.is_valid(candidate) == Ok(true));
    if let Some((_, fitting)) = fitting {
        return Some(fitting.clone());
    }
    let repaired = candidates.iter().find_map(|(_, candidate)| generate::repair(schema, candidate, options));
    // Where something is wrong elsewhere too, the place is left as it is likely to be right.
    let elsewhere = || {
        let is_right = |candidate: &Value| {
            let errors = schema.errors(candidate).unwrap_or_default();
            !errors.iter().any(|error| error.pointer.starts_with(pointer))
        };
        candidates.iter().map(|(_, candidate)| candidate).find(|candidate| is_right(candidate)).cloned()
    };
    repaired.or_else(elsewhere)
}

/// Adds what an alternative requires, as whole values have it that are generated.
fn complete(
    schema: &Schema,
    object: &mut Map<String, Value>,
    pointer: &str,
    alternative: &Value,
    options: &GenerateOptions,
) {
    let names = alternative.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut missing: Vec<&str> = names.filter(|name| !object.contains_key(*name)).collect();
    for attempt in 0..MOST_ATTEMPTS {
        if missing.is_empty() {
            return;
        }
        let whole = generate::generate(schema, &GenerateOptions { seed: options.seed ^ attempt, ..*options }).value;
        missing.retain(|name| match whole.pointer(pointer).and_then(|made| made.get(name)) {
            Some(made) => object.insert((*name).to_owned(), made.clone()).is_some(),
            None => true,
        });
    }
}

/// Whether a member is one of an alternative, or of none of them.
fn is_of(schema: &Schema, node: &Value, alternative: &Value, all: &[&Value], name: &str) -> bool {
    let own = joined(schema, node).into_iter().filter_map(|node| node.get("properties"));
    if own.into_iter().any(|properties| properties.get(name).is_some()) {
        return true;
    }
    let declares = |node: &Value| schema.properties(node).iter().any(|(there, _)| *there == name);
    let is_closed = alternative.get("additionalProperties") == Some(&Value::Bool(false));
    declares(alternative) || !is_closed && !all.iter().any(|other| declares(other))
}

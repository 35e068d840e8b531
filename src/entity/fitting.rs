//! Changes an entity that fits no alternative of its schema so that it fits one.
//!
//! A client may write `tricks` into a cat where `oneOf` has cats and dogs. Members that the best
//! alternative does not declare are left out of the stored entity, so that not each answer has to
//! be repaired. `build` uses it where an entity does not fit.
use serde_json::{Map, Value};

use crate::document::syntax::{find, unescape};
use crate::generate::{self, GenerateOptions};
use crate::schema::Schema;
use crate::schema::walk::Child;

/// Maximum number of places with alternatives that are repaired; a value that needs more stays as
/// it is.
const MOST_PLACES: usize = 8;

/// Maximum number of alternatives tried at a place, in document order; further ones are ignored.
const MOST_ALTERNATIVES: usize = 32;

/// Maximum number of values generated to find the properties that an alternative requires; those
/// not found stay missing.
const MOST_ATTEMPTS: u64 = 4;

/// Returns a value that fits its schema, derived from one that does not; `None` if none is found.
#[must_use]
pub(super) fn fit(schema: &Schema, value: &Value, options: &GenerateOptions) -> Option<Value> {
    let mut value = filled(schema, value, options);
    if schema.is_valid(&value) == Ok(true) {
        return Some(value);
    }
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

/// Adds the properties that nested objects lack, so that what a client sent beside them is kept.
fn filled(schema: &Schema, value: &Value, options: &GenerateOptions) -> Value {
    let mut filled = value.clone();
    for _ in 0..MOST_PLACES {
        let errors = schema.errors(&filled).unwrap_or_default();
        let mut is_changed = false;
        for error in errors.iter().filter(|error| error.keyword == "required") {
            let Some((place, node)) = place_at(schema, &error.pointer) else {
                continue;
            };
            let Some(Value::Object(object)) = filled.pointer_mut(&error.pointer) else {
                continue;
            };
            for (name, _) in schema.properties(node) {
                if object.contains_key(name) || !schema.requires(node, name) {
                    continue;
                }
                let Some(property) = schema.place_of(&place, Child::Property(name)) else {
                    continue;
                };
                let made = generate::generate(&schema.sibling(property), options).value;
                object.insert(name.to_owned(), made);
                is_changed = true;
            }
        }
        if !is_changed {
            break;
        }
    }
    filled
}

/// Returns the JSON Pointer to the schema of a place in an instance, and the schema.
fn place_at<'s>(schema: &'s Schema, pointer: &str) -> Option<(String, &'s Value)> {
    let mut place = schema.pointer().to_owned();
    for segment in pointer.split('/').skip(1) {
        let name = unescape(segment);
        place = schema
            .place_of(&place, Child::Property(&name))
            .or_else(|| schema.place_of(&place, Child::Items))?;
    }
    let node = find(schema.root(), &place)?;
    Some((place, schema.resolve(node)))
}

/// Finds the closest schema with alternatives at or above the place of an error; returns the JSON
/// Pointer to its part of the instance, and its node.
fn place<'s>(schema: &'s Schema, value: &Value) -> Option<(String, &'s Value)> {
    let errors = schema.errors(value).ok()?;
    errors.iter().find_map(|error| {
        let mut pointer = error.pointer.as_str();
        loop {
            if let Some(node) =
                node_at(schema, pointer).filter(|node| !alternatives(schema, node).is_empty())
            {
                return Some((pointer.to_owned(), node));
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    })
}

/// Returns the schema of a place in an instance.
fn node_at<'s>(schema: &'s Schema, pointer: &str) -> Option<&'s Value> {
    let mut node = schema.resolve(schema.tree());
    for segment in pointer.split('/').skip(1) {
        let below = schema
            .property(node, &unescape(segment))
            .or_else(|| schema.items(node))?;
        node = schema.resolve(below);
    }
    Some(node)
}

/// Returns a node and its `allOf` branches.
fn joined<'s>(schema: &'s Schema, node: &'s Value) -> Vec<&'s Value> {
    let parts = node
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    std::iter::once(node)
        .chain(parts.map(|part| schema.resolve(part)))
        .collect()
}

fn alternatives<'s>(schema: &'s Schema, node: &'s Value) -> Vec<&'s Value> {
    let lists = joined(schema, node)
        .into_iter()
        .flat_map(|node| [node.get("oneOf"), node.get("anyOf")]);
    let all = lists.flatten().filter_map(Value::as_array).flatten();
    all.take(MOST_ALTERNATIVES)
        .map(|alternative| schema.resolve(alternative))
        .collect()
}

/// Returns the value with the object at `pointer` changed to fit one of its alternatives.
/// Candidates that keep most members come first; a valid candidate is preferred to one that needs
/// repair.
fn choose(
    schema: &Schema,
    value: &Value,
    pointer: &str,
    node: &Value,
    options: &GenerateOptions,
) -> Option<Value> {
    let all = alternatives(schema, node);
    let mut candidates: Vec<(usize, Value)> = Vec::new();
    for alternative in &all {
        let mut candidate = value.clone();
        let Some(Value::Object(object)) = candidate.pointer_mut(pointer) else {
            continue;
        };
        object.retain(|name, _| is_of(schema, node, alternative, &all, name));
        let kept = object.len();
        complete(schema, object, pointer, alternative, options);
        candidates.push((kept, candidate));
    }
    candidates.sort_by_key(|(kept, _)| std::cmp::Reverse(*kept));
    let fitting = candidates
        .iter()
        .find(|(_, candidate)| schema.is_valid(candidate) == Ok(true));
    if let Some((_, fitting)) = fitting {
        return Some(fitting.clone());
    }
    let repaired = candidates
        .iter()
        .find_map(|(_, candidate)| generate::repair(schema, candidate, options));
    // If there are errors elsewhere too, a candidate without errors at this place is good enough.
    let elsewhere = || {
        let is_right = |candidate: &Value| {
            let errors = schema.errors(candidate).unwrap_or_default();
            !errors
                .iter()
                .any(|error| error.pointer.starts_with(pointer))
        };
        candidates
            .iter()
            .map(|(_, candidate)| candidate)
            .find(|candidate| is_right(candidate))
            .cloned()
    };
    repaired.or_else(elsewhere)
}

/// Adds the properties that an alternative requires, taken from generated values of the whole
/// schema.
fn complete(
    schema: &Schema,
    object: &mut Map<String, Value>,
    pointer: &str,
    alternative: &Value,
    options: &GenerateOptions,
) {
    let names = alternative
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut missing: Vec<&str> = names.filter(|name| !object.contains_key(*name)).collect();
    for attempt in 0..MOST_ATTEMPTS {
        if missing.is_empty() {
            return;
        }
        let whole = generate::generate(
            schema,
            &GenerateOptions {
                seed: options.seed ^ attempt,
                ..*options
            },
        )
        .value;
        missing.retain(
            |name| match whole.pointer(pointer).and_then(|made| made.get(name)) {
                Some(made) => object.insert((*name).to_owned(), made.clone()).is_some(),
                None => true,
            },
        );
    }
}

/// Returns `true` if an alternative allows a member: the member is declared beside the
/// alternatives or by this one, or by no alternative while this one is not closed.
fn is_of(schema: &Schema, node: &Value, alternative: &Value, all: &[&Value], name: &str) -> bool {
    let own = joined(schema, node)
        .into_iter()
        .filter_map(|node| node.get("properties"));
    if own
        .into_iter()
        .any(|properties| properties.get(name).is_some())
    {
        return true;
    }
    let declares = |node: &Value| {
        schema
            .properties(node)
            .iter()
            .any(|(there, _)| *there == name)
    };
    let is_closed = alternative.get("additionalProperties") == Some(&Value::Bool(false));
    declares(alternative) || !is_closed && !all.iter().any(|other| declares(other))
}

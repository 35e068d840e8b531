//! `allOf`, `anyOf` and `oneOf` folded into one flat schema that can be made in one go.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::contract::schema::Schema;

/// The schema with its references followed, its `allOf` merged in, and one branch of its `anyOf`
/// and `oneOf` taken; which one depends on the attempt.
pub fn flatten(schema: &Schema, node: &Value, attempt: usize) -> Map<String, Value> {
    let mut folding = Folding { schema, attempt, flat: Map::new(), seen: HashSet::new() };
    folding.fold(node);
    folding.flat
}

struct Folding<'s> {
    schema: &'s Schema,
    attempt: usize,
    flat: Map<String, Value>,
    /// Nodes that are in it already, so that circles end.
    seen: HashSet<usize>,
}

impl Folding<'_> {
    fn fold(&mut self, node: &Value) {
        let Some(object) = node.as_object().filter(|_| self.seen.insert(std::ptr::from_ref(node).addr())) else {
            return;
        };
        let schema = self.schema;
        if object.contains_key("$ref") {
            self.fold(schema.resolve(node));
        }
        for (keyword, value) in object {
            match keyword.as_str() {
                "$ref" | "allOf" | "anyOf" | "oneOf" | "if" | "then" | "else" => {}
                _ => merge(&mut self.flat, keyword, value),
            }
        }
        let branches =
            |keyword: &str| object.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        branches("allOf").iter().for_each(|branch| self.fold(branch));
        // Either what meets `if` and then `then`, or what `else` asks for.
        let conditional: &[&str] = if self.attempt.is_multiple_of(2) { &["if", "then"] } else { &["else"] };
        for keyword in conditional.iter().filter(|_| object.contains_key("if")) {
            if let Some(branch) = object.get(*keyword) {
                self.fold(branch);
            }
        }
        for alternatives in [branches("oneOf"), branches("anyOf")] {
            if let Some(branch) = choose(schema, alternatives, self.attempt) {
                self.fold(branch);
            }
        }
    }
}

/// One alternative that is more than null, another one with each attempt.
fn choose<'n>(schema: &Schema, alternatives: &'n [Value], attempt: usize) -> Option<&'n Value> {
    let is_null = |branch: &&Value| schema.resolve(branch).get("type") == Some(&json!("null"));
    let full: Vec<&Value> = alternatives.iter().filter(|branch| !is_null(branch)).collect();
    match full.len() {
        0 => alternatives.first(),
        count => Some(full[attempt % count]),
    }
}

/// Adds a keyword so that both what was there and what comes is met, as far as one value can say so.
fn merge(flat: &mut Map<String, Value>, keyword: &str, value: &Value) {
    let Some(there) = flat.get_mut(keyword) else {
        flat.insert(keyword.to_owned(), value.clone());
        return;
    };
    match (keyword, there, value) {
        ("properties" | "patternProperties" | "dependentRequired", Value::Object(there), Value::Object(more)) => {
            for (name, schema) in more {
                match there.get_mut(name) {
                    Some(known) if known != schema => *known = json!({ "allOf": [known, schema] }),
                    Some(_) => {}
                    None => {
                        there.insert(name.clone(), schema.clone());
                    }
                }
            }
        }
        ("required", Value::Array(there), Value::Array(more)) => {
            for name in more {
                if !there.contains(name) {
                    there.push(name.clone());
                }
            }
        }
        ("minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties", there, more) => {
            if more.as_f64() > there.as_f64() {
                *there = more.clone();
            }
        }
        ("maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties", there, more) => {
            if more.as_f64() < there.as_f64() {
                *there = more.clone();
            }
        }
        ("type", there, more) => *there = common_types(there, more),
        ("enum", Value::Array(there), Value::Array(more)) => there.retain(|value| more.contains(value)),
        ("items" | "additionalProperties", there, more) if there.is_object() && more.is_object() => {
            *there = json!({ "allOf": [there, more] });
        }
        ("additionalProperties", there, more) => {
            if *more == Value::Bool(false) {
                *there = Value::Bool(false);
            }
        }
        _ => {}
    }
}

fn common_types(a: &Value, b: &Value) -> Value {
    let names = |value: &Value| match value {
        Value::Array(names) => names.clone(),
        name => vec![name.clone()],
    };
    let (a, b) = (names(a), names(b));
    let fits = |name: &&Value| b.contains(name) || **name == "integer" && b.contains(&json!("number"));
    let mut common: Vec<Value> = a.iter().filter(fits).cloned().collect();
    if a.contains(&json!("number")) && b.contains(&json!("integer")) {
        common.push(json!("integer"));
    }
    if common.is_empty() { json!(a) } else { json!(common) }
}

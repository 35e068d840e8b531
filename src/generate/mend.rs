//! Repairs a value that does not fit its schema, at the places where the validator finds errors.
//!
//! This is for keywords that the generator ignores or only approximates (`not`, `if`, `contains`,
//! `unevaluated*`, …): each round asks the validator for errors and repairs just those.
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::contract::example::is_documented;
use crate::document::number::has;
use crate::document::syntax::unescape;
use crate::generate::generator::Generator;
use crate::generate::primitive::Called;
use crate::generate::text;
use crate::schema::{Schema, SchemaError};

/// Maximum number of rounds for one value; then another attempt is made.
const ROUNDS: usize = 40;

/// Number of vain repairs of a place after which the place is left out.
const STRIKES: usize = 3;

/// Repairs a value until it fits; gives up when nothing changes any more. A place that stays wrong
/// is left out, and if that does not help, the value that contains it.
///
/// `rounds` is the number of validations left, `steps` the number of validator steps left, in all
/// attempts together.
pub(super) fn mend(
    generator: &mut Generator<'_>,
    mut value: Value,
    rounds: &mut usize,
    steps: &mut usize,
) -> Option<Value> {
    let mut strikes: HashMap<String, usize> = HashMap::new();
    for round in 0..ROUNDS.min(*rounds) {
        *rounds -= 1;
        let mut errors = generator.schema.errors_within(&value, steps);
        errors.retain(|error| !is_documented(generator.schema, &value, error));
        if errors.is_empty() {
            return Some(value);
        }
        let before = value.clone();
        let mut given_up: Vec<&str> = Vec::new();
        for error in &errors {
            let count = strikes.entry(error.pointer.clone()).or_insert(0);
            *count += 1;
            // Alternatives have many branches to try.
            let is_choice = matches!(error.keyword.as_str(), "oneOf" | "anyOf" | "not");
            if count.is_multiple_of(STRIKES) && !is_choice {
                given_up.extend(ancestor(&error.pointer, *count / STRIKES - 1));
            } else {
                mend_one(generator, &mut value, error, round);
            }
        }
        // From the end, so that the indices of other items stay valid.
        for pointer in given_up.into_iter().rev() {
            leave_out(&mut value, pointer);
        }
        if value == before {
            return None;
        }
    }
    None
}

/// Returns the pointer to the value so many levels above a place; `None` for the whole value.
fn ancestor(pointer: &str, levels: usize) -> Option<&str> {
    let mut pointer = pointer;
    for _ in 0..levels {
        pointer = pointer.rsplit_once('/')?.0;
    }
    (!pointer.is_empty()).then_some(pointer)
}

/// Removes a member or an item.
fn leave_out(root: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return;
    };
    match root.pointer_mut(parent) {
        Some(Value::Array(items)) => {
            if let Some(index) = name
                .parse::<usize>()
                .ok()
                .filter(|index| *index < items.len())
            {
                items.remove(index);
            }
        }
        Some(_) => remove(root, pointer),
        None => {}
    }
}

fn mend_one(generator: &mut Generator<'_>, root: &mut Value, error: &SchemaError, round: usize) {
    if error.pointer.matches('/').count() > crate::generate::generator::DEEPEST {
        return; // the schema demands an endless value
    }
    let schema = generator.schema;
    let any = Value::Bool(true);
    let node = node_at(schema, &error.pointer).unwrap_or(&any);
    let operand = |name: &str| error.operands.get(name).cloned().unwrap_or_default();
    if error.keyword == "falseSchema" && !error.pointer.is_empty() {
        return remove(root, &error.pointer);
    }
    let Some(at) = root.pointer_mut(&error.pointer) else {
        return;
    };
    match error.keyword.as_str() {
        "const" => *at = operand("value"),
        "enum" => {
            let values = operand("values");
            let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
            if !values.is_empty() {
                *at = values[round % values.len()].clone();
            }
        }
        "type" => {
            let types = operand("types");
            let types = types.as_array().map(Vec::as_slice).unwrap_or_default();
            if !types.is_empty() {
                *at = generator.value(
                    &json!({ "type": types[round % types.len()] }),
                    1,
                    Called::default(),
                );
            }
        }
        "oneOf" if round < ROUNDS - 8 && at.is_object() => {
            leave_branch(generator.schema, node, at, round);
        }
        "not" if round < NAMES_TRIED && leave_out_forbidden(schema, node, at, round) => {}
        "not" | "anyOf" | "oneOf" | "falseSchema" => {
            *at = other_value(generator, node, &error.keyword, round);
        }
        _ => match at {
            Value::Object(object) => mend_object(generator, object, error, node),
            Value::Array(items) => mend_array(generator, items, error, node),
            Value::String(string) => mend_string(generator, string, error),
            Value::Number(_) => mend_number(at, error),
            _ => {}
        },
    }
}

/// Changes an object that fits several branches of a `oneOf`: a property that other branches
/// declare, and not the branch that it resembles most, gets a value that they do not allow.
fn leave_branch(schema: &Schema, node: &Value, at: &mut Value, round: usize) {
    let node = schema.resolve(node);
    let branches = node
        .get("oneOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let declared: Vec<Vec<_>> = branches
        .iter()
        .map(|branch| schema.properties(branch))
        .collect();
    let has = |name: &str| at.get(name).is_some();
    let likeness =
        |properties: &[(&str, &Value)]| properties.iter().filter(|(name, _)| has(name)).count();
    // The first of equally good branches, as the value was generated from it.
    let kept = declared
        .iter()
        .rev()
        .max_by_key(|properties| likeness(properties))
        .cloned()
        .unwrap_or_default();
    let is_kept = |name: &str| kept.iter().any(|(there, _)| *there == name);
    let telling = node
        .pointer("/discriminator/propertyName")
        .and_then(Value::as_str);
    let all = || {
        declared
            .iter()
            .flatten()
            .filter(|(name, _)| Some(*name) != telling)
    };
    let others = all().filter(|(name, _)| !is_kept(name) && !has(name));
    let candidates: Vec<_> = others
        .chain(all().filter(|(name, _)| is_kept(name)))
        .collect();
    if let Some((name, property)) = candidates.get(round % candidates.len().max(1)) {
        let is_text = schema.types(property).contains(&"string");
        at[*name] = if is_text { json!(7) } else { json!("x") };
    }
}

/// Number of rounds that remove properties from an object that `not` forbids; then the object is
/// replaced by another value.
const NAMES_TRIED: usize = 8;

/// Removes one of the properties that are forbidden together: `not: {required: [a, b]}`. Returns
/// `false` if there is nothing to remove.
fn leave_out_forbidden(schema: &Schema, node: &Value, at: &mut Value, round: usize) -> bool {
    let not = schema
        .resolve(node)
        .get("not")
        .map(|not| schema.resolve(not));
    let named = not
        .and_then(|not| not.get("required"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut names: Vec<String> = named.filter_map(Value::as_str).map(str::to_owned).collect();
    let required = schema
        .resolve(node)
        .get("required")
        .and_then(Value::as_array);
    names
        .retain(|name| required.is_none_or(|required| !required.iter().any(|there| there == name)));
    let Some(object) = at.as_object_mut().filter(|_| !names.is_empty()) else {
        return false;
    };
    let last = names.len() - 1 - round % names.len();
    object.shift_remove(&names[last]).is_some()
}

/// Returns a value of another branch of `keyword`, or of another JSON type.
fn other_value(generator: &mut Generator<'_>, node: &Value, keyword: &str, round: usize) -> Value {
    let branches = generator
        .schema
        .resolve(node)
        .get(keyword)
        .and_then(Value::as_array);
    if let Some(branch) = branches.and_then(|branches| branches.get(round % branches.len().max(1)))
    {
        return generator.value(branch, 1, Called::default());
    }
    let kinds = [
        json!({}),
        json!("x"),
        json!(7),
        json!([]),
        json!(true),
        Value::Null,
        json!(1.5),
        json!(""),
        json!({ "x": 1 }),
    ];
    kinds[round % kinds.len()].clone()
}

fn mend_object(
    generator: &mut Generator<'_>,
    object: &mut Map<String, Value>,
    error: &SchemaError,
    node: &Value,
) {
    let name = error
        .operands
        .get("property")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    match error.keyword.as_str() {
        "required" => {
            let property = generator
                .schema
                .property(node, &name)
                .cloned()
                .unwrap_or_else(|| json!({ "type": "string" }));
            let value = generator.value(
                &property,
                1,
                Called {
                    name: &name,
                    owner: "",
                },
            );
            object.insert(name, value);
        }
        "additionalProperties" | "unevaluatedProperties" | "propertyNames" => {
            object.shift_remove(&name);
        }
        "maxProperties" => {
            if let Some(last) = object.keys().next_back().cloned() {
                object.shift_remove(&last);
            }
        }
        "minProperties" => {
            let name = (1..=object.len() + 1)
                .map(|n| format!("property{n}"))
                .find(|name| !object.contains_key(name));
            object.insert(name.unwrap_or_default(), json!("x"));
        }
        _ => {}
    }
}

fn mend_array(
    generator: &mut Generator<'_>,
    items: &mut Vec<Value>,
    error: &SchemaError,
    node: &Value,
) {
    match error.keyword.as_str() {
        "minItems" => {
            let item = generator
                .schema
                .items(node)
                .cloned()
                .unwrap_or_else(|| json!({ "type": "string" }));
            items.push(generator.value(&item, 1, Called::default()));
        }
        "contains" => {
            let contains = generator
                .schema
                .resolve(node)
                .get("contains")
                .cloned()
                .unwrap_or(Value::Bool(true));
            items.push(generator.value(&contains, 1, Called::default()));
        }
        "maxItems" | "additionalItems" | "items" | "unevaluatedItems" => {
            items.pop();
        }
        "uniqueItems" => {
            let mut seen: Vec<Value> = Vec::new();
            items.retain(|item| {
                let is_new = !has(&seen, item);
                seen.push(item.clone());
                is_new
            });
        }
        _ => {}
    }
}

fn mend_string(generator: &mut Generator<'_>, string: &mut String, error: &SchemaError) {
    let limit = || {
        error
            .operands
            .get("limit")
            .and_then(Value::as_u64)
            .and_then(|limit| usize::try_from(limit).ok())
    };
    match error.keyword.as_str() {
        "minLength" => {
            let missing = limit().unwrap_or(0).saturating_sub(string.chars().count());
            string.push_str(&"x".repeat(missing.min(crate::generate::generator::BUDGET)));
        }
        "maxLength" => *string = string.chars().take(limit().unwrap_or(0)).collect(),
        "pattern" | "format" => {
            *string = text::generate(&error.operands, Called::default(), &mut generator.random);
        }
        _ => {}
    }
}

fn mend_number(at: &mut Value, error: &SchemaError) {
    let (Some(number), Some(limit)) = (
        at.as_f64(),
        error.operands.get("limit").and_then(Value::as_f64),
    ) else {
        return;
    };
    let limit_as_written = error.operands.get("limit").cloned().unwrap_or_default();
    *at = match error.keyword.as_str() {
        "minimum" | "maximum" => limit_as_written,
        "exclusiveMinimum" => as_number(limit + 1.0),
        "exclusiveMaximum" => as_number(limit - 1.0),
        "multipleOf" => as_number((number / limit).round() * limit),
        _ => return,
    };
}

/// Returns an integer for a number without a fraction, so that every reader accepts it as
/// `integer`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is whole and below 2^53"
)]
fn as_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        json!(number as i64)
    } else {
        json!(number)
    }
}

fn remove(root: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return;
    };
    let name = unescape(name);
    match root.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.shift_remove(&name);
        }
        Some(Value::Array(items)) => items.truncate(name.parse().unwrap_or(0)),
        _ => {}
    }
}

/// Returns the schema of the part of an instance at a pointer, following `properties` and `items`.
fn node_at<'s>(schema: &'s Schema, pointer: &str) -> Option<&'s Value> {
    let mut node = schema.tree();
    for segment in pointer.split('/').skip(1) {
        let name = unescape(segment);
        let item = || name.parse::<usize>().ok().and_then(|_| schema.items(node));
        node = schema.property(node, &name).or_else(item)?;
    }
    Some(node)
}

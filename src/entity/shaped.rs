//! Scalars as objects: a client sends `"status": "in_progress"`, and the entity has
//! `{"value": "in_progress", "label": "In progress"}`.
//!
//! `values` asks for it where the schema of an entity has an object and a client sent a text or a number.
use serde_json::{Map, Value, json};

use crate::generate::is_uuid;
use crate::schema::name::{capitalised, folded, words};
use crate::schema::{Schema, kind_of};

/// Names of members that have the value itself, the best ones first.
const VALUES: [&str; 10] = [
    "value", "id", "gid", "uuid", "code", "key", "slug", "name", "email", "type",
];

/// Names of members that have an email address.
const EMAILS: [&str; 4] = ["email", "emailaddress", "mail", "address"];

/// Names of members that have a value in words.
const LABELS: [&str; 9] = [
    "label",
    "title",
    "text",
    "caption",
    "displayname",
    "displayvalue",
    "display",
    "localizedvalue",
    "localizedname",
];

/// Longest text in capitals that is taken for a code such as `EUR`, in bytes.
const LONGEST_CODE: usize = 3;

/// Longest text that is taken for words such as `in_progress`, in bytes.
const LONGEST_WORDS: usize = 60;

/// Returns the object of a schema that stands for a scalar; `None` if none of its members can have the scalar.
#[must_use]
pub(super) fn object_for(schema: &Schema, node: &Value, scalar: &Value) -> Option<Value> {
    let properties = schema.properties(node);
    let (main, value) = main_member(schema, node, &properties, scalar)?;
    let label = scalar.as_str().and_then(in_words);
    let mut object = Map::new();
    for (name, node) in &properties {
        if *name == main {
            object.insert(main.to_owned(), value.clone());
        } else if let Some(label) = label.as_ref().filter(|_| is_label(name, main))
            && let Some(label) = spelled(schema.resolve(node), schema, label)
        {
            object.insert((*name).to_owned(), label);
        }
    }
    Some(Value::Object(object))
}

/// Returns the member that has the scalar, and the scalar as this member has it: the only required one that can
/// have it, else the one with the best name, else the first one.
fn main_member<'s>(
    schema: &'s Schema,
    node: &'s Value,
    properties: &[(&'s str, &'s Value)],
    scalar: &Value,
) -> Option<(&'s str, Value)> {
    let able: Vec<(&str, Value)> = properties
        .iter()
        .filter_map(|(name, node)| Some((*name, taken(schema, node, scalar)?)))
        .collect();
    let mut required = able
        .iter()
        .filter(|(name, _)| schema.requires(node, name) && !is_label(name, ""));
    if let (Some(only), None) = (required.next(), required.next()) {
        return Some(only.clone());
    }
    let named = |wanted: &str| {
        let mut able = able.iter();
        able.find(|(name, _)| folded(name) == wanted)
    };
    let is_email = scalar.as_str().is_some_and(|text| text.contains('@'));
    let emails = EMAILS.iter().filter(|_| is_email);
    let best = emails.chain(&VALUES).find_map(|wanted| named(wanted));
    best.or_else(|| able.first()).cloned()
}

/// Returns the scalar as a property has it; `None` if the property cannot have it.
fn taken(schema: &Schema, node: &Value, scalar: &Value) -> Option<Value> {
    let types = schema.types(node);
    let node = schema.resolve(node);
    let kind = kind_of(scalar);
    let has_type = types.contains(&kind) || kind == "integer" && types.contains(&"number");
    let is_wrong = || {
        let format = node.get("format").and_then(Value::as_str);
        match (format, scalar.as_str()) {
            (Some("uuid"), Some(text)) => !is_uuid(text),
            (Some("email"), Some(text)) => !text.contains('@'),
            (Some("uri" | "url"), Some(text)) => !text.contains(':'),
            (Some("date" | "date-time"), Some(text)) => {
                !text.starts_with(|letter: char| letter.is_ascii_digit())
            }
            _ => false,
        }
    };
    if !has_type || is_wrong() {
        return None;
    }
    match node.get("enum").and_then(Value::as_array) {
        Some(values) if !values.contains(scalar) => {
            let plain = folded(scalar.as_str()?);
            let mut values = values.iter();
            let alike = |value: &&Value| value.as_str().is_some_and(|text| folded(text) == plain);
            values.find(alike).cloned()
        }
        _ => Some(scalar.clone()),
    }
}

/// Returns true if a member beside `main` has the value in words. A `name` has, unless it is the value itself.
fn is_label(name: &str, main: &str) -> bool {
    let plain = folded(name);
    let is_code = matches!(folded(main).as_str(), "value" | "code" | "key" | "slug");
    LABELS.contains(&plain.as_str()) || plain == "name" && is_code
}

/// Returns a value in words: `In progress` for `in_progress`; `None` for text that is no word, such as an id.
fn in_words(text: &str) -> Option<String> {
    let is_word = |letter: char| letter.is_alphabetic() || "_- ".contains(letter);
    if text.is_empty() || text.len() > LONGEST_WORDS || !text.chars().all(is_word) {
        return None;
    }
    let is_shouted = !text.chars().any(char::is_lowercase);
    // A code such as `EUR` is no word.
    if is_shouted && text.len() <= LONGEST_CODE && text.chars().all(char::is_alphabetic) {
        return Some(text.to_owned());
    }
    let text = if is_shouted {
        text.to_lowercase()
    } else {
        text.to_owned()
    };
    Some(capitalised(&words(&text).join(" "))).filter(|label| !label.is_empty())
}

/// Returns a label in the form that its property allows.
fn spelled(node: &Value, schema: &Schema, label: &str) -> Option<Value> {
    let is_text = schema.types(node).contains(&"string");
    let is_bound = ["pattern", "format", "const"]
        .iter()
        .any(|keyword| node.get(*keyword).is_some());
    let most = node.get("maxLength").and_then(Value::as_u64);
    let is_long = most.is_some_and(|most| label.chars().count() as u64 > most);
    if !is_text || is_bound || is_long {
        return None;
    }
    match node.get("enum").and_then(Value::as_array) {
        Some(values) => {
            let mut values = values.iter().filter(|value| value.is_string());
            let plain = folded(label);
            let alike = |value: &&Value| value.as_str().is_some_and(|text| folded(text) == plain);
            values.find(alike).cloned()
        }
        None => Some(json!(label)),
    }
}

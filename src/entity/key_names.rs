//! Members of an answer that have the key of an entity under another name than the entity itself:
//! `id` here and `uuid` there, or an `id` beside the entity.
//!
//! `body` sets them, so that a client can go on with the key that it finds.
use serde_json::{Value, json};

use crate::codec::style::typed;
use crate::document::syntax::find;
use crate::entity::EntityRequest;
use crate::schema::Schema;
use crate::schema::name::folded;

/// Returns true if a name is one for the key of an entity with this noun: `id`, `jobId`.
fn is_id(name: &str, noun: &str) -> bool {
    let name = folded(name);
    let end = name.strip_prefix(noun).unwrap_or(&name);
    matches!(end, "id" | "uuid" | "guid" | "sid" | "uid")
}

/// Sets the key in the members of a shown entity that are named as keys, if it shows none of the
/// property that is the key.
pub(crate) fn show_key(
    asked: &EntityRequest<'_>,
    (shown, key): (&mut Value, &str),
    schema: Option<&Schema>,
    pointer: &str,
) {
    let Some((own, schema)) = asked.collection.key.as_ref().zip(schema) else {
        return;
    };
    let (Some(own), Value::Object(object)) = (own.name(), shown) else {
        return;
    };
    let Some(node) = find(schema.root(), pointer).filter(|_| !object.contains_key(own)) else {
        return;
    };
    let properties = schema.properties(node);
    if properties.iter().any(|(name, _)| *name == own) {
        return;
    }
    for (name, node) in properties {
        let is_meant = is_id(name, &asked.collection.noun) && !object.contains_key(name);
        let value = typed(schema, node, key);
        if is_meant && schema.types(node).contains(&kind_of(&value)) {
            object.insert(name.to_owned(), value);
        }
    }
}

/// Sets the key in the members beside an entity that has none itself: the `id` of `{"id": 7,
/// "result": {…}}`.
pub(crate) fn show_key_beside(
    asked: &EntityRequest<'_>,
    key: &str,
    way: &[String],
    value: &mut Value,
) {
    if asked.collection.key.is_some() {
        return;
    }
    let mut at = value;
    for step in way {
        let Value::Object(object) = at else { return };
        for (name, member) in object.iter_mut() {
            let named = || is_id(name, &asked.collection.noun) && name != step;
            if member.is_string() && named() {
                *member = json!(key);
            } else if member.is_number()
                && named()
                && let Ok(number) = key.parse::<u64>()
            {
                *member = json!(number);
            }
        }
        let Some(next) = at.get_mut(step) else { return };
        at = next;
    }
}

/// Returns the type of a key, as a schema names it.
fn kind_of(key: &Value) -> &'static str {
    match key {
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        _ => "string",
    }
}

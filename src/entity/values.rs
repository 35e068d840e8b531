//! Checks, converts and orders the members of entities by their schema.
use serde_json::{Map, Value, json};

use crate::codec::style::typed;
use crate::entity::error::EntityError;
use crate::entity::shaped::object_for;
use crate::resource::role::Collection;
use crate::schema::kind_of;
use crate::schema::schemas::Declared;
use crate::schema::{Schema, SchemaError};

/// Returns `true` if the request's schema marks a property read-only; `None` if it does not
/// declare the property.
pub(crate) fn refused(sent: &Schema, name: &str) -> Option<bool> {
    let declared = sent.declaration(name).map(|declared| declared.is_read_only);
    declared.or_else(|| {
        sent.property(sent.tree(), name)
            .map(|node| sent.is_read_only(node))
    })
}

/// Returns `true` if a value is null or has one of the types, or if there are no types; an integer
/// is also a number.
pub(crate) fn takes(types: &[&str], value: &Value) -> bool {
    let kind = kind_of(value);
    types.is_empty()
        || value.is_null()
        || types.contains(&kind)
        || kind == "integer" && types.contains(&"number")
}

/// Sorts the members of an object in the order of their declarations, undeclared ones last.
pub(crate) fn in_order(entity: Value, declared: &[Declared]) -> Value {
    let Value::Object(mut object) = entity else {
        return entity;
    };
    let place = |name: &String| {
        declared
            .iter()
            .position(|declared| declared.name == *name)
            .unwrap_or(declared.len())
    };
    if object.keys().is_sorted_by_key(place) {
        return Value::Object(object);
    }
    let mut ordered = Map::new();
    for Declared { name, .. } in declared {
        if let Some((name, value)) = object.shift_remove_entry(name) {
            ordered.insert(name, value);
        }
    }
    ordered.extend(object);
    Value::Object(ordered)
}

/// Returns the key of an entity that the user supplies: `index`, if the collection has no key
/// property.
///
/// # Errors
///
/// [`EntityError`], if the entity is no object, or if its key is missing, empty, or neither text
/// nor number.
pub(crate) fn keyed(
    collection: &Collection,
    entity: &Value,
    index: usize,
) -> Result<String, EntityError> {
    let object = entity
        .as_object()
        .ok_or(EntityError::NotAnObject { index })?;
    let Some(key) = &collection.key else {
        return Ok(index.to_string());
    };
    let value = key
        .value_in(object)
        .filter(|value| value.is_string() || value.is_number());
    value
        .and_then(|value| key.read(value))
        .ok_or_else(|| EntityError::NoKey {
            index,
            key: key.to_string(),
            collection: collection.name.clone(),
        })
}

/// Returns the first violation of the collection's schema by an entity.
#[must_use]
pub(crate) fn misfit(collection: &Collection, entity: &Value) -> Option<SchemaError> {
    let errors = collection.entity.as_ref()?.errors(entity).ok()?;
    errors.into_iter().next()
}

/// Converts a value to the form that the schema declares, where requests and responses differ:
/// `["a@b.c"]` becomes `[{"address": "a@b.c"}]`. Returns `None` if that is not possible.
#[must_use]
pub(crate) fn adapt(schema: &Schema, node: &Value, value: &Value, depth: usize) -> Option<Value> {
    const DEEPEST: usize = 6;
    let types = schema.types(node);
    let is_taken = takes(&types, value);
    let takes = |name: &str| types.is_empty() || types.contains(&name);
    if value.is_null() {
        return Some(Value::Null);
    }
    if depth > DEEPEST {
        return Some(value.clone());
    }
    match value {
        Value::Array(items) if takes("array") => {
            let Some(node) = schema.items(node) else {
                return Some(value.clone());
            };
            Some(
                items
                    .iter()
                    .filter_map(|item| adapt(schema, node, item, depth + 1))
                    .collect(),
            )
        }
        Value::Object(object) if takes("object") => {
            let adapted = object.iter().filter_map(|(name, value)| {
                let adapted = match schema.property(node, name) {
                    Some(node) => adapt(schema, node, value, depth + 1)?,
                    None => value.clone(),
                };
                Some((name.clone(), adapted))
            });
            Some(Value::Object(adapted.collect()))
        }
        value if is_taken => Some(value.clone()),
        value if takes("array") && !value.is_array() => {
            adapt(schema, schema.items(node)?, value, depth + 1).map(|item| json!([item]))
        }
        Value::String(_) | Value::Number(_) if takes("object") => object_for(schema, node, value),
        Value::String(text) => Some(typed(schema, node, text)).filter(|value| !value.is_string()),
        Value::Number(number) if takes("string") => Some(json!(number.to_string())),
        Value::Object(object) => {
            let named = ["id", "_id", "name"]
                .iter()
                .find_map(|name| object.get(*name))?;
            adapt(schema, node, named, depth + 1)
        }
        _ => None,
    }
}

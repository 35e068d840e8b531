//! Evidence in an operation about the entity that it reads, creates or names.
use std::sync::Arc;

use serde_json::Value;

use crate::contract::Operation;
use crate::contract::terms::{Location, MediaType};
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Returns the first JSON media type, or else the first of any kind.
pub(crate) fn json(content: &[MediaType]) -> Option<&MediaType> {
    content
        .iter()
        .find(|media| media.range.is_json())
        .or_else(|| content.first())
}

/// Returns the schema of the success response, preferably that of JSON.
pub(crate) fn answered(operation: &Operation) -> Option<&Arc<Schema>> {
    let (_, response) = operation.success()?;
    json(&response.content)?.schema.as_ref()
}

/// Returns the schema of the request body, preferably that of JSON.
pub(crate) fn sent_schema(operation: &Operation) -> Option<&Arc<Schema>> {
    json(&operation.compiled().body.as_ref()?.content)?
        .schema
        .as_ref()
}

/// Returns true if the documentation of an operation says that it updates an existing entity:
/// `create or update`.
pub(crate) fn is_upsert(operation: &Operation) -> bool {
    const SAYINGS: [&str; 8] = [
        "register or update",
        "registers or updates",
        "create or update",
        "creates or updates",
        "add or update",
        "upsert",
        "insert or update",
        "create or replace",
    ];
    let said = operation.compiled().said.to_lowercase();
    SAYINGS.iter().any(|saying| said.contains(saying))
}

/// Returns true if two schemas cannot describe one entity: a property of both has only one value, and not the
/// same one, as `object: charge` and `object: refund`. One of several alternatives may be the same.
#[must_use]
pub(crate) fn are_of_other_kinds(one: &Schema, other: &Schema) -> bool {
    let only = |schema: &Schema, node: &Value| -> Option<Value> {
        let node = schema.resolve(node);
        if let Some(value) = node.get("const") {
            return Some(value.clone());
        }
        match node.get("enum")?.as_array()?.as_slice() {
            [value] => Some(value.clone()),
            _ => None,
        }
    };
    let has_alternatives = |schema: &Schema| {
        let node = schema.resolve(schema.tree());
        node.get("anyOf").or(node.get("oneOf")).is_some()
    };
    if has_alternatives(one) || has_alternatives(other) {
        return false;
    }
    let mut properties = one.properties(one.tree()).into_iter();
    properties.any(|(name, node)| {
        let there = other.property(other.tree(), name);
        let values = only(one, node).zip(there.and_then(|there| only(other, there)));
        values.is_some_and(|(own, other)| own != other)
    })
}

/// Returns the property that identifies an entity when it is sent again, such as `token`.
pub(crate) fn natural_key(operation: &Operation) -> Option<String> {
    const NAMES: [&str; 10] = [
        "token",
        "externalid",
        "key",
        "slug",
        "code",
        "uuid",
        "id",
        "username",
        "email",
        "name",
    ];
    let schema = sent_schema(operation)?;
    let properties = schema.properties(schema.tree());
    let named = |wanted: &str| {
        properties
            .iter()
            .find(|(name, _)| folded(name) == wanted)
            .map(|(name, _)| (*name).to_owned())
    };
    NAMES.iter().find_map(|name| named(name))
}

/// Returns the one name in the query or the body of an operation whose last word is `id`; `None` if
/// there is none, or more than one.
#[must_use]
pub(crate) fn only_id(operation: &Operation) -> Option<String> {
    let is_id = |name: &str| words(name).last().is_some_and(|word| word == "id");
    let in_query = operation
        .compiled()
        .parameters
        .iter()
        .filter(|parameter| parameter.location == Location::Query);
    let mut names: Vec<String> = in_query
        .map(|parameter| parameter.name.clone())
        .filter(|name| is_id(name))
        .collect();
    if let Some(schema) = sent_schema(operation) {
        let properties = schema.properties(schema.tree()).into_iter();
        names.extend(
            properties
                .map(|(name, _)| name.to_owned())
                .filter(|name| is_id(name)),
        );
    }
    names.dedup();
    match names.as_slice() {
        [name] => Some(name.clone()),
        _ => None,
    }
}

//! Checks of the schemas of a document: satisfiable, `required` names known properties,
//! discriminators map to existing schemas.
//!
//! `inspect` runs these checks.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::inspect::weaken::weaken;
use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::names::nearest;
use crate::document::reference::{local_pointer, mapped};
use crate::document::shape::ObjectKind;
use crate::document::syntax::{find, join};
use crate::document::visit::visit;
use crate::schema::{Schemas, contradiction};

/// Returns diagnostics for suspicious schemas of a document: wrong names in `required` and
/// discriminators first, in document order, then schemas that no value fits.
pub(crate) fn suspicious(schemas: &Schemas) -> Vec<Diagnostic> {
    let (tree, source) = (schemas.tree(), schemas.source());
    let mut found = Vec::new();
    let mut excluded = HashSet::new();
    let mut candidates = Vec::new();
    visit(
        ObjectKind::Document,
        tree,
        "",
        &mut |kind, value, pointer| {
            let Some(schema) = value.as_object().filter(|_| kind == ObjectKind::Schema) else {
                return;
            };
            let wrong = unknown_required(schema, pointer, source);
            if !wrong.is_empty() {
                excluded.insert(pointer.to_owned());
            }
            found.extend(wrong);
            found.extend(unknown_mapping(tree, schema, pointer, source));
            if may_contradict(schema) {
                candidates.push(pointer.to_owned());
            }
        },
    );
    found.extend(unsatisfiable(tree, source, candidates, excluded));
    found
}

/// Returns a diagnostic for each name in `required` that the schema forbids, or that is most
/// likely a misspelt property.
fn unknown_required(
    schema: &Map<String, Value>,
    pointer: &str,
    source: &Arc<Source>,
) -> Vec<Diagnostic> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let names: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false))
        && !schema.contains_key("patternProperties");
    let mut found = Vec::new();
    for (index, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| !properties.contains_key(**name))
    {
        let others = properties
            .keys()
            .map(String::as_str)
            .filter(|property| !names.contains(property));
        let meant = nearest(name, others);
        let message = match (meant, is_closed) {
            (_, true) => {
                format!("`required` names `{name}`, which `additionalProperties: false` forbids")
            }
            (Some(_), false) => format!("`required` names `{name}`, which is not in `properties`"),
            (None, false) => continue,
        };
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                "no object fits the schema; add it to `properties` or take it out of `required`"
                    .to_owned()
            }
        };
        let place = Place::value(source, join(&join(pointer, "required"), &index.to_string()));
        found.push(Diagnostic::at(Code::UnknownRequired, place, message).help(help));
    }
    found
}

/// Returns a diagnostic for each discriminator mapping to a schema that does not exist.
fn unknown_mapping(
    tree: &Value,
    schema: &Map<String, Value>,
    pointer: &str,
    source: &Arc<Source>,
) -> Vec<Diagnostic> {
    let mapping = schema
        .get("discriminator")
        .and_then(|discriminator| discriminator.get("mapping"));
    let mut found = Vec::new();
    for (name, to) in mapping.and_then(Value::as_object).into_iter().flatten() {
        let target = mapped(to).and_then(|to| local_pointer(&to));
        // References to other files were followed, or reported, when the document was read.
        let Some(target) = target.filter(|target| find(tree, target).is_none()) else {
            continue;
        };
        let place = Place::value(
            source,
            join(&join(&join(pointer, "discriminator"), "mapping"), name),
        );
        let wanted = target.rsplit('/').next().unwrap_or_default();
        let components = tree
            .pointer("/components/schemas")
            .and_then(Value::as_object);
        let meant = nearest(
            wanted,
            components
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str),
        );
        let message = format!(
            "the discriminator maps `{name}` to `{}`, which does not exist",
            to.as_str().unwrap_or("")
        );
        let help = match meant {
            Some(meant) => format!("did you mean `#/components/schemas/{meant}`?"),
            None => "write the name of a component, or a reference to a schema".to_owned(),
        };
        found.push(Diagnostic::at(Code::UnknownMapping, place, message).help(help));
    }
    found
}

/// Returns true if a schema has keywords that could contradict each other.
fn may_contradict(schema: &Map<String, Value>) -> bool {
    const LOWER: [&str; 5] = [
        "minimum",
        "exclusiveMinimum",
        "minLength",
        "minItems",
        "minProperties",
    ];
    const UPPER: [&str; 5] = [
        "maximum",
        "exclusiveMaximum",
        "maxLength",
        "maxItems",
        "maxProperties",
    ];
    let has = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
    has(&["allOf"])
        || has(&LOWER) && has(&UPPER)
        || has(&["enum", "const"]) && schema.len() > 1
        || has(&["anyOf", "oneOf"]) && has(&["type", "properties", "required"])
        || has(&["required"]) && has(&["maxProperties"])
        || has(&["prefixItems", "uniqueItems"]) && has(&["minItems"])
}

/// Returns a diagnostic for each candidate that no value fits, except those that only contain, or
/// refer to, another one.
fn unsatisfiable(
    tree: &Value,
    source: &Arc<Source>,
    candidates: Vec<String>,
    mut excluded: HashSet<String>,
) -> Vec<Diagnostic> {
    let proved =
        |pointer: &str, excluded: &HashSet<String>| contradiction(&weaken(tree, pointer, excluded));
    let suspects: Vec<String> = candidates
        .into_iter()
        .filter(|pointer| !excluded.contains(pointer) && proved(pointer, &excluded).is_some())
        .collect();
    excluded.extend(suspects.iter().cloned());
    let mut found = Vec::new();
    for pointer in suspects {
        excluded.remove(&pointer);
        let keywords = proved(&pointer, &excluded);
        excluded.insert(pointer.clone());
        if let Some(keywords) = keywords {
            let message = format!("no value fits the schema: {keywords} contradict each other");
            let place = Place::value(source, pointer);
            let help = "every value is rejected; correct one of them, or use an overlay";
            found.push(Diagnostic::at(Code::UnsatisfiableSchema, place, message).help(help));
        }
    }
    found
}

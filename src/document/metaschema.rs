//! Meta-schemas of JSON Schema, built in, so that documents can refer to them without the network.
//!
//! Each is one tree whose references are local, so that it can be a part of any document. This is
//! the only file that names `referencing`.
use referencing::meta;
use serde_json::{Map, Value, json};

/// Returns the meta-schema of a URI, with any scheme and with or without `#` at its end; `None` if
/// the URI is not that of a meta-schema.
#[must_use]
pub(super) fn built_in(uri: &str) -> Option<Value> {
    let name = uri
        .split_once("://")
        .map(|(_, rest)| rest.trim_end_matches('#'))?;
    let (schema, vocabularies): (&Value, &[(&str, &Value)]) =
        match name.strip_prefix("json-schema.org/")? {
            "draft-04/schema" => (&meta::DRAFT4, &[]),
            "draft-06/schema" => (&meta::DRAFT6, &[]),
            "draft-07/schema" => (&meta::DRAFT7, &[]),
            "draft/2019-09/schema" => (
                &meta::DRAFT201909,
                &[
                    ("meta/core", &meta::DRAFT201909_CORE),
                    ("meta/applicator", &meta::DRAFT201909_APPLICATOR),
                    ("meta/validation", &meta::DRAFT201909_VALIDATION),
                    ("meta/meta-data", &meta::DRAFT201909_META_DATA),
                    ("meta/format", &meta::DRAFT201909_FORMAT),
                    ("meta/content", &meta::DRAFT201909_CONTENT),
                ],
            ),
            "schema" | "draft/2020-12/schema" => (
                &meta::DRAFT202012,
                &[
                    ("meta/core", &meta::DRAFT202012_CORE),
                    ("meta/applicator", &meta::DRAFT202012_APPLICATOR),
                    ("meta/unevaluated", &meta::DRAFT202012_UNEVALUATED),
                    ("meta/validation", &meta::DRAFT202012_VALIDATION),
                    ("meta/meta-data", &meta::DRAFT202012_META_DATA),
                    (
                        "meta/format-annotation",
                        &meta::DRAFT202012_FORMAT_ANNOTATION,
                    ),
                    ("meta/content", &meta::DRAFT202012_CONTENT),
                ],
            ),
            _ => return None,
        };
    let mut tree = local(schema, "");
    let parts: Map<String, Value> = vocabularies
        .iter()
        .map(|(name, part)| {
            (
                (*name).to_owned(),
                local(part, &format!("/$defs/{}", name.replace('/', "~1"))),
            )
        })
        .collect();
    if !parts.is_empty() {
        tree["$defs"] = Value::Object(parts);
    }
    Some(tree)
}

/// Rewrites the references of a meta-schema for its place at the pointer `at` of a document.
/// Returns true if the URI is that of a meta-schema.
pub(super) fn place(value: &mut Value, uri: &str, at: &str) -> bool {
    if built_in(uri).is_none() {
        return false;
    }
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(text)) = object.get_mut("$ref") {
                    text.insert_str(1, at);
                }
                open.extend(object.values_mut());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    true
}

/// Returns a schema whose references are local to the one tree that has it at `at`.
fn local(schema: &Value, at: &str) -> Value {
    let mut schema = schema.clone();
    localise(&mut schema, at, true);
    schema
}

fn localise(value: &mut Value, at: &str, is_schema: bool) {
    match value {
        Value::Object(object) => {
            // Below `properties` the same words are names.
            if is_schema {
                for keyword in [
                    "$id",
                    "id",
                    "$schema",
                    "$vocabulary",
                    "$dynamicAnchor",
                    "$recursiveAnchor",
                ] {
                    object.shift_remove(keyword);
                }
                // Before draft-06 this keyword said that `minimum` is exclusive.
                if object.get("exclusiveMinimum") == Some(&json!(true)) {
                    let bound = object.shift_remove("minimum").unwrap_or_default();
                    object.insert("exclusiveMinimum".to_owned(), bound);
                }
                if object
                    .shift_remove("$dynamicRef")
                    .or_else(|| object.shift_remove("$recursiveRef"))
                    .is_some()
                {
                    object.insert("$ref".to_owned(), json!("#"));
                } else if let Some(Value::String(text)) = object.get_mut("$ref") {
                    *text = match text.strip_prefix('#') {
                        Some(pointer) => format!("#{at}{pointer}"),
                        None => {
                            let (part, pointer) = text.split_once('#').unwrap_or((text, ""));
                            format!("#/$defs/{}{pointer}", part.replace('/', "~1"))
                        }
                    };
                }
            }
            for (name, member) in object.iter_mut() {
                let is_map =
                    is_schema && matches!(name.as_str(), "properties" | "$defs" | "definitions");
                localise(member, at, !is_map);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| localise(item, at, true)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        for name in [
            "draft-04/schema",
            "draft-06/schema#",
            "draft-07/schema",
            "draft/2019-09/schema",
            "draft/2020-12/schema",
        ] {
            let tree = built_in(&format!("http://json-schema.org/{name}")).expect("is built in");
            let mut open = vec![&tree];
            let mut count = 0;
            while let Some(value) = open.pop() {
                if let Some(text) = value.get("$ref").and_then(Value::as_str) {
                    let pointer = text.strip_prefix('#').expect("is local");
                    assert!(tree.pointer(pointer).is_some(), "{name}: {text}");
                    count += 1;
                }
                open.extend(value.as_object().into_iter().flat_map(Map::values));
                open.extend(value.as_array().into_iter().flatten());
            }
            assert!(count > 5, "{name}");
            assert!(tree["properties"].is_object() || tree["allOf"].is_array());
        }
        assert!(built_in("https://example.com/draft-04/schema").is_none());
    }
}

//! Upgrades every version of OpenAPI to one internal shape, with schemas in JSON Schema 2020-12.
//!
//! No later stage depends on the version. Mistakes by the rules of the document's own version are
//! left to `repair`, which runs before the schemas are upgraded.

mod construct;
mod v2;
mod version;
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::extent::{Extent, Origin};
use crate::document::shape::{ObjectKind, each_object};
use crate::document::upgrade::construct::Constructs;
pub(super) use crate::document::upgrade::v2::rewrite_words;
use crate::document::upgrade::version::{UnsupportedVersion, Version};

/// Returns true if a tree says that it is an OpenAPI document, of any version.
#[must_use]
pub(super) fn is_openapi(tree: &Value) -> bool {
    tree.get("openapi").is_some() || tree.get("swagger").is_some()
}

/// Checks that the version of a document is supported.
///
/// # Errors
///
/// Returns a diagnostic that names the version.
pub(super) fn check_version(tree: &Value, source: &Arc<Source>) -> Result<(), Diagnostic> {
    version(tree).map(|_| ()).map_err(|error| {
        let field = if tree.get("swagger").is_some() {
            "/swagger"
        } else {
            "/openapi"
        };
        Diagnostic::at(
            Code::UnsupportedVersion,
            Place::value(source, field),
            error.to_string(),
        )
        .help("OpenAPI 2.0, 3.0, 3.1 and 3.2 are; convert the document to one of them")
    })
}

/// Returns the structure of a document: OpenAPI 2.0 or 3.x.
#[must_use]
pub(super) fn origin(tree: &Value) -> Origin {
    if version(tree) == Ok(Version::V2) {
        Origin::V2
    } else {
        Origin::V3
    }
}

/// Brings the document into the structure of 3.x, and notes the necessary moves in `source`.
pub(super) fn restructure(tree: &mut Value, source: &Arc<Source>) {
    if version(tree) == Ok(Version::V2) {
        source.note_moves(v2::restructure(tree));
    }
}

/// Brings the schemas of a document in the structure of 3.x into JSON Schema 2020-12.
///
/// A part that is itself a document has its own version; other parts have that of the root
/// document. Constructs of another version are reported.
pub(super) fn upgrade(
    tree: &mut Value,
    extents: &[Extent],
    source: &Arc<Source>,
) -> Vec<Diagnostic> {
    let Ok(of_all) = version(tree) else {
        return Vec::new();
    };
    let mut constructs = Constructs::default();
    for (kind, at) in extents {
        let Some(part) = tree.pointer_mut(at) else {
            continue;
        };
        let version = if *kind == ObjectKind::Document {
            version(part).unwrap_or(of_all)
        } else {
            of_all
        };
        each_object(*kind, part, at, &mut |kind, object, at| {
            constructs.look(kind, object, at, version);
            if kind == ObjectKind::Schema {
                upgrade_schema(object, version);
            }
        });
    }
    tree["openapi"] = json!("3.1.1");
    constructs.report(source)
}

fn version(tree: &Value) -> Result<Version, UnsupportedVersion> {
    let found = tree
        .get("openapi")
        .or_else(|| tree.get("swagger"))
        .unwrap_or(&Value::Null);
    let text = found
        .as_str()
        .map_or_else(|| found.to_string(), str::to_owned);
    match text.trim() {
        "2" | "2.0" => Ok(Version::V2),
        text if text == "3.0" || text.starts_with("3.0.") => Ok(Version::V30),
        text if text == "3" || text == "3.1" || text.starts_with("3.1.") => Ok(Version::V31),
        text if text == "3.2" || text.starts_with("3.2.") => Ok(Version::V32),
        other => Err(UnsupportedVersion {
            found: other.to_owned(),
        }),
    }
}

fn upgrade_schema(value: &mut Value, version: Version) {
    let Some(schema) = value.as_object_mut() else {
        return;
    };
    // Most schemas need few changes, and looking up each keyword costs more than the change.
    let mut has = Touched::default();
    schema
        .iter()
        .for_each(|(keyword, value)| has.note(keyword, value));
    let nullable = has.nullable && schema.shift_remove("nullable") == Some(Value::Bool(true));
    if version == Version::V30 && has.reference {
        // OpenAPI 3.0.4 §4.7.23: siblings of `$ref` shall be ignored.
        schema.retain(|keyword, _| keyword == "$ref");
        has = Touched::default();
    }
    if has.format {
        integer_format(schema);
    }
    if has.bound {
        exclusive_bound(schema, "exclusiveMinimum", "minimum");
        exclusive_bound(schema, "exclusiveMaximum", "maximum");
    }
    if has.tuple {
        tuple(schema);
    }
    if has.required
        && let Some(Value::Array(names)) = schema.get_mut("required")
    {
        // JSON Schema wants unique names, and the schema compiler counts them.
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
    }
    if has.example
        && let Some(example) = schema.shift_remove("example")
        && !schema.contains_key("examples")
    {
        schema.insert("examples".to_owned(), json!([example]));
    }
    if nullable {
        allow_null(value);
    }
}

/// Keywords of a schema that may have to be changed.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one keyword")]
struct Touched {
    nullable: bool,
    reference: bool,
    format: bool,
    bound: bool,
    tuple: bool,
    required: bool,
    example: bool,
}

impl Touched {
    fn note(&mut self, keyword: &str, value: &Value) {
        match keyword {
            "nullable" => self.nullable = true,
            "$ref" => self.reference = true,
            "format" => self.format = true,
            "exclusiveMinimum" | "exclusiveMaximum" => self.bound = true,
            "items" => self.tuple = value.is_array(),
            "required" => self.required = value.as_array().is_some_and(|names| names.len() > 1),
            "example" => self.example = true,
            _ => {}
        }
    }
}

/// Adds the bounds that the format of an integer implies (OpenAPI format registry), because every
/// validator asserts bounds.
fn integer_format(schema: &mut Map<String, Value>) {
    let is_integer = schema.get("type").is_some_and(|kind| {
        kind == "integer"
            || kind
                .as_array()
                .is_some_and(|kinds| kinds.contains(&json!("integer")))
    });
    let Some(format) = schema
        .get("format")
        .and_then(Value::as_str)
        .filter(|_| is_integer)
    else {
        return;
    };
    let (least, most) = match format {
        "int8" => (json!(i8::MIN), json!(i8::MAX)),
        "int16" => (json!(i16::MIN), json!(i16::MAX)),
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "int64" => (json!(i64::MIN), json!(i64::MAX)),
        "uint8" => (json!(0), json!(u8::MAX)),
        "uint16" => (json!(0), json!(u16::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint64" => (json!(0), json!(u64::MAX)),
        _ => return,
    };
    if !schema.contains_key("minimum")
        && !schema.get("exclusiveMinimum").is_some_and(Value::is_number)
    {
        schema.insert("minimum".to_owned(), least);
    }
    if !schema.contains_key("maximum")
        && !schema.get("exclusiveMaximum").is_some_and(Value::is_number)
    {
        schema.insert("maximum".to_owned(), most);
    }
}

/// Replaces a boolean `exclusiveMinimum` and `minimum` with a number (likewise for `maximum`).
fn exclusive_bound(schema: &mut Map<String, Value>, exclusive: &str, inclusive: &str) {
    let Some(Value::Bool(is_exclusive)) = schema.get(exclusive).cloned() else {
        return;
    };
    schema.shift_remove(exclusive);
    if is_exclusive && let Some(bound) = schema.shift_remove(inclusive) {
        schema.insert(exclusive.to_owned(), bound);
    }
}

/// Renames a list of schemas in `items` to `prefixItems`, and `additionalItems` to `items`.
fn tuple(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(_)) = schema.get("items")
        && let Some(items) = schema.shift_remove("items")
    {
        schema.insert("prefixItems".to_owned(), items);
        if let Some(additional) = schema.shift_remove("additionalItems") {
            schema.insert("items".to_owned(), additional);
        }
    }
}

fn is_annotation(keyword: &str) -> bool {
    const KEYWORDS: [&str; 9] = [
        "title",
        "description",
        "readOnly",
        "writeOnly",
        "deprecated",
        "default",
        "examples",
        "xml",
        "externalDocs",
    ];
    KEYWORDS.contains(&keyword) || keyword.starts_with("x-")
}

fn allow_null(value: &mut Value) {
    let Some(schema) = value.as_object_mut() else {
        return;
    };
    let composed = ["$ref", "allOf", "anyOf", "oneOf", "not"]
        .iter()
        .any(|k| schema.contains_key(*k));
    if composed {
        // Null is allowed beside the inner schema, even where that forbids it. Annotations do not
        // constrain the value and stay at the top, where they are looked up.
        let mut inner = Map::new();
        for keyword in schema
            .keys()
            .filter(|keyword| !is_annotation(keyword))
            .cloned()
            .collect::<Vec<_>>()
        {
            inner.extend(schema.shift_remove(&keyword).map(|value| (keyword, value)));
        }
        schema.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
        return;
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) if !types.contains(&json!("null")) => types.push(json!("null")),
        Some(name @ Value::String(_)) if *name != "null" => *name = json!([name, "null"]),
        _ => {}
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded(mut schema: Value, version: Version) -> Value {
        upgrade_schema(&mut schema, version);
        schema
    }

    #[test]
    fn nullable_joins_the_types_and_the_enum() {
        let schema = json!({"type": "string", "enum": ["a"], "nullable": true});
        let expected = json!({"type": ["string", "null"], "enum": ["a", null]});
        assert_eq!(upgraded(schema, Version::V30), expected);
    }

    #[test]
    fn nullable_beside_a_reference_allows_null_from_outside() {
        let schema = json!({"$ref": "#/components/schemas/A", "nullable": true, "maxLength": 1});
        let expected = json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]});
        assert_eq!(upgraded(schema, Version::V30), expected);
    }

    #[test]
    fn nullable_leaves_what_does_not_constrain_outside() {
        let schema =
            json!({"allOf": [{"$ref": "#/x"}], "nullable": true, "readOnly": true, "maxLength": 1});
        let inner = json!({"allOf": [{"$ref": "#/x"}], "maxLength": 1});
        assert_eq!(
            upgraded(schema, Version::V30),
            json!({"readOnly": true, "anyOf": [inner, {"type": "null"}]})
        );
    }

    #[test]
    fn siblings_of_a_reference_count_from_3_1_on() {
        let schema = json!({"$ref": "#/x", "maxLength": 1});
        assert_eq!(upgraded(schema.clone(), Version::V31), schema);
        assert_eq!(upgraded(schema, Version::V30), json!({"$ref": "#/x"}));
    }

    #[test]
    fn boolean_bounds_become_numbers() {
        let schema = json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false});
        assert_eq!(
            upgraded(schema, Version::V30),
            json!({"exclusiveMinimum": 1, "maximum": 9})
        );
    }

    #[test]
    fn a_list_of_items_becomes_prefix_items() {
        let schema = json!({"items": [{"type": "string"}], "additionalItems": false});
        let expected = json!({"prefixItems": [{"type": "string"}], "items": false});
        assert_eq!(upgraded(schema, Version::V31), expected);
    }
}

//! Is an unknown field a misspelling of a known one?
//!
//! `shape` lists the fields that the later stages read; this file adds the others that the
//! standards have, so that only names unknown to every standard count as mistakes: `paramters` for
//! `parameters`. `repair` reports them in documents; in fixtures an unknown keyword is an error.
use serde_json::{Map, Value};

use crate::document::shape::{Members, ObjectKind};
use crate::document::syntax::join;
use crate::document::visit::visit;

/// Returns true if a standard has a field called `name` in objects of this kind.
#[must_use]
pub(crate) fn is_known(kind: ObjectKind, name: &str) -> bool {
    name.starts_with("x-")
        || others(kind).contains(&name)
        || fields(kind).any(|known| known == name)
}

/// Returns the known field that the unknown `name` most likely means, unless the object has it
/// already: `required` for `require`, `readOnly` for `read_only`.
#[must_use]
pub(crate) fn meant(
    kind: ObjectKind,
    name: &str,
    object: &Map<String, Value>,
) -> Option<&'static str> {
    let candidates = fields(kind).chain(others(kind).iter().copied());
    nearest(
        name,
        candidates.filter(|known| !object.contains_key(*known)),
    )
}

/// Returns the candidate closest to `name`, if they differ no more than by a slip: in case and
/// separators, in two letters that changed places from three letters on (`gte` for `get`), in one
/// letter from four letters on, in two from eight on.
#[must_use]
pub(crate) fn nearest<'n>(
    name: &str,
    candidates: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let name = plain(name);
    let length = name.chars().count();
    let most = match length {
        0..3 => 0,
        3..8 => 1,
        _ => 2,
    };
    let letters = sorted(&name);
    let candidates = candidates.filter(|known| length != 3 || letters == sorted(&plain(known)));
    let scored = candidates.map(|known| (distance(&name, &plain(known), most), known));
    let (least, known) = scored.min_by_key(|(distance, _)| *distance)?;
    (least <= most).then_some(known)
}

fn sorted(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.chars().collect();
    letters.sort_unstable();
    letters
}

/// Returns the optimal string alignment distance, or `most + 1` if the lengths alone exceed the
/// limit.
fn distance(name: &str, known: &str, most: usize) -> usize {
    if name.len().abs_diff(known.len()) > most || name.len() > LONGEST {
        return most + 1;
    }
    strsim::osa_distance(name, known)
}

/// Maximum length in bytes of a name that is compared; longer names are never taken for a slip.
const LONGEST: usize = 64;

/// Returns a name in lower case, without separators.
fn plain(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '$'))
        .take(LONGEST + 1);
    letters.flat_map(char::to_lowercase).collect()
}

fn fields(kind: ObjectKind) -> impl Iterator<Item = &'static str> {
    let fields = match kind.members() {
        Members::Fields(fields) => fields,
        Members::Each(_) => &[],
    };
    fields.iter().map(|(name, _)| *name)
}

/// An unknown keyword of a JSON Schema.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownKeyword {
    /// JSON Pointer of the keyword, relative to the outermost schema.
    pub pointer: String,
    /// The keyword as it is written.
    pub name: String,
    /// The known keyword that it most likely means.
    pub meant: Option<&'static str>,
}

/// Returns the first keyword of a schema, or of the schemas in it, that JSON Schema 2020-12 does
/// not have.
///
/// Keywords that begin with `x-` are extensions and pass.
#[must_use]
pub(crate) fn unknown_keyword(schema: &Value) -> Option<UnknownKeyword> {
    let mut first = None;
    visit(
        ObjectKind::Schema,
        schema,
        "",
        &mut |kind, value, pointer| {
            let Some(object) = value
                .as_object()
                .filter(|_| kind == ObjectKind::Schema && first.is_none())
            else {
                return;
            };
            let is_unknown =
                |name: &&String| !name.starts_with("x-") && !JSON_SCHEMA.contains(&name.as_str());
            if let Some(name) = object.keys().find(is_unknown) {
                let absent = JSON_SCHEMA
                    .iter()
                    .copied()
                    .filter(|known| !object.contains_key(*known));
                first = Some(UnknownKeyword {
                    pointer: join(pointer, name),
                    name: name.clone(),
                    meant: nearest(name, absent),
                });
            }
        },
    );
    first
}

/// The keywords of JSON Schema 2020-12.
pub(crate) const JSON_SCHEMA: [&str; 59] = [
    "$schema",
    "$id",
    "$ref",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "prefixItems",
    "items",
    "contains",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "definitions",
    "dependencies",
];

/// Returns the fields of OpenAPI 2.0 to 3.2 and JSON Schema that `shape` does not list.
fn others(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::Document => &[
            "openapi",
            "$self",
            "jsonSchemaDialect",
            "tags",
            "externalDocs",
            "swagger",
            "host",
            "basePath",
            "schemes",
            "consumes",
            "produces",
            "definitions",
            "parameters",
            "responses",
            "securityDefinitions",
        ],
        ObjectKind::Info => &["summary", "termsOfService", "contact", "license"],
        ObjectKind::Server => &["description", "name"],
        ObjectKind::PathItem => &["$ref", "summary", "description"],
        ObjectKind::Operation => &["externalDocs", "consumes", "produces", "schemes", "$ref"],
        ObjectKind::Parameter => &[
            "example",
            "$ref",
            "collectionFormat",
            "type",
            "format",
            "items",
            "enum",
            "default",
        ],
        ObjectKind::Header => &[
            "example",
            "$ref",
            "name",
            "in",
            "allowEmptyValue",
            "allowReserved",
            "collectionFormat",
        ],
        ObjectKind::RequestBody => &["$ref"],
        ObjectKind::MediaType => &["example", "prefixEncoding", "itemEncoding", "$ref"],
        ObjectKind::Encoding => &["encoding", "prefixEncoding", "itemEncoding"],
        ObjectKind::Response => &["links", "summary", "$ref", "schema", "examples"],
        ObjectKind::Example => &["value", "dataValue", "serializedValue", "$ref"],
        ObjectKind::Components => &["links", "definitions"],
        ObjectKind::SecurityScheme => &[
            "flows",
            "$ref",
            "deprecated",
            "oauth2MetadataUrl",
            "flow",
            "authorizationUrl",
            "tokenUrl",
            "scopes",
        ],
        ObjectKind::Schema => &[
            "const",
            "$schema",
            "$id",
            "$anchor",
            "$dynamicRef",
            "$dynamicAnchor",
            "$recursiveRef",
            "$recursiveAnchor",
            "$vocabulary",
            "$comment",
            "id",
            "discriminator",
            "xml",
            "externalDocs",
            "dependentRequired",
            "dependencies",
            "definitions",
            "additionalItems",
            "contentEncoding",
            "contentMediaType",
            "extends",
            "disallow",
            "divisibleBy",
            "collectionFormat",
            "name",
            "in",
            "allowEmptyValue",
            "summary",
            "divisibleBy",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn slips_are_told_from_other_names() {
        let empty = Map::new();
        let of = |kind, name| meant(kind, name, &empty);
        assert_eq!(of(ObjectKind::Document, "path"), Some("paths"));
        assert_eq!(of(ObjectKind::Operation, "paramters"), Some("parameters"));
        assert_eq!(
            of(ObjectKind::Operation, "operationID"),
            Some("operationId")
        );
        assert_eq!(of(ObjectKind::Schema, "read_only"), Some("readOnly"));
        assert_eq!(of(ObjectKind::Schema, "maxlenght"), Some("maxLength"));
        assert_eq!(of(ObjectKind::Schema, "ref"), Some("$ref"));
        assert_eq!(of(ObjectKind::Schema, "markdownDescription"), None);
        assert_eq!(of(ObjectKind::Schema, "order"), None);
        let taken = json!({"required": []});
        assert_eq!(
            meant(
                ObjectKind::Schema,
                "require",
                taken.as_object().expect("an object")
            ),
            None
        );
    }

    #[test]
    fn the_first_unknown_keyword_is_found_wherever_it_stands() {
        assert_eq!(
            unknown_keyword(&json!({"properties": {"require": {"type": "string"}}})),
            None
        );
        let found = unknown_keyword(&json!({"properties": {"a": {"require": ["b"]}}}))
            .expect("there is one");
        assert_eq!(
            (found.pointer.as_str(), found.meant),
            ("/properties/a/require", Some("required"))
        );
        assert_eq!(
            unknown_keyword(&json!({"const": {"no": "keyword"}, "x-note": 1})),
            None
        );
    }
}

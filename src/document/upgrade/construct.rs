//! Constructs that the version of a document does not have: they are honoured, and reported.
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::shape::ObjectKind;
use crate::document::syntax::join;
use crate::document::upgrade::version::Version;

/// Keywords of JSON Schema that OpenAPI has since 3.1.
const SINCE_31: &[&str] = &[
    "const",
    "contains",
    "minContains",
    "maxContains",
    "prefixItems",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "if",
    "then",
    "else",
    "$defs",
    "$dynamicRef",
    "$dynamicAnchor",
    "contentEncoding",
    "contentMediaType",
    "examples",
];

/// Keywords whose form depends on the version.
const BOUNDS: &[&str] = &["exclusiveMinimum", "exclusiveMaximum"];

/// Returns the entry of a list that equals a keyword, for its static lifetime.
fn of(list: &[&'static str], keyword: &str) -> &'static str {
    list.iter()
        .find(|known| **known == keyword)
        .copied()
        .unwrap_or_default()
}

/// Keywords that OpenAPI has since 3.0.
const SINCE_30: &[&str] = &["oneOf", "anyOf", "not", "writeOnly"];

/// Fields of other objects that OpenAPI has since 3.1 or 3.2.
const FIELDS: &[(ObjectKind, &str, Version)] = &[
    (ObjectKind::Document, "webhooks", Version::V31),
    (ObjectKind::Components, "pathItems", Version::V31),
    (ObjectKind::Document, "$self", Version::V32),
    (ObjectKind::PathItem, "query", Version::V32),
    (ObjectKind::PathItem, "additionalOperations", Version::V32),
    (ObjectKind::MediaType, "itemSchema", Version::V32),
    (ObjectKind::Components, "mediaTypes", Version::V32),
    (ObjectKind::Example, "dataValue", Version::V32),
    (ObjectKind::Example, "serializedValue", Version::V32),
];

/// Constructs of other versions: count and first place of each.
#[derive(Default)]
pub(super) struct Constructs {
    found: IndexMap<(&'static str, &'static str, Age), (usize, String)>,
}

/// Age of a construct compared with the document, and the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Age {
    Newer(Version, Version),
    Older(Version),
}

impl Constructs {
    /// Notes the constructs of other versions in one object of a document of `version`.
    pub(super) fn look(&mut self, kind: ObjectKind, object: &Value, at: &str, version: Version) {
        if kind == ObjectKind::Schema {
            self.schema(object, at, version);
        }
        for (there, field, since) in FIELDS {
            if *there == kind && version < *since && object.get(*field).is_some() {
                self.note(field, Age::Newer(*since, version), at);
            }
        }
        if kind == ObjectKind::Parameter
            && version < Version::V32
            && object.get("in").is_some_and(|i| i == "querystring")
        {
            self.note("in", Age::Newer(Version::V32, version), at);
        }
    }

    fn schema(&mut self, schema: &Value, at: &str, version: Version) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match keyword.as_str() {
                "exclusiveMinimum" | "exclusiveMaximum"
                    if version < Version::V31 && value.is_number() =>
                {
                    self.note_form(
                        of(BOUNDS, keyword),
                        " as a number",
                        Age::Newer(Version::V31, version),
                        at,
                    );
                }
                "exclusiveMinimum" | "exclusiveMaximum"
                    if version >= Version::V31 && value.is_boolean() =>
                {
                    self.note_form(
                        of(BOUNDS, keyword),
                        " as a boolean",
                        Age::Older(version),
                        at,
                    );
                }
                "type" if version < Version::V31 && value.is_array() => {
                    self.note_form("type", " as a list", Age::Newer(Version::V31, version), at);
                }
                "nullable" if version >= Version::V31 => {
                    self.note("nullable", Age::Older(version), at);
                }
                "items" if version >= Version::V31 && value.is_array() => {
                    self.note_form("items", " as a list", Age::Older(version), at);
                }
                // Keywords of nearly every schema are in no list.
                "type" | "description" | "properties" | "required" | "format" | "items"
                | "enum" | "$ref" => {}
                keyword if version < Version::V31 => {
                    if let Some(keyword) = SINCE_31.iter().find(|newer| **newer == keyword) {
                        self.note(keyword, Age::Newer(Version::V31, version), at);
                    } else if let Some(keyword) = SINCE_30.iter().find(|newer| **newer == keyword)
                        && version < Version::V30
                    {
                        self.note(keyword, Age::Newer(Version::V30, version), at);
                    }
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, name: &'static str, age: Age, at: &str) {
        self.note_form(name, "", age, at);
    }

    /// Notes a keyword that is of another version only in this form, such as ` as a list`.
    fn note_form(&mut self, name: &'static str, form: &'static str, age: Age, at: &str) {
        self.found
            .entry((name, form, age))
            .or_insert_with(|| (0, join(at, name)))
            .0 += 1;
    }

    /// Returns a diagnostic for each construct.
    pub(super) fn report(self, source: &Arc<Source>) -> Vec<Diagnostic> {
        let report = |((name, form, age), (count, first)): ((&str, &str, Age), (usize, String))| {
            let times = if count == 1 {
                String::new()
            } else {
                format!(", {count} times")
            };
            let (code, message) = match age {
                Age::Newer(since, own) => (
                    Code::NewerConstruct,
                    format!(
                        "`{name}`{form} is of OpenAPI {since}, and the document is of {own}{times}"
                    ),
                ),
                Age::Older(own) => (
                    Code::OlderConstruct,
                    format!(
                        "`{name}`{form} is of OpenAPI before 3.1, and the document is of {own}{times}"
                    ),
                ),
            };
            Diagnostic::at(code, Place::key(source, first), message)
                .help("it is read as the author meant it")
        };
        self.found.into_iter().map(report).collect()
    }
}

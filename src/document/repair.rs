//! Repairs recoverable mistakes in a document, and reports what it found and what it assumes
//! instead.
//!
//! After it the tree conforms to the field tables of `shape`, so that later stages need not check
//! types. Differences between the versions of OpenAPI are left to `upgrade`.
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::reference::UNKNOWN;
use crate::document::shape::{Expect, Members, ObjectKind, field};
use crate::document::syntax::{join, push, unescape};
use crate::document::{names, retyped};

/// Repairs the whole document in place and returns a diagnostic for each repair.
pub(super) fn repair(tree: &mut Value, source: &Arc<Source>) -> Vec<Diagnostic> {
    repair_part(ObjectKind::Document, tree, "", source)
}

/// Repairs `value`, an object of the document at `pointer`, and returns a diagnostic for each
/// repair.
pub(super) fn repair_part(
    kind: ObjectKind,
    value: &mut Value,
    pointer: &str,
    source: &Arc<Source>,
) -> Vec<Diagnostic> {
    // From OpenAPI 3.2 on the `description` of a Response Object is optional.
    let is_described = value
        .get("openapi")
        .and_then(Value::as_str)
        .is_some_and(|version| version.starts_with("3.2"));
    let mut repair = Repair {
        source,
        is_described,
        found: Vec::new(),
    };
    repair.object(kind, value, &mut pointer.to_owned());
    repair.found
}

pub(super) struct Repair<'s> {
    source: &'s Arc<Source>,
    /// True if the document is of OpenAPI 3.2, where a response needs no `description`.
    is_described: bool,
    found: Vec<Diagnostic>,
}

/// Decision on a member after its repair.
#[derive(PartialEq)]
pub(super) enum Verdict {
    Keep,
    Drop,
}

impl Repair<'_> {
    pub(crate) fn warn(&mut self, code: Code, pointer: &str, message: String, assumed: &str) {
        let place = Place::value(self.source, pointer);
        self.found
            .push(Diagnostic::at(code, place, message).help(assumed));
    }

    fn object(&mut self, kind: ObjectKind, value: &mut Value, at: &mut String) {
        let Some(object) = value.as_object_mut() else {
            return;
        };
        let is_reference = object.get("$ref").is_some_and(Value::is_string);
        if is_reference
            && kind.may_be_reference()
            && !matches!(kind, ObjectKind::Schema | ObjectKind::PathItem)
        {
            return;
        }
        self.before_fields(kind, object, at);
        match kind.members() {
            Members::Fields(fields) => {
                let mut unknown = Vec::new();
                self.members(object, at, |repair, name, value, at| {
                    match field(fields, name) {
                        Some(expect) => repair.conform(expect, value, at),
                        None => {
                            unknown.extend((!names::is_known(kind, name)).then(|| name.to_owned()));
                            Verdict::Keep
                        }
                    }
                });
                self.misspelt(kind, object, &unknown, at);
            }
            Members::Each(expect) => self.members(object, at, |repair, name, value, at| {
                if name.starts_with("x-") {
                    Verdict::Keep
                } else {
                    repair.entry(expect, name, value, at)
                }
            }),
        }
        self.after_fields(kind, object, at);
    }

    /// Reports the unknown fields that are probably known ones, misspelt.
    fn misspelt(
        &mut self,
        kind: ObjectKind,
        object: &Map<String, Value>,
        unknown: &[String],
        at: &str,
    ) {
        for name in unknown {
            let Some(meant) = names::meant(kind, name, object) else {
                continue;
            };
            let place = Place::key(self.source, join(at, name));
            let message = format!("`{name}` is not a field of the {} Object", kind.name());
            let found = Diagnostic::at(Code::MisspeltField, place, message);
            self.found.push(found.help(format!(
                "did you mean `{meant}`? as it is written it has no effect"
            )));
        }
    }

    /// Repairs each member of a map with `look` and removes those that it drops, as if they were
    /// missing.
    fn members(
        &mut self,
        map: &mut Map<String, Value>,
        at: &mut String,
        mut look: impl FnMut(&mut Self, &str, &mut Value, &mut String) -> Verdict,
    ) {
        let mut dropped = Vec::new();
        for (name, value) in map.iter_mut() {
            let length = push(at, name);
            if look(self, name, value, at) == Verdict::Drop {
                dropped.push(name.clone());
            }
            at.truncate(length);
        }
        for name in dropped {
            map.shift_remove(&name);
        }
    }

    /// Repairs an entry of a map. Its name alone carries meaning, so a null becomes an empty
    /// object.
    fn entry(&mut self, expect: Expect, name: &str, value: &mut Value, at: &mut String) -> Verdict {
        if value.is_null() && matches!(expect, Expect::Object(_)) {
            *value = json!({});
            self.warn(
                Code::NullCollection,
                at,
                format!("`{name}` is null"),
                "read as an empty object",
            );
        }
        self.conform(expect, value, at)
    }

    fn conform(&mut self, expect: Expect, value: &mut Value, at: &mut String) -> Verdict {
        match expect {
            Expect::Anything => Verdict::Keep,
            Expect::Text => self.text(value, at),
            Expect::Word(words) => self.word(words, value, at),
            Expect::Boolean => self.boolean(value, at),
            Expect::Number => self.number(value, at),
            Expect::Count => self.count(value, at),
            Expect::Texts => self.texts(value, at),
            Expect::Values => self.values(value, at),
            Expect::Object(ObjectKind::Schema) => self.schema(value, at),
            Expect::Object(kind) => self.map_of(value, at, |repair, value, at| {
                repair.object(kind, value, at);
            }),
            Expect::Map(kind) => self.map_of(value, at, |repair, value, at| {
                let Some(map) = value.as_object_mut() else {
                    return;
                };
                repair.members(map, at, |repair, name, value, at| {
                    repair.entry(Expect::Object(kind), name, value, at)
                });
            }),
            Expect::List(kind) => self.list_of(kind, value, at),
        }
    }

    fn map_of(
        &mut self,
        value: &mut Value,
        at: &mut String,
        inside: impl FnOnce(&mut Self, &mut Value, &mut String),
    ) -> Verdict {
        if value.as_array().is_some_and(Vec::is_empty) {
            // Some languages serialize an empty map as an empty list.
            let message = format!("`{}` is an empty list, expected an object", last(at));
            self.warn(Code::WrongType, at, message, "read as an empty object");
            *value = json!({});
        }
        if value.is_object() {
            inside(self, value, at);
            return Verdict::Keep;
        }
        self.not_a("an object", value, at)
    }

    fn list_of(&mut self, kind: ObjectKind, value: &mut Value, at: &mut String) -> Verdict {
        let Some(items) = value.as_array_mut() else {
            return self.not_a("a list", value, at);
        };
        let mut index = 0;
        items.retain_mut(|item| {
            let length = push(at, &index.to_string());
            let verdict = self.conform(Expect::Object(kind), item, at);
            index += 1;
            let is_kept = verdict == Verdict::Keep
                && (kind != ObjectKind::Parameter || self.can_be_found(item, at));
            at.truncate(length);
            is_kept
        });
        // JSON Schema 2020-12 §10.2.1: `allOf` and the like must not be empty.
        if kind == ObjectKind::Schema && items.is_empty() {
            self.warn(
                Code::WrongType,
                at,
                format!("`{}` is an empty list", last(at)),
                "read as if it were not there",
            );
            return Verdict::Drop;
        }
        Verdict::Keep
    }

    /// Returns true if a list keeps a parameter: it has a `name` and an `in`, or it is a reference.
    /// Any other parameter is reported and dropped; its operation stays.
    fn can_be_found(&mut self, parameter: &Value, at: &str) -> bool {
        let missing = ["name", "in"]
            .into_iter()
            .find(|field| parameter.get(*field).is_none());
        match missing.filter(|_| {
            !["$ref", UNKNOWN]
                .iter()
                .any(|field| parameter.get(*field).is_some())
        }) {
            Some(field) => {
                let message = format!("a parameter has no `{field}`");
                self.warn(
                    Code::BrokenParameter,
                    at,
                    message,
                    "it is skipped, and what it describes is not checked",
                );
                false
            }
            None => true,
        }
    }

    /// Repairs a Schema Object, or the boolean that JSON Schema allows in its place.
    fn schema(&mut self, value: &mut Value, at: &mut String) -> Verdict {
        match value {
            Value::Bool(_) => Verdict::Keep,
            Value::String(text) if as_boolean(text).is_some() => self.boolean(value, at),
            // Before JSON Schema 2020-12, `items` could be a list with one schema per item.
            Value::Array(_) if last(at) == "items" => Verdict::Keep,
            _ => self.map_of(value, at, |repair, value, at| {
                repair.object(ObjectKind::Schema, value, at);
            }),
        }
    }

    pub(super) fn not_a(&mut self, wanted: &str, value: &Value, at: &str) -> Verdict {
        let code = if value.is_null() {
            Code::NullCollection
        } else {
            Code::WrongType
        };
        let message = format!("`{}` is {}, expected {wanted}", last(at), describe(value));
        self.warn(code, at, message, "read as if it were not there");
        Verdict::Drop
    }

    /// Makes the repairs that must precede those of single fields: examples and missing schemas.
    fn before_fields(&mut self, kind: ObjectKind, object: &mut Map<String, Value>, at: &str) {
        if matches!(
            kind,
            ObjectKind::MediaType | ObjectKind::Parameter | ObjectKind::Header
        ) {
            self.examples(object, at);
        }
        if matches!(kind, ObjectKind::Parameter | ObjectKind::Header) {
            self.parameter_schema(object, at);
        }
    }

    fn examples(&mut self, object: &mut Map<String, Value>, at: &str) {
        if !object.contains_key("example") && !object.contains_key("examples") {
            return;
        }
        let in_examples = join(at, "examples");
        if let Some(Value::Array(items)) = object.get_mut("examples") {
            let named = std::mem::take(items).into_iter().enumerate();
            let map =
                named.map(|(index, item)| (format!("Example {}", index + 1), as_example(item)));
            object["examples"] = Value::Object(map.collect());
            let message = "`examples` is a list, expected a map of Example Objects".to_owned();
            self.warn(
                Code::ExampleForm,
                &in_examples,
                message,
                "read as `Example 1`, `Example 2`, …",
            );
        }
        if let Some(Value::Object(map)) = object.get_mut("examples") {
            for (name, example) in map.iter_mut().filter(|(_, example)| is_bare_value(example)) {
                *example = json!({ "value": example.take() });
                let message = format!("the example `{name}` has no `value`");
                self.warn(
                    Code::ExampleForm,
                    &join(&in_examples, name),
                    message,
                    "read as the value itself",
                );
            }
        }
        self.example_object(object, at);
        if object.contains_key("example") && object.get("examples").is_some_and(is_filled) {
            object.shift_remove("example");
            let message = "`example` and `examples` exclude each other".to_owned();
            self.warn(
                Code::ExampleForm,
                &join(at, "example"),
                message,
                "only `examples` is read",
            );
        }
    }

    /// Unwraps `example: {summary: …, value: …}`, an Example Object in the wrong field, unless the
    /// schema has a property `value` or lists no properties at all.
    fn example_object(&mut self, object: &mut Map<String, Value>, at: &str) {
        let is_example_object = object
            .get("example")
            .and_then(Value::as_object)
            .is_some_and(|example| {
                example.contains_key("value")
                    && example
                        .keys()
                        .all(|key| matches!(key.as_str(), "value" | "summary" | "description"))
            });
        let properties = object
            .get("schema")
            .and_then(|schema| schema.get("properties"));
        let Some(properties) = properties.and_then(Value::as_object) else {
            return;
        };
        if is_example_object && !properties.contains_key("value") {
            object["example"] = object["example"]["value"].take();
            let message = "`example` is an Example Object, expected the value itself".to_owned();
            self.warn(
                Code::ExampleForm,
                &join(at, "example"),
                message,
                "its `value` is read",
            );
        }
    }

    fn parameter_schema(&mut self, object: &mut Map<String, Value>, at: &str) {
        let has_schema = object.get("schema").is_some_and(|schema| !schema.is_null());
        if has_schema || object.get("content").is_some_and(is_filled) {
            return;
        }
        let name = object
            .get("name")
            .and_then(Value::as_str)
            .map_or_else(|| last(at), str::to_owned);
        // OpenAPI 2.0 had the keywords of the schema in the parameter itself.
        let mut schema = Map::new();
        for keyword in [
            "type", "format", "items", "enum", "default", "minimum", "maximum", "pattern",
        ] {
            if let Some(value) = object.shift_remove(keyword) {
                schema.insert(keyword.to_owned(), value);
            }
        }
        let assumed = if schema.is_empty() {
            schema.insert("type".to_owned(), json!("string"));
            "any string is accepted"
        } else {
            "the schema keywords beside it are read as its schema"
        };
        let message = format!("`{name}` has neither `schema` nor `content`");
        self.warn(Code::ParameterWithoutSchema, at, message, assumed);
        object.insert("schema".to_owned(), Value::Object(schema));
    }

    /// Makes the repairs that follow those of single fields: missing required fields, styles,
    /// types, and values of another type.
    fn after_fields(&mut self, kind: ObjectKind, object: &mut Map<String, Value>, at: &str) {
        match kind {
            ObjectKind::Document => {
                if !object.contains_key("info") {
                    let info = json!({ "title": "untitled", "version": "0" });
                    self.require(kind, object, "info", info, "the title `untitled`", at);
                }
                if let Some(Value::Object(info)) = object.get_mut("info") {
                    self.require(
                        ObjectKind::Info,
                        info,
                        "title",
                        json!("untitled"),
                        "`untitled`",
                        "/info",
                    );
                    self.require(
                        ObjectKind::Info,
                        info,
                        "version",
                        json!("0"),
                        "`0`",
                        "/info",
                    );
                }
                let has_other =
                    object.contains_key("webhooks") || object.contains_key("components");
                if !object.contains_key("paths") && !has_other {
                    self.require(kind, object, "paths", json!({}), "empty", at);
                }
            }
            ObjectKind::Operation => {
                let answer = json!({ "default": { "description": "" } });
                let fill = object
                    .get("responses")
                    .is_none_or(|responses| !is_filled(responses));
                if fill {
                    object.shift_remove("responses");
                    self.require(
                        kind,
                        object,
                        "responses",
                        answer,
                        "a `default` response without content",
                        at,
                    );
                }
            }
            ObjectKind::Response if self.is_described => {
                object.entry("description").or_insert_with(|| json!(""));
            }
            ObjectKind::Response => {
                self.require(kind, object, "description", json!(""), "empty", at);
            }
            ObjectKind::RequestBody => {
                self.require(kind, object, "content", json!({}), "empty", at);
            }
            ObjectKind::Parameter => {
                self.style(object, at);
                if object.get("in").is_some_and(|location| location == "path") {
                    object.retain(|name, value| name != "required" || *value == true);
                    self.require(
                        kind,
                        object,
                        "required",
                        json!(true),
                        "`true`, as for every path parameter",
                        at,
                    );
                }
            }
            ObjectKind::Schema => {
                self.schema_type(object, at);
                self.values_of_type(object, at);
            }
            _ => {}
        }
    }

    /// Repairs or drops a `style` that its location does not allow (OpenAPI 3.0.4 §4.7.12.2.2).
    fn style(&mut self, object: &mut Map<String, Value>, at: &str) {
        let allowed: &[&str] = match object.get("in").and_then(Value::as_str) {
            Some("path") => &["matrix", "label", "simple"],
            Some("query") => &["form", "spaceDelimited", "pipeDelimited", "deepObject"],
            Some("cookie") => &["form"],
            _ => &["simple"],
        };
        let verdict = object
            .get_mut("style")
            .map(|style| self.word(allowed, style, &join(at, "style")));
        if verdict == Some(Verdict::Drop) {
            object.shift_remove("style");
        }
    }

    /// Repairs the `type` of a schema and drops names that JSON Schema does not have.
    fn schema_type(&mut self, object: &mut Map<String, Value>, at: &str) {
        const TYPES: &[&str] = &[
            "string", "number", "integer", "boolean", "object", "array", "null",
        ];
        let is_plain = |kind: &Value| kind.as_str().is_some_and(|kind| TYPES.contains(&kind));
        if object.get("type").is_none_or(is_plain) {
            return;
        }
        let at = join(at, "type");
        match object.get_mut("type") {
            Some(Value::Array(names)) => {
                for name in names.iter_mut().filter(|name| name.is_null()) {
                    *name = json!("null");
                    let message = "`type` has null, expected the string `null`".to_owned();
                    self.warn(
                        Code::WrongType,
                        &at,
                        message,
                        "read as the type; it must be in quotes",
                    );
                }
                names.retain_mut(|name| self.word(TYPES, name, &at) == Verdict::Keep);
                if names.is_empty() {
                    object.shift_remove("type");
                }
            }
            Some(name) => {
                if self.word(TYPES, name, &at) == Verdict::Drop {
                    object.shift_remove("type");
                }
            }
            None => {}
        }
    }

    /// Converts values of `enum`, `const` and `default` to the schema's `type`, because a value of
    /// another type could never be sent.
    fn values_of_type(&mut self, object: &mut Map<String, Value>, at: &str) {
        let types: Vec<String> = match object.get("type") {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => return,
        };
        for keyword in ["enum", "const", "default"] {
            let values = match object.get_mut(keyword) {
                Some(Value::Array(values)) if keyword == "enum" => values.as_mut_slice(),
                Some(value) if keyword != "enum" => std::slice::from_mut(value),
                _ => continue,
            };
            let changes: Vec<(String, String)> = values
                .iter_mut()
                .filter_map(|value| retyped::retype(value, &types))
                .collect();
            let Some((from, to)) = changes.first() else {
                continue;
            };
            let more = if changes.len() == 1 {
                String::new()
            } else {
                format!(" (and {} more)", changes.len() - 1)
            };
            let message = format!(
                "`{keyword}` has `{from}`{more}, expected {}",
                types.join(" or ")
            );
            self.warn(
                Code::ValueType,
                &join(at, keyword),
                message,
                &format!("read as `{to}`"),
            );
        }
    }

    fn require(
        &mut self,
        kind: ObjectKind,
        object: &mut Map<String, Value>,
        name: &str,
        value: Value,
        assumed: &str,
        at: &str,
    ) {
        if !object.contains_key(name) {
            object.insert(name.to_owned(), value);
            let message = format!("{} Object without `{name}`", kind.name());
            self.warn(
                Code::MissingField,
                at,
                message,
                &format!("assumed {assumed}"),
            );
        }
    }
}

fn as_example(item: Value) -> Value {
    if is_bare_value(&item) {
        json!({ "value": item })
    } else {
        item
    }
}

/// Returns true if an entry of `examples` is a plain value instead of an Example Object.
fn is_bare_value(example: &Value) -> bool {
    const FIELDS: [&str; 6] = [
        "value",
        "externalValue",
        "$ref",
        "dataValue",
        "serializedValue",
        "summary",
    ];
    match example {
        Value::Object(object) => {
            !object.is_empty() && !FIELDS.iter().any(|field| object.contains_key(*field))
        }
        _ => true,
    }
}

fn is_filled(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !object.is_empty())
}

pub(crate) fn as_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Returns the last segment of a pointer, unescaped.
pub(crate) fn last(pointer: &str) -> String {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    unescape(name)
}

pub(crate) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

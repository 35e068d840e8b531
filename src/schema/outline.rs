//! Outline of a schema for people: types, constraints and properties in words, as JSON.
//!
//! A reference to a named schema ends the outline there, so that recursive schemas end too. Depth,
//! nodes and texts are bounded; what is left out is counted.
use serde_json::{Map, Value, json};

use crate::document::reference::{UNKNOWN, local_pointer};
use crate::document::syntax::find;
use crate::schema::error::start_of;

/// Maximum nesting of an outline; deeper schemas are left out.
const DEEPEST: usize = 8;

/// Maximum bytes of a description in an outline; the rest is cut.
const MOST_TEXT: usize = 2_000;

/// Maximum number of the values of an `enum`; others are counted.
const MOST_VALUES: usize = 50;

/// Maximum bytes of an example, a default or a value of an `enum`, written as JSON; a larger one is
/// left out.
const MOST_VALUE: usize = 1_000;

/// Longest chain of references that is followed.
const LONGEST_CHAIN: usize = 20;

/// Maximum bytes of all outlines of one writer, as JSON; beyond it schemas are left out.
const MOST_BYTES: usize = 250_000;

/// Name of a schema, where references to it end an outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaName {
    /// Name, such as `Pet`.
    pub name: String,
    /// Name of its document, if other documents have a schema with this name too.
    pub document: Option<String>,
}

/// Function that returns the name of the schema at a JSON Pointer.
pub(crate) type NameOf<'n> = &'n dyn Fn(&str) -> Option<SchemaName>;

/// Writer of the outlines of some schemas of a document, which share a number of nodes.
pub(crate) struct Outliner<'t> {
    root: &'t Value,
    name_of: NameOf<'t>,
    /// Number of schemas that may still be written.
    left: usize,
    /// Bytes that may still be written.
    bytes: usize,
}

/// Names of schemas with one subschema that are written, with the keyword of each.
const SINGLE: [(&str, &str); 7] = [
    ("items", "items"),
    ("additionalProperties", "additional"),
    ("propertyNames", "propertyNames"),
    ("contains", "contains"),
    ("not", "not"),
    ("contentSchema", "contentSchema"),
    ("unevaluatedProperties", "additional"),
];

/// Keywords with conditions that are only mentioned.
const CONDITIONS: [&str; 4] = [
    "if",
    "dependentSchemas",
    "dependentRequired",
    "dependencies",
];

impl<'t> Outliner<'t> {
    /// Creates a writer of at most `most` schemas.
    #[must_use]
    pub(crate) fn new(root: &'t Value, name_of: NameOf<'t>, most: usize) -> Self {
        Self {
            root,
            name_of,
            left: most,
            bytes: MOST_BYTES,
        }
    }

    /// Returns the outline of a schema; a reference to a named one is only
    /// `{"ref": "Pet", "type": "object"}`.
    #[must_use]
    pub(crate) fn outline(&mut self, schema: &Value) -> Value {
        self.node(schema, 0)
    }

    fn node(&mut self, schema: &Value, depth: usize) -> Value {
        if self.left == 0 || depth > DEEPEST {
            return json!({ "type": type_of(schema), "leftOut": true });
        }
        self.left -= 1;
        let mut written = Map::new();
        match schema {
            Value::Bool(false) => written.insert("type".to_owned(), json!("nothing")),
            Value::Object(object) => {
                if object.contains_key("$ref") {
                    return self.reference(schema, object, depth);
                }
                self.object(schema, object, depth, &mut written);
                None
            }
            _ => written.insert("type".to_owned(), json!("anything")),
        };
        Value::Object(written)
    }

    /// Writes a reference, and what is beside it.
    fn reference(&mut self, schema: &Value, object: &Map<String, Value>, depth: usize) -> Value {
        let mut at = schema;
        let mut name = None;
        for _ in 0..LONGEST_CHAIN {
            let Some(reference) = at.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let pointer = local_pointer(reference);
            name = name.or_else(|| pointer.as_deref().and_then(self.name_of));
            match pointer.and_then(|pointer| find(self.root, &pointer)) {
                Some(target) => at = target,
                None => break,
            }
        }
        let beside: Map<String, Value> = object
            .iter()
            .filter(|(keyword, _)| *keyword != "$ref")
            .map(|(keyword, value)| (keyword.clone(), value.clone()))
            .collect();
        let mut written = match name {
            Some(SchemaName { name, document }) => {
                let mut named = Map::from_iter([
                    ("ref".to_owned(), json!(name)),
                    ("type".to_owned(), json!(type_of(at))),
                ]);
                if let Some(document) = document {
                    named.insert("document".to_owned(), json!(document));
                }
                named
            }
            None if at.get("$ref").is_some() => {
                Map::from_iter([("type".to_owned(), json!("anything"))])
            }
            None => match self.node(at, depth + 1) {
                Value::Object(target) => target,
                _ => Map::new(),
            },
        };
        if !beside.is_empty() {
            let kind = written.get("type").cloned();
            let whole = Value::Object(beside);
            if let Value::Object(beside) = &whole {
                self.object(&whole, beside, depth, &mut written);
            }
            if let Some(kind) = kind {
                written.insert("type".to_owned(), kind);
            }
        }
        Value::Object(written)
    }

    /// Writes the keywords of a schema.
    fn object(
        &mut self,
        schema: &Value,
        object: &Map<String, Value>,
        depth: usize,
        written: &mut Map<String, Value>,
    ) {
        written.insert("type".to_owned(), json!(type_of(schema)));
        annotations(object, written);
        let constraints = constraints(object);
        if !constraints.is_empty() {
            written.insert("constraints".to_owned(), json!(constraints));
        }
        values(object, written);
        self.charge(written);
        self.properties(object, depth, written);
        for (keyword, name) in SINGLE {
            match object.get(keyword) {
                Some(part @ Value::Object(part_object)) if !part_object.is_empty() => {
                    let part = self.node(part, depth + 1);
                    written.insert(name.to_owned(), part);
                }
                _ => {}
            }
        }
        self.members("patternProperties", object, depth, written);
        for keyword in ["prefixItems", "allOf", "oneOf", "anyOf"] {
            self.list(keyword, object, depth, written);
        }
    }

    /// Counts the bytes of what is written of a schema. If there are too many, further schemas are
    /// left out.
    fn charge(&mut self, written: &Map<String, Value>) {
        let size = written
            .iter()
            .map(|(name, value)| name.len() + value.to_string().len());
        self.bytes = self.bytes.saturating_sub(size.sum());
        if self.bytes == 0 {
            self.left = 0;
        }
    }

    fn properties(
        &mut self,
        object: &Map<String, Value>,
        depth: usize,
        written: &mut Map<String, Value>,
    ) {
        let required: Vec<&str> = object
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let Some(properties) = object.get("properties").and_then(Value::as_object) else {
            if !required.is_empty() {
                let names: Vec<&str> = required.into_iter().take(MOST_VALUES).collect();
                written.insert("requires".to_owned(), json!(names));
            }
            return;
        };
        let mut listed = Vec::new();
        for (name, property) in properties {
            if self.left == 0 {
                break;
            }
            let mut entry = Map::new();
            entry.insert("name".to_owned(), json!(start_of(name, MOST_TEXT)));
            let is_required = required.contains(&name.as_str());
            entry.insert("required".to_owned(), json!(is_required));
            if let Value::Object(outline) = self.node(property, depth + 1) {
                entry.extend(outline);
            }
            listed.push(Value::Object(entry));
        }
        note_left_out(
            "propertiesLeftOut",
            properties.len() - listed.len(),
            written,
        );
        written.insert("properties".to_owned(), Value::Array(listed));
    }

    /// Writes the subschemas of a keyword that has them by name.
    fn members(
        &mut self,
        keyword: &str,
        object: &Map<String, Value>,
        depth: usize,
        written: &mut Map<String, Value>,
    ) {
        let Some(members) = object.get(keyword).and_then(Value::as_object) else {
            return;
        };
        let mut listed = Vec::new();
        for (name, part) in members {
            if self.left == 0 {
                break;
            }
            let mut entry = Map::new();
            entry.insert("name".to_owned(), json!(start_of(name, MOST_TEXT)));
            if let Value::Object(outline) = self.node(part, depth + 1) {
                entry.extend(outline);
            }
            listed.push(Value::Object(entry));
        }
        written.insert(keyword.to_owned(), Value::Array(listed));
    }

    /// Writes the subschemas of a keyword that lists them.
    fn list(
        &mut self,
        keyword: &str,
        object: &Map<String, Value>,
        depth: usize,
        written: &mut Map<String, Value>,
    ) {
        let Some(parts) = object.get(keyword).and_then(Value::as_array) else {
            return;
        };
        let mut listed = Vec::new();
        for part in parts {
            if self.left == 0 {
                break;
            }
            listed.push(self.node(part, depth + 1));
        }
        let left_out = format!("{keyword}LeftOut");
        note_left_out(&left_out, parts.len() - listed.len(), written);
        written.insert(keyword.to_owned(), Value::Array(listed));
    }
}

fn note_left_out(name: &str, number: usize, written: &mut Map<String, Value>) {
    if number > 0 {
        written.insert(name.to_owned(), json!(number));
    }
}

/// Returns the types of a schema in words, `string or null`; without `type`, what its keywords
/// imply.
#[must_use]
pub(crate) fn type_of(schema: &Value) -> String {
    let has = |keyword: &str| schema.get(keyword).is_some();
    match schema.get("type") {
        Some(Value::String(name)) => start_of(name, MOST_TEXT).into_owned(),
        Some(Value::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).take(7).collect();
            names.join(" or ")
        }
        _ if schema == &Value::Bool(false) => "nothing".to_owned(),
        _ if has("properties") || has("required") || has("additionalProperties") => {
            "object".to_owned()
        }
        _ if has("items") || has("prefixItems") => "array".to_owned(),
        _ if has("oneOf") => "one of".to_owned(),
        _ if has("anyOf") => "any of".to_owned(),
        _ if has("allOf") => "all of".to_owned(),
        _ if has("enum") || has("const") => "value".to_owned(),
        _ => "anything".to_owned(),
    }
}

fn annotations(object: &Map<String, Value>, written: &mut Map<String, Value>) {
    for keyword in ["format", "title", "description", "contentMediaType"] {
        if let Some(text) = object.get(keyword).and_then(Value::as_str) {
            written.insert(keyword.to_owned(), json!(start_of(text, MOST_TEXT)));
        }
    }
    for keyword in ["readOnly", "writeOnly", "deprecated"] {
        if object.get(keyword) == Some(&Value::Bool(true)) {
            written.insert(keyword.to_owned(), json!(true));
        }
    }
    if let Some(sentence) = object.get(UNKNOWN).and_then(Value::as_str) {
        written.insert("unknown".to_owned(), json!(start_of(sentence, MOST_TEXT)));
    }
    let discriminator = object.get("discriminator");
    if let Some(name) = discriminator.and_then(|it| it.get("propertyName")?.as_str()) {
        let name = start_of(name, MOST_TEXT);
        written.insert("discriminator".to_owned(), json!(name));
    }
}

/// Writes `enum`, `default` and an example.
fn values(object: &Map<String, Value>, written: &mut Map<String, Value>) {
    let single = object.get("const").map(std::slice::from_ref);
    let several = object.get("enum").and_then(Value::as_array);
    if let Some(values) = several.map(Vec::as_slice).or(single) {
        let shown: Vec<&Value> = values
            .iter()
            .take(MOST_VALUES)
            .filter(|value| is_short(value))
            .collect();
        note_left_out("enumLeftOut", values.len() - shown.len(), written);
        written.insert("enum".to_owned(), json!(shown));
    }
    let examples = object.get("examples").and_then(Value::as_array);
    let example = examples.and_then(|examples| examples.first());
    let shown = [
        ("default", object.get("default")),
        ("example", example.or_else(|| object.get("example"))),
    ];
    for (name, value) in shown {
        match value {
            Some(value) if is_short(value) => {
                written.insert(name.to_owned(), value.clone());
            }
            Some(_) => {
                written.insert(format!("{name}LeftOut"), json!(true));
            }
            None => {}
        }
    }
}

/// Returns true if a value is short enough to be shown.
fn is_short(value: &Value) -> bool {
    fits(value, MOST_VALUE)
}

/// Returns true if a value has at most `most` bytes as JSON. Stops early for a large one.
#[must_use]
pub(crate) fn fits(value: &Value, most: usize) -> bool {
    fn cost(value: &Value, left: usize) -> Option<usize> {
        let own = match value {
            Value::String(text) => text.len() + 2,
            Value::Number(number) => number.as_str().len(),
            _ => 2,
        };
        let mut left = left.checked_sub(own)?;
        match value {
            Value::Array(items) => {
                for item in items {
                    left = cost(item, left)?;
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    left = cost(member, left.checked_sub(name.len() + 3)?)?;
                }
            }
            _ => {}
        }
        Some(left)
    }
    cost(value, most).is_some()
}

/// Returns the constraints of a schema in words: `1 to 80 characters`.
#[must_use]
pub(crate) fn constraints(object: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    let bounds = [
        ("minLength", "maxLength", "character"),
        ("minItems", "maxItems", "item"),
        ("minProperties", "maxProperties", "property"),
        ("minContains", "maxContains", "matching item"),
    ];
    for (least, most, noun) in bounds {
        found.extend(amount(object.get(least), object.get(most), noun));
    }
    found.extend(interval(object));
    if let Some(step) = object.get("multipleOf").filter(|it| it.is_number()) {
        found.push(format!("multiple of {step}"));
    }
    if let Some(pattern) = object.get("pattern").and_then(Value::as_str) {
        found.push(format!("pattern `{}`", start_of(pattern, MOST_VALUE)));
    }
    if object.get("uniqueItems") == Some(&Value::Bool(true)) {
        found.push("unique items".to_owned());
    }
    let closed = ["additionalProperties", "unevaluatedProperties"];
    if closed
        .iter()
        .any(|keyword| object.get(*keyword) == Some(&Value::Bool(false)))
    {
        found.push("no other properties".to_owned());
    }
    for keyword in CONDITIONS {
        if object.contains_key(keyword) {
            found.push(format!("further conditions in `{keyword}`"));
        }
    }
    found
}

/// Returns bounds of a number of things in words: `1 to 80 characters`.
fn amount(least: Option<&Value>, most: Option<&Value>, noun: &str) -> Option<String> {
    let number = |value: Option<&Value>| value.filter(|it| it.is_number()).map(Value::to_string);
    // At least 0 is no constraint.
    let least = number(least).filter(|least| least != "0");
    let (text, last) = match (least, number(most)) {
        (None, None) => return None,
        (Some(least), None) => (format!("at least {least}"), least),
        (None, Some(most)) => (format!("at most {most}"), most),
        (Some(least), Some(most)) if least == most => (least, most),
        (Some(least), Some(most)) => (format!("{least} to {most}"), most),
    };
    let noun = match (last.as_str(), noun) {
        ("1", noun) => noun.to_owned(),
        (_, "property") => "properties".to_owned(),
        (_, noun) => format!("{noun}s"),
    };
    Some(format!("{text} {noun}"))
}

/// Returns the bounds of a number in words: `1 to 100`, `above 0`.
fn interval(object: &Map<String, Value>) -> Option<String> {
    let number = |keyword: &str| {
        let value = object.get(keyword).filter(|it| it.is_number());
        value.map(Value::to_string)
    };
    if let (Some(least), Some(most)) = (number("minimum"), number("maximum"))
        && number("exclusiveMinimum").is_none()
        && number("exclusiveMaximum").is_none()
    {
        return Some(if least == most {
            format!("exactly {least}")
        } else {
            format!("{least} to {most}")
        });
    }
    let bounds = [
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    ];
    let found: Vec<String> = bounds
        .iter()
        .filter_map(|(keyword, word)| Some(format!("{word} {}", number(keyword)?)))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(schema: &Value, most: usize) -> Value {
        let root = json!({"components": {"schemas": {"Pet": {"type": "object"}}}, "other": {"type": "string", "format": "date"}});
        let name_of = |pointer: &str| {
            let name = pointer.strip_prefix("/components/schemas/")?.to_owned();
            Some(SchemaName {
                name,
                document: None,
            })
        };
        Outliner::new(&root, &name_of, most).outline(schema)
    }

    fn words(schema: Value) -> Vec<String> {
        match schema {
            Value::Object(object) => constraints(&object),
            _ => Vec::new(),
        }
    }

    #[test]
    fn constraints_are_words() {
        let cases = [
            (
                json!({"minLength": 1, "maxLength": 80}),
                "1 to 80 characters",
            ),
            (json!({"maxLength": 1}), "at most 1 character"),
            (json!({"minItems": 2, "maxItems": 2}), "2 items"),
            (json!({"minProperties": 2}), "at least 2 properties"),
            (json!({"minimum": 1, "maximum": 100}), "1 to 100"),
            (
                json!({"exclusiveMinimum": 0, "maximum": 1.5}),
                "above 0, at most 1.5",
            ),
            (json!({"pattern": "^a+$"}), "pattern `^a+$`"),
            (
                json!({"additionalProperties": false}),
                "no other properties",
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(words(schema), [expected]);
        }
        assert!(words(json!({"minLength": 0})).is_empty());
    }

    #[test]
    fn a_named_schema_ends_the_outline() {
        let schema = json!({"required": ["pet"], "properties": {
            "pet": {"$ref": "#/components/schemas/Pet", "description": "mine"},
            "day": {"$ref": "#/other"}, "gone": {"$ref": "#/nowhere"}
        }});
        let expected = json!({"type": "object", "properties": [
            {"name": "pet", "required": true, "ref": "Pet", "type": "object", "description": "mine"},
            {"name": "day", "required": false, "type": "string", "format": "date"},
            {"name": "gone", "required": false, "type": "anything"},
        ]});
        assert_eq!(outline(&schema, 100), expected);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let schema = json!({"properties": {"a": {"type": "string"}, "b": {}, "c": {}}});
        let shown = outline(&schema, 2);
        assert_eq!(shown["propertiesLeftOut"], 2);
        assert_eq!(shown["properties"][0]["name"], "a");
        let many: Vec<usize> = (0..60).collect();
        assert_eq!(outline(&json!({"enum": many}), 2)["enumLeftOut"], 10);
    }

    #[test]
    fn deep_and_circular_schemas_end() {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = json!({"type": "array", "items": schema});
        }
        assert!(outline(&schema, 1_000).to_string().contains("leftOut"));
        let root = json!({"a": {"type": "array", "items": {"$ref": "#/a"}}, "b": {"$ref": "#/b"}});
        let mut outliner = Outliner::new(&root, &|_| None, 100);
        assert!(outliner.outline(&root["a"]).to_string().contains("leftOut"));
        assert_eq!(outliner.outline(&root["b"]), json!({"type": "anything"}));
    }
}

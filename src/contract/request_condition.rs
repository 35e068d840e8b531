//! Conditions of fixtures (`when`) on the parts of a request.
//!
//! A condition is a JSON Schema over `{path, query, header, cookie, body}`, or it has these parts at
//! its top level, each with plain values or with a schema of its own. `fixture` reads it, and
//! `exchange` tests it.
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::names::{JSON_SCHEMA, nearest, unknown_keyword};
use crate::document::number::{is_text_of, same};
use crate::document::syntax::join;
use crate::schema::{Direction, Schema, Schemas};

/// Parts of a request that a condition can test.
pub(crate) const PARTS: [&str; 5] = ["path", "query", "header", "cookie", "body"];

/// Part whose values are typed by the client; all other parts are text in the request.
pub(crate) const BODY: &str = "body";

/// Keywords that restrict objects: a map without any of them is no schema of the parameters, which
/// are always an object.
const OF_OBJECTS: [&str; 18] = [
    "properties",
    "required",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "$ref",
    "$dynamicRef",
];

/// Keywords that restrict nothing: a map that has no other would match every body.
const ANNOTATIONS: [&str; 15] = [
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
];

/// Condition of a fixture.
#[derive(Debug)]
pub struct RequestCondition {
    /// Condition as the user wrote it.
    pub written: Value,
    /// Place of the condition in the fixture file.
    pub place: Place,
    /// Test of the condition.
    pub(crate) test: ConditionTest,
}

/// Test of a condition.
#[derive(Debug)]
pub(crate) enum ConditionTest {
    /// Schema over `{path, query, header, cookie, body}`.
    Whole(Box<Schema>),
    /// Tests of single parts, each of which must hold.
    Parts(Vec<PartCondition>),
}

/// Condition on one part of a request.
#[derive(Debug)]
pub(crate) struct PartCondition {
    /// Name of the part: `query`.
    pub part: &'static str,
    /// Test of the part.
    pub test: PartTest,
}

/// Test of one part of a request.
#[derive(Debug)]
pub(crate) enum PartTest {
    /// Values that the part must have, and possibly others beside them.
    Values(Value),
    /// Schema of the part.
    Schema(Box<Schema>),
}

impl RequestCondition {
    /// Returns true if a request, as one instance `{path, query, header, cookie, body}`, meets the
    /// condition.
    #[must_use]
    pub fn holds(&self, instance: &Value) -> bool {
        match &self.test {
            ConditionTest::Whole(schema) => schema.is_valid(instance).unwrap_or(false),
            ConditionTest::Parts(parts) => parts.iter().all(|part| part.holds(instance)),
        }
    }

    /// Returns the reasons why a request does not meet the condition, at most [`MOST_REASONS`]; none
    /// if it does.
    #[must_use]
    pub(crate) fn misses(&self, instance: &Value) -> Vec<String> {
        if self.holds(instance) {
            return Vec::new();
        }
        let mut reasons = Vec::new();
        match &self.test {
            ConditionTest::Whole(schema) => explain(schema, "", instance, &mut reasons),
            ConditionTest::Parts(parts) => {
                for part in parts {
                    part.explain(instance, &mut reasons);
                }
            }
        }
        reasons.truncate(MOST_REASONS);
        reasons
    }

    /// Returns true if every request meets the condition: `true`, `{}`.
    #[must_use]
    pub(crate) fn is_always_met(&self) -> bool {
        match &self.written {
            Value::Object(written) => written.is_empty(),
            written => *written == Value::Bool(true),
        }
    }
}

impl PartCondition {
    fn holds(&self, instance: &Value) -> bool {
        let Some(sent) = instance.get(self.part) else {
            return false;
        };
        match &self.test {
            PartTest::Schema(schema) => schema.is_valid(sent).unwrap_or(false),
            PartTest::Values(wanted) => has(sent, wanted, Typing::of(self.part)),
        }
    }
}

/// Maximum number of reasons why a request does not meet a condition.
const MOST_REASONS: usize = 10;

impl PartCondition {
    fn explain(&self, instance: &Value, reasons: &mut Vec<String>) {
        let part = self.part;
        let Some(sent) = instance.get(part) else {
            reasons.push(format!("`{part}` is absent"));
            return;
        };
        match &self.test {
            PartTest::Schema(schema) => explain(schema, part, sent, reasons),
            PartTest::Values(wanted) => differ(part, sent, wanted, Typing::of(part), reasons),
        }
    }
}

/// Adds the errors of an instance: `` `body/name`: must be string ``.
fn explain(schema: &Schema, part: &str, instance: &Value, reasons: &mut Vec<String>) {
    let errors = schema.errors(instance).unwrap_or_default();
    reasons.extend(errors.iter().take(MOST_REASONS).map(|error| {
        let at = format!("{part}{}", error.pointer);
        format!("`{}`: {}", at.trim_start_matches('/'), error.sentence())
    }));
}

/// Adds the differences of a sent value from the wanted one: `` `query/page` is "2", expected 1 ``.
fn differ(at: &str, sent: &Value, wanted: &Value, typing: Typing, reasons: &mut Vec<String>) {
    if reasons.len() >= MOST_REASONS || has(sent, wanted, typing) {
        return;
    }
    match (sent, wanted) {
        (Value::Object(sent), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                let at = join(at, name);
                match sent.get(name) {
                    Some(sent) => differ(&at, sent, wanted, typing, reasons),
                    None => reasons.push(format!("`{at}` is absent, expected {}", brief(wanted))),
                }
            }
        }
        (Value::Array(sent), Value::Array(wanted)) if sent.len() == wanted.len() => {
            for (index, (sent, wanted)) in sent.iter().zip(wanted).enumerate() {
                differ(&join(at, &index.to_string()), sent, wanted, typing, reasons);
            }
        }
        _ => reasons.push(format!(
            "`{at}` is {}, expected {}",
            brief(sent),
            brief(wanted)
        )),
    }
}

/// Returns a value as JSON, cut to 80 characters.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Comparison of values of different JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typing {
    /// Values of different types differ.
    Strict,
    /// A text equals the number or boolean that it writes, as parameters are text in a request.
    Text,
}

impl Typing {
    fn of(part: &str) -> Self {
        if part == BODY {
            Self::Strict
        } else {
            Self::Text
        }
    }
}

/// Returns true if a sent value has the wanted ones: objects may have more members, lists and
/// scalars must be equal.
fn has(sent: &Value, wanted: &Value, typing: Typing) -> bool {
    match (sent, wanted) {
        (Value::Object(sent), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            sent.get(name)
                .is_some_and(|value| has(value, wanted, typing))
        }),
        (Value::Array(sent), Value::Array(wanted)) => {
            sent.len() == wanted.len()
                && sent
                    .iter()
                    .zip(wanted)
                    .all(|(sent, wanted)| has(sent, wanted, typing))
        }
        (Value::Number(number), Value::String(text))
        | (Value::String(text), Value::Number(number))
            if typing == Typing::Text =>
        {
            is_text_of(number, text)
        }
        (Value::Bool(truth), Value::String(text)) | (Value::String(text), Value::Bool(truth))
            if typing == Typing::Text =>
        {
            *text == truth.to_string()
        }
        _ => same(sent, wanted),
    }
}

/// Reader of conditions of one fixture file.
pub(crate) struct ConditionReader<'f> {
    /// Text of the file, for diagnostics.
    pub source: &'f Arc<Source>,
    /// Schemas of the file.
    pub schemas: &'f Arc<Schemas>,
}

impl ConditionReader<'_> {
    /// Reads the condition at a JSON Pointer.
    ///
    /// # Errors
    ///
    /// Returns a diagnostic if it is neither a schema nor a map of parts, or if it has a keyword
    /// or a part that does not exist: ignoring it would make the condition hold for every request.
    pub(crate) fn read(
        &self,
        pointer: &str,
        written: &Value,
    ) -> Result<RequestCondition, Diagnostic> {
        let test = match written {
            Value::Bool(_) => ConditionTest::Whole(self.whole(pointer, written)?),
            Value::Object(map) => self.test(pointer, written, map)?,
            _ => {
                let message = "`when` is a map of `path`, `query`, `header`, `cookie` and `body`, or a JSON Schema over them";
                return Err(invalid(Place::value(self.source, pointer), message));
            }
        };
        Ok(RequestCondition {
            written: written.clone(),
            place: Place::value(self.source, pointer),
            test,
        })
    }

    fn test(
        &self,
        pointer: &str,
        written: &Value,
        map: &Map<String, Value>,
    ) -> Result<ConditionTest, Diagnostic> {
        let key = |name: &str| Place::key(self.source, join(pointer, name));
        let is_part = |name: &&String| PARTS.contains(&name.as_str());
        if let Some(name) = map.keys().find(|name| !is_part(name) && !is_keyword(name)) {
            let message =
                format!("`{name}` is neither a part of a request nor a JSON Schema keyword");
            let known = PARTS.into_iter().chain(JSON_SCHEMA);
            let help = match nearest(name, known.filter(|known| !map.contains_key(*known))) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "the parts are `{}`; write, for a property of the body, `body: {{{name}: …}}`",
                    PARTS.join("`, `")
                ),
            };
            return Err(invalid(key(name), message).help(help));
        }
        let Some(part) = map.keys().find(is_part) else {
            return self.whole(pointer, written).map(ConditionTest::Whole);
        };
        if let Some(keyword) = map.keys().find(|name| !is_part(name)) {
            let message = format!("`when` has the keyword `{keyword}` beside the part `{part}`");
            return Err(invalid(key(keyword), message).help(format!(
                "write only parts, or only a JSON Schema: `{{{keyword}: …, properties: {{{part}: …}}}}`"
            )));
        }
        let parts = PARTS
            .into_iter()
            .filter_map(|part| map.get(part).map(|value| (part, value)));
        let read = |(part, value)| self.part(part, &join(pointer, part), value);
        parts
            .map(read)
            .collect::<Result<_, _>>()
            .map(ConditionTest::Parts)
    }

    /// Reads the condition on a part: a schema, if the value is a map of keywords only that can be
    /// the schema of the part, else plain values.
    fn part(
        &self,
        part: &'static str,
        pointer: &str,
        value: &Value,
    ) -> Result<PartCondition, Diagnostic> {
        if part != BODY && !value.is_object() {
            let message = format!("`{part}` is {value}, expected a map of names and values");
            return Err(invalid(Place::value(self.source, pointer), message));
        }
        let test = if may_be_schema(part, value) && self.is_schema(pointer) {
            self.known_keywords(pointer, value)?;
            PartTest::Schema(self.schema(pointer))
        } else {
            PartTest::Values(comparable(part, value))
        };
        Ok(PartCondition { part, test })
    }

    fn schema(&self, pointer: &str) -> Box<Schema> {
        let schema = Schema::new(self.schemas, pointer.to_owned(), Direction::Request);
        Box::new(schema)
    }

    fn is_schema(&self, pointer: &str) -> bool {
        self.schema(pointer).check_all().is_ok()
    }

    /// Reads a schema over all parts.
    fn whole(&self, pointer: &str, written: &Value) -> Result<Box<Schema>, Diagnostic> {
        self.known_keywords(pointer, written)?;
        self.known_parts(pointer, written)?;
        let schema = self.schema(pointer);
        match schema.check_all() {
            Ok(()) => Ok(schema),
            Err(error) => Err(invalid(
                Place::value(self.source, pointer),
                error.to_string(),
            )),
        }
    }

    fn known_keywords(&self, pointer: &str, schema: &Value) -> Result<(), Diagnostic> {
        let Some(unknown) = unknown_keyword(schema) else {
            return Ok(());
        };
        let help = match unknown.meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write the names of values below `properties`".to_owned(),
        };
        let message = format!("`{}` is not a JSON Schema keyword", unknown.name);
        let place = Place::key(self.source, format!("{pointer}{}", unknown.pointer));
        Err(invalid(place, message).help(help))
    }

    /// Rejects parts in `properties` and `required` that a request does not have.
    fn known_parts(&self, pointer: &str, when: &Value) -> Result<(), Diagnostic> {
        let properties = when.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flat_map(Map::keys);
        let named =
            properties.map(|name| (name.as_str(), join(&join(pointer, "properties"), name)));
        let required = when.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        let required = required
            .enumerate()
            .map(|(index, name)| (name, join(&join(pointer, "required"), &index.to_string())));
        let mut all = named.chain(required);
        let Some((name, at)) = all.find(|(name, _)| !PARTS.contains(name)) else {
            return Ok(());
        };
        let message = format!(
            "a request has no `{name}`, expected one of `{}`",
            PARTS.join("`, `")
        );
        let invalid = invalid(Place::value(self.source, at), message);
        Err(match nearest(name, PARTS.into_iter()) {
            Some(meant) => invalid.help(format!("did you mean `{meant}`?")),
            None => invalid.help(format!(
                "write, for a property of the body, `properties: {{body: {{properties: {{{name}: …}}}}}}`"
            )),
        })
    }
}

fn invalid(place: Place, message: impl Into<String>) -> Diagnostic {
    Diagnostic::at(Code::InvalidFixture, place, message)
}

/// Returns true if a name is a keyword of JSON Schema 2020-12 or an extension.
pub(crate) fn is_keyword(name: &str) -> bool {
    name.starts_with("x-") || JSON_SCHEMA.contains(&name)
}

/// Returns true if a value can only be meant as the schema of a part if it is a valid one: a map
/// of keywords, at least one of which restricts the part.
fn may_be_schema(part: &str, value: &Value) -> bool {
    let Value::Object(map) = value else {
        return false;
    };
    let restricts = |name: &String| {
        if part == BODY {
            JSON_SCHEMA.contains(&name.as_str()) && !ANNOTATIONS.contains(&name.as_str())
        } else {
            OF_OBJECTS.contains(&name.as_str())
        }
    };
    map.keys().all(|name| is_keyword(name)) && map.keys().any(restricts)
}

/// Returns wanted values with names as the request has them: those of header fields in lower case.
fn comparable(part: &str, value: &Value) -> Value {
    match value {
        Value::Object(map) if part == "header" => map
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_equal_numbers_where_parameters_are_text() {
        let pairs = [
            (json!("7"), json!(7)),
            (json!(7), json!("7")),
            (json!("true"), json!(true)),
        ];
        for (sent, wanted) in pairs {
            assert!(has(&sent, &wanted, Typing::Text), "{sent} {wanted}");
            assert!(!has(&sent, &wanted, Typing::Strict), "{sent} {wanted}");
        }
        assert!(has(&json!(1.0), &json!(1), Typing::Strict));
        assert!(!has(&json!("07"), &json!(7), Typing::Text));
        assert!(!has(&json!(null), &json!("null"), Typing::Text));
    }

    #[test]
    fn objects_match_as_subsets_and_lists_as_a_whole() {
        let sent = json!({"a": {"b": [1, {"c": 2, "d": 3}], "e": 4}});
        let holds = |wanted: Value| has(&sent, &wanted, Typing::Strict);
        assert!(holds(json!({"a": {"b": [1, {"c": 2}]}})));
        assert!(holds(json!({"a": {}})));
        assert!(!holds(json!({"a": {"b": [1]}})));
        assert!(!holds(json!({"a": {"x": null}})));
    }
}

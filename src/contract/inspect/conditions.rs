//! Conditions of fixtures that can never be met, or that may mean something else.
//!
//! Conditions are read without knowing the operation; here they are compared with its parameters
//! and its body.
use serde_json::{Map, Value, json};

use crate::contract::operation::Operation;
use crate::contract::request_condition::{
    BODY, ConditionTest, PARTS, PartCondition, PartTest, RequestCondition, is_keyword,
};
use crate::contract::route::Pin;
use crate::contract::terms::{Location, Parameter, ParameterForm, SecurityScheme};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::names::{JSON_SCHEMA, nearest};
use crate::document::syntax::join;
use crate::schema::{Schema, SchemaError};

/// Keywords whose violation by a part of a body cannot be repaired by members beside the part.
const OF_VALUES: [&str; 14] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
];

/// Returns a diagnostic for each part of a condition that no request to the operations can have.
#[must_use]
pub(super) fn inspect(when: &RequestCondition, operations: &[&Operation]) -> Vec<Diagnostic> {
    let inspection = ConditionInspection { when, operations };
    let mut found = Vec::new();
    if when.written == json!(false) {
        let message = "`when: false` holds for no request";
        found.push(inspection.unreachable("", message));
    }
    if let ConditionTest::Parts(parts) = &when.test {
        found.extend(parts.iter().filter_map(|part| inspection.ambiguous(part)));
    }
    let (named, body) = inspection.tests();
    for test in &named {
        found.extend(inspection.parameter(test));
    }
    if let Some((at, value)) = body {
        found.extend(inspection.body(&at, value));
    }
    found
}

struct ConditionInspection<'i, 'c> {
    when: &'c RequestCondition,
    operations: &'i [&'c Operation],
}

/// Test of one parameter.
struct ParameterTest<'c> {
    part: &'static str,
    name: &'c str,
    /// JSON Pointer of the test, relative to the condition.
    at: String,
    wanted: Wanted<'c>,
}

/// Values that a test of a parameter accepts.
enum Wanted<'c> {
    /// Plain value, compared with the text of the parameter.
    Plain(&'c Value),
    /// Values of `const` or `enum`, compared with the typed value.
    Typed(Vec<&'c Value>),
}

type BodyTest<'c> = (String, Option<&'c Value>);

impl<'c> ConditionInspection<'_, 'c> {
    fn place(&self, at: &str) -> Place {
        let place = &self.when.place;
        Place::value(place.source(), format!("{}{at}", place.pointer()))
    }

    fn unreachable(&self, at: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(Code::UnreachableFixture, self.place(at), message)
    }

    /// Returns the names of the operations for a message, with a verb: `` `get-pet` has ``.
    fn subject(&self, verb: &str) -> String {
        match self.operations {
            [only] => format!("`{}` {verb} no", only.name()),
            _ => format!("no operation that this entry applies to {verb} a"),
        }
    }

    /// Returns the tests of parameters, and the test of the body with its plain value, if it has
    /// one.
    fn tests(&self) -> (Vec<ParameterTest<'c>>, Option<BodyTest<'c>>) {
        let (written, mut named, mut body) = (&self.when.written, Vec::new(), None);
        match &self.when.test {
            ConditionTest::Whole(_) => {
                for part in PARTS.into_iter().filter(|part| *part != BODY) {
                    let pointer = join("/properties", part);
                    if let Some(schema) = written.pointer(&pointer) {
                        named.extend(of_schema(part, &pointer, schema));
                    }
                }
                let required = written.get("required").and_then(Value::as_array);
                if required.is_some_and(|names| names.iter().any(|name| name == BODY)) {
                    body = Some(("/required".to_owned(), None));
                }
            }
            ConditionTest::Parts(parts) => {
                for PartCondition { part, test } in parts {
                    let (at, value) = (join("", part), &written[*part]);
                    match test {
                        PartTest::Values(_) if *part == BODY => body = Some((at, Some(value))),
                        PartTest::Schema(_) if *part == BODY => body = Some((at, None)),
                        PartTest::Schema(_) => named.extend(of_schema(part, &at, value)),
                        PartTest::Values(_) => named.extend(of_values(part, &at, value)),
                    }
                }
            }
        }
        (named, body)
    }

    /// Reports a map that may be meant as values or as a schema.
    fn ambiguous(&self, condition: &PartCondition) -> Option<Diagnostic> {
        let part = condition.part;
        let map = self.when.written[part].as_object()?;
        let at = |name: &str| {
            let pointer = format!(
                "{}{}",
                self.when.place.pointer(),
                join(&join("", part), name)
            );
            Place::key(self.when.place.source(), pointer)
        };
        let is_documented =
            |name: &str| self.operations.iter().any(|own| documents(own, part, name));
        let noun = noun(part);
        if matches!(condition.test, PartTest::Schema(_)) {
            let name = map.keys().find(|name| is_documented(name))?;
            let message = format!(
                "`{name}` is a JSON Schema keyword and a {noun}; `{part}` is read as a JSON Schema"
            );
            return Some(
                Diagnostic::at(Code::AmbiguousCondition, at(name), message).help(format!(
                    "to compare values, write `{part}: {{properties: {{{name}: {{const: …}}}}}}`"
                )),
            );
        }
        let is_open = !self.operations.iter().any(|own| names_all(own, part));
        let is_doubtful = |name: &&String| {
            let is_near = || !is_open && nearest(name, JSON_SCHEMA.into_iter()).is_some();
            let is_extension = name.starts_with("x-");
            !is_extension && (is_keyword(name) || is_near()) && !is_documented(name)
        };
        let name = map.keys().find(is_doubtful)?;
        let message = format!("`{part}` is read as plain values, and no {noun} is called `{name}`");
        Some(
            Diagnostic::at(Code::AmbiguousCondition, at(name), message).help(format!(
                "for a JSON Schema, write `when: {{properties: {{{part}: …}}}}`"
            )),
        )
    }

    /// Reports a parameter that no operation has, or a value that it can never have.
    fn parameter(&self, test: &ParameterTest<'c>) -> Option<Diagnostic> {
        let ParameterTest { part, name, .. } = test;
        if *part == "header"
            && matches!(test.wanted, Wanted::Typed(_))
            && name.chars().any(char::is_uppercase)
        {
            let lower = name.to_ascii_lowercase();
            let message = format!("the header field `{name}` is called `{lower}` in a schema");
            return Some(self.unreachable(&test.at, message).help(format!(
                "write `{lower}`, as names of header fields are in lower case there"
            )));
        }
        if !self.operations.iter().any(|own| documents(own, part, name)) {
            return self.unknown(test);
        }
        let parameters = self.operations.iter().filter_map(|own| {
            own.compiled()
                .parameters
                .iter()
                .find(|own| is_called(own, part, name))
        });
        let schemas: Vec<&Schema> = parameters
            .filter(|own| !own.allow_empty)
            .filter_map(|own| own.schema().map(|schema| &**schema))
            .collect();
        let documenting = self
            .operations
            .iter()
            .filter(|own| documents(own, part, name));
        if schemas.is_empty() || schemas.len() < documenting.count() {
            return None;
        }
        if let Wanted::Plain(value @ Value::Object(_)) = test.wanted {
            let may_be_object = |schema: &&Schema| {
                let types = schema.own_types();
                types.is_empty() || types.contains(&"object")
            };
            if schemas.iter().any(may_be_object) {
                return None;
            }
            let message = format!("the {} `{name}` is never an object", noun(part));
            let found = self.unreachable(&test.at, message);
            return Some(help_for_schema(found, value, &format!("{part}/{name}")));
        }
        let wanted = test.wanted.candidates();
        let is_possible = |value: &Value| {
            schemas
                .iter()
                .any(|schema| schema.is_valid(value) != Ok(false))
        };
        if wanted.is_empty() || wanted.iter().any(is_possible) {
            return None;
        }
        let shown = wanted.first()?;
        let errors = schemas[0].errors(shown).unwrap_or_default();
        let why = errors
            .first()
            .map(SchemaError::sentence)
            .unwrap_or_default();
        let message = format!("the {} `{name}` is never {shown}: {why}", noun(part));
        Some(self.unreachable(&test.at, message))
    }

    fn unknown(&self, test: &ParameterTest<'c>) -> Option<Diagnostic> {
        let ParameterTest { part, name, at, .. } = test;
        // A keyword as a name is reported as ambiguous.
        if matches!(test.wanted, Wanted::Plain(_)) && JSON_SCHEMA.contains(name) {
            return None;
        }
        let known: Vec<&str> = self
            .operations
            .iter()
            .flat_map(|own| parameters_in(own, part))
            .collect();
        let near = nearest(name, known.iter().copied());
        // Clients send many header fields and cookies that no document mentions.
        if near.is_none() && !matches!(*part, "path" | "query") {
            return None;
        }
        let message = format!("{} {} `{name}`", self.subject("has"), noun(part));
        let unknown = Diagnostic::at(Code::UnknownFixtureParameter, self.place(at), message);
        Some(match near {
            Some(near) => unknown.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => unknown.help(format!("there is no {}", noun(part))),
            None => unknown.help(format!("there is `{}`", known.join("`, `"))),
        })
    }

    /// Reports a body that no operation has, or a value that it can never have.
    fn body(&self, at: &str, value: Option<&Value>) -> Option<Diagnostic> {
        let bodies: Vec<_> = self
            .operations
            .iter()
            .filter_map(|own| own.compiled().body.as_ref())
            .collect();
        if bodies.is_empty() {
            let message = format!("{} request body", self.subject("documents"));
            return Some(self.unreachable(at, message));
        }
        let value = value?;
        let mut first: Option<SchemaError> = None;
        for media in bodies.iter().flat_map(|body| &body.content) {
            let errors = media.schema.as_ref()?.errors(value).unwrap_or_default();
            let error = errors.into_iter().find(|error| is_final(error, value))?;
            first.get_or_insert(error);
        }
        let error = first?;
        let message = format!("the request body never has this value: {}", error.located());
        let found = self.unreachable(&format!("{at}{}", error.pointer), message);
        let part = value.pointer(&error.pointer).unwrap_or(value);
        Some(help_for_schema(
            found,
            part,
            &format!("{BODY}{}", error.pointer),
        ))
    }
}

/// Adds the notation of a JSON Schema to a diagnostic about a value, if the value may be meant as
/// one: `{minimum: 10}`. `at` is its place in the request: `query/limit`.
fn help_for_schema(found: Diagnostic, value: &Value, at: &str) -> Diagnostic {
    let is_schema = |map: &Map<String, Value>| {
        !map.is_empty() && map.keys().all(|name| JSON_SCHEMA.contains(&name.as_str()))
    };
    if !value.as_object().is_some_and(is_schema) {
        return found;
    }
    let (part, names) = at.split_once('/').unwrap_or((at, ""));
    let names = names.split('/').filter(|name| !name.is_empty());
    let around: Vec<String> = names
        .map(|name| format!("{{properties: {{{name}: "))
        .collect();
    let ends = "}}".repeat(around.len());
    found.help(format!(
        "for a JSON Schema, write `{part}: {}{value}{ends}`",
        around.concat()
    ))
}

/// Returns true if no members beside a part of a body can repair an error of the part.
fn is_final(error: &SchemaError, body: &Value) -> bool {
    let is_object = body.pointer(&error.pointer).is_some_and(Value::is_object);
    OF_VALUES.contains(&error.keyword.as_str()) && (error.keyword == "type" || !is_object)
}

impl Wanted<'_> {
    /// Returns the typed values that a parameter may have to be accepted; empty if that is not
    /// known.
    fn candidates(&self) -> Vec<Value> {
        match self {
            Self::Plain(value) => vec![(*value).clone(), as_text(value), as_typed(value)],
            Self::Typed(values) => values.iter().map(|value| (*value).clone()).collect(),
        }
    }
}

/// Returns a value with texts instead of numbers and booleans.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(as_text).collect(),
        Value::Number(_) | Value::Bool(_) => json!(value.to_string()),
        value => value.clone(),
    }
}

/// Returns a value with numbers and booleans instead of the texts that write them.
fn as_typed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(as_typed).collect(),
        Value::String(text) => serde_json::from_str(text)
            .ok()
            .filter(|typed: &Value| typed.is_number() || typed.is_boolean())
            .unwrap_or_else(|| value.clone()),
        value => value.clone(),
    }
}

/// Returns the tests of a map of plain values.
fn of_values<'c>(part: &'static str, at: &str, value: &'c Value) -> Vec<ParameterTest<'c>> {
    let map = value.as_object().into_iter().flatten();
    map.map(|(name, value)| ParameterTest {
        part,
        name,
        at: join(at, name),
        wanted: Wanted::Plain(value),
    })
    .collect()
}

/// Returns the tests in `properties` and `required` of a schema.
fn of_schema<'c>(part: &'static str, at: &str, schema: &'c Value) -> Vec<ParameterTest<'c>> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut tests: Vec<ParameterTest<'c>> = Vec::new();
    for (name, test) in properties.into_iter().flatten() {
        let listed = test.get("enum").and_then(Value::as_array);
        let listed = listed.into_iter().flatten();
        let wanted = test.get("const").into_iter().chain(listed).collect();
        let at = join(&join(at, "properties"), name);
        tests.push(ParameterTest {
            part,
            name,
            at,
            wanted: Wanted::Typed(wanted),
        });
    }
    let required = schema.get("required").and_then(Value::as_array);
    for (index, name) in required.into_iter().flatten().enumerate() {
        let Some(name) = name.as_str() else { continue };
        if tests.iter().all(|test| test.name != name) {
            tests.push(ParameterTest {
                part,
                name,
                at: join(&join(at, "required"), &index.to_string()),
                wanted: Wanted::Typed(Vec::new()),
            });
        }
    }
    tests
}

/// Returns the noun for a value of a part.
fn noun(part: &str) -> &'static str {
    match part {
        "path" => "path parameter",
        "query" => "query parameter",
        "header" => "header parameter",
        "cookie" => "cookie",
        _ => "property of the body",
    }
}

fn is_called(parameter: &Parameter, part: &str, name: &str) -> bool {
    parameter.location.as_str() == part
        && if parameter.location == Location::Header {
            parameter.name.eq_ignore_ascii_case(name)
        } else {
            parameter.name == name
        }
}

/// Returns the names of the parameters in a part of the requests of an operation.
fn parameters_in<'o>(operation: &'o Operation, part: &str) -> Vec<&'o str> {
    let compiled = operation.compiled();
    let parameters = compiled.parameters.iter();
    let mut names: Vec<&str> = parameters
        .filter(|own| own.location.as_str() == part)
        .map(|own| own.name.as_str())
        .collect();
    if part == "path" {
        let undeclared = compiled.path_names.iter().map(String::as_str);
        names.extend(
            undeclared
                .filter(|name| !names.contains(name))
                .collect::<Vec<_>>(),
        );
    }
    let schemes = compiled.security.iter().flat_map(|own| &own.schemes);
    for scheme in schemes {
        match scheme {
            SecurityScheme::ApiKey { location, name } if location.as_str() == part => {
                names.push(name);
            }
            _ => {}
        }
    }
    for pin in operation.variant.iter().flat_map(|variant| &variant.pins) {
        match pin {
            Pin::Query(name, _) if part == "query" => names.push(name),
            Pin::Field(name, _) if part == "query" || part == "header" => names.push(name),
            _ => {}
        }
    }
    names
}

/// Returns true if an operation documents a value of a part of its requests.
fn documents(operation: &Operation, part: &str, name: &str) -> bool {
    if part == BODY {
        return properties(operation).contains_key(name);
    }
    let names = parameters_in(operation, part);
    let is_known = if part == "header" {
        names.iter().any(|own| own.eq_ignore_ascii_case(name))
    } else {
        names.contains(&name)
    };
    is_known || part == "query" && has_free_names(operation)
}

/// Returns true if the names of query parameters follow from a schema, as those of an object with
/// `explode`.
fn has_free_names(operation: &Operation) -> bool {
    let queries = operation.compiled().parameters.iter();
    let mut queries = queries.filter(|own| own.location == Location::Query);
    queries.any(|own| match &own.form {
        ParameterForm::Query(_) => true,
        ParameterForm::Styled { schema, .. } => schema.own_types().contains(&"object"),
        ParameterForm::Content(_) => false,
    })
}

/// Returns true if the document names the values of a part.
fn names_all(operation: &Operation, part: &str) -> bool {
    part != BODY || !properties(operation).is_empty()
}

/// Returns the properties that the schemas of the body declare.
fn properties(operation: &Operation) -> Map<String, Value> {
    let bodies = operation.compiled().body.iter();
    let schemas = bodies
        .flat_map(|body| &body.content)
        .filter_map(|media| media.schema.as_ref());
    schemas
        .flat_map(|schema| schema.declared())
        .map(|declared| (declared.name.clone(), Value::Null))
        .collect()
}
